//! Nodes that come, change and go, with their pools. However many do so at once, there is one new snapshot, and only
//! their pools are touched: a change costs what changed, and one copy of the list of nodes (D-2).

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cenote::{Manager, Node, Pool, State as Life};

use super::{Core, Member, State};
use crate::discovery::{Desk, Note, Order};
use crate::error::BuildError;
use crate::event::{Event, EventKind};
use crate::settle::Removing;
use crate::totals::Census;

/// A node that cannot be used.
pub(crate) struct Refusal<E> {
    pub(crate) key: String,
    pub(crate) error: BuildError<E>,
    /// What is there, and stays: what was to be changed.
    pub(crate) stays: Option<Node>,
}

/// What is to be done, after a look at who is there.
struct Plan<E> {
    /// With their ids; `Some`: instead of what is there.
    newcomers: Vec<(u64, Node, Option<Node>)>,
    changed: Vec<Node>,
    gone: BTreeSet<String>,
    refusals: Vec<Refusal<E>>,
}

impl<M: Manager> Core<M> {
    /// Carries these orders out, all at once. Borrowers of nodes that go may finish within `drain`. Returns which nodes
    /// cannot be used; an unknown node that is to be changed is added.
    pub(crate) fn apply(&self, orders: Vec<Order>, drain: Duration) -> Vec<Refusal<M::Error>> {
        let Plan { newcomers, changed, mut gone, mut refusals } = self.plan(orders);
        let mut made = Vec::new();
        for (id, node, stays) in newcomers {
            let key = node.key().to_owned();
            // The closures that make it are somebody else's code: their panic costs this node and nothing else.
            let make = AssertUnwindSafe(|| self.make_member(id, node));
            let made_it = catch_unwind(make)
                .unwrap_or_else(|_| Err(BuildError::Panicked { node: key.clone() }));
            match made_it {
                Ok(member) => {
                    // Only now: what is there stays until there is something instead.
                    gone.extend(stays.is_some().then_some(key));
                    made.push(member);
                }
                Err(error) => refusals.push(Refusal { key, error, stays }),
            }
        }
        let mut state = self.lock();
        let left = state.take_out(&self.name, |node| gone.contains(node.key()));
        for node in changed {
            state.change(&self.name, node);
        }
        let (mut added, mut late) = (Vec::new(), Vec::new());
        for mut member in made {
            member.follow(&left);
            let key = member.node.key();
            // Somebody may have been quicker.
            if state.at(key).is_some() {
                let error = BuildError::Twice { node: key.to_owned() };
                refusals.push(Refusal { key: key.to_owned(), error, stays: None });
                late.push(member);
                continue;
            }
            added.push(member.pool.clone());
            state.tell(&self.name, member.node.key(), EventKind::Added);
            state.put_in(member);
        }
        drop(state);
        drop(late);
        self.refresh_and(true);
        if !added.is_empty() {
            self.monitor.raise();
        }
        let left = self.let_go(left);
        if !left.is_empty() {
            // Sources with nodes that could not be used try these again: two may list the same one.
            self.settings.sources.iter().for_each(|desk| desk.freed());
            // It acts at once; nobody waits for its end.
            drop(Removing::new(left, drain));
        }
        for pool in added {
            // A pause, a drain or a close that came meanwhile is for this one too.
            match self.life() {
                Life::Running => {}
                Life::Paused => {
                    let _settled = pool.pause();
                    // Whoever resumed the cluster meanwhile may have come to this pool too early.
                    if self.life() == Life::Running {
                        let _settled = pool.resume();
                    }
                }
                _ => drop(pool.close_now()),
            }
        }
        refusals
    }

    fn plan(&self, orders: Vec<Order>) -> Plan<M::Error> {
        let ends = self.life() >= Life::Draining;
        let mut plan = Plan {
            newcomers: Vec::new(),
            changed: Vec::new(),
            gone: BTreeSet::new(),
            refusals: Vec::new(),
        };
        let goes = |order: &Order| match order {
            Order::Remove(key) => Some(key.clone()),
            _ => None,
        };
        plan.gone.extend(orders.iter().filter_map(goes));
        let mut state = self.lock();
        let stay = state.members.iter().map(|member| &*member.node);
        let mut census = Census::of(stay.filter(|node| !plan.gone.contains(node.key())));
        for order in orders {
            let (node, may_be_there) = match order {
                Order::Add(node) => (node, false),
                Order::Change(node) => (node, true),
                Order::Remove(_) => continue,
            };
            let there = state.at(node.key()).map(|at| Node::clone(&state.members[at].node));
            let error = match &there {
                _ if ends => Some(BuildError::Closed),
                Some(old) if may_be_there && old.address() == node.address() => {
                    plan.changed.push(node);
                    continue;
                }
                Some(_) if !may_be_there => Some(BuildError::Twice { node: node.key().to_owned() }),
                Some(_) => None,
                None => self.settings.totals.must_fit(census.with(&node)).err(),
            };
            if let Some(error) = error {
                let stays = there.filter(|_| may_be_there);
                plan.refusals.push(Refusal { key: node.key().to_owned(), error, stays });
                continue;
            }
            if there.is_none() {
                census = census.with(&node);
            }
            state.last_id += 1;
            plan.newcomers.push((state.last_id, node, there));
        }
        plan
    }

    /// Takes nodes out; nothing new is lent from them. Returns their pools, which are to be closed.
    pub(crate) fn remove(&self, which: impl Fn(&Node) -> bool) -> Vec<Pool<M>> {
        let gone = self.lock().take_out(&self.name, which);
        if gone.is_empty() {
            return Vec::new();
        }
        self.refresh_and(true);
        self.let_go(gone)
    }

    /// Whoever waits at nodes that are gone is sent elsewhere.
    fn let_go(&self, gone: Vec<Member<M>>) -> Vec<Pool<M>> {
        for member in &gone {
            member.standing.watchers.wake_all();
        }
        gone.into_iter().map(|member| member.pool).collect()
    }

    /// The keys and addresses of the nodes.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        self.lock().members.iter().map(|member| Arc::clone(&member.node)).collect()
    }

    /// Tells observers of a source.
    pub(crate) fn note(&self, desk: &Desk, notes: Vec<Note>) {
        if notes.is_empty() {
            return;
        }
        let mut state = self.lock();
        for note in notes {
            let kind = EventKind::Discovery { source: desk.name(), note };
            state.tell(&self.name, "", kind);
        }
        drop(state);
        self.deliver();
    }

    /// Why there is no node at all, if the sources know; and whether waiting for them is in vain.
    pub(crate) fn no_nodes(&self) -> (Vec<String>, bool) {
        let now = self.env.now();
        let desks = &self.settings.sources;
        let reasons = desks.iter().map(|desk| desk.status(now).to_string()).collect();
        (reasons, desks.iter().all(|desk| desk.is_hopeless()))
    }
}

impl<M: Manager> Member<M> {
    /// What was said by hand of the node in whose place this one comes is said of this one too.
    fn follow(&mut self, left: &[Member<M>]) {
        let Some(old) = left.iter().find(|old| old.node.key() == self.node.key()) else { return };
        self.hand.held = old.hand.held;
        self.told.by_hand = old.told.by_hand;
        if old.node.configured_weight() == self.node.configured_weight() {
            self.hand.weight = old.hand.weight;
        }
    }
}

impl<M: Manager> State<M> {
    /// The position of the node with this key.
    pub(super) fn at(&self, key: &str) -> Option<usize> {
        let id = self.keys.get(key)?;
        self.members.binary_search_by_key(id, |member| member.id).ok()
    }

    fn put_in(&mut self, member: Member<M>) {
        for observer in &self.pool_observers {
            member.pool.observe(Arc::clone(observer)).forget();
        }
        self.keys.insert(Arc::clone(&member.standing.key), member.id);
        // Others may have come meanwhile; the order of ids is the order of places.
        let at = self.members.partition_point(|known| known.id < member.id);
        self.members.insert(at, member);
    }

    fn take_out(&mut self, cluster: &Arc<str>, which: impl Fn(&Node) -> bool) -> Vec<Member<M>> {
        let members = std::mem::take(&mut self.members);
        let (gone, kept): (Vec<_>, Vec<_>) = members.into_iter().partition(|m| which(&m.node));
        self.members = kept;
        for member in &gone {
            self.keys.remove(member.node.key());
            self.lent_before += member.standing.load.lent_so_far();
            self.claims_of(&member.node).gone(member.id);
            self.tell(cluster, member.node.key(), EventKind::Removed);
        }
        gone
    }

    /// Changes what may change of a node without a connection being closed.
    fn change(&mut self, cluster: &Arc<str>, node: Node) {
        let Some(at) = self.at(node.key()) else { return };
        let old = Arc::clone(&self.members[at].node);
        if *old == node {
            return;
        }
        if old.configured_group() != node.configured_group() {
            let id = self.members[at].id;
            self.claims_of(&old).gone(id);
        }
        let member = &mut self.members[at];
        let from = member.weight();
        if old.configured_weight() != node.configured_weight() {
            // The later word wins.
            member.hand.weight = None;
        }
        member.node = Arc::new(node);
        let to = member.weight();
        if from != to {
            self.tell(cluster, old.key(), EventKind::WeightChanged { from, to });
        }
    }

    pub(super) fn tell(&mut self, cluster: &Arc<str>, node: &str, kind: EventKind) {
        if !self.observers.is_empty() {
            self.outbox.push_back(Event { cluster: Arc::clone(cluster), node: node.into(), kind });
        }
    }
}
