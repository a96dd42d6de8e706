//! Nodes that come, change and go, with their pools.

use std::sync::{Arc, Weak};
use std::time::Duration;

use cenote::{Bound, Manager, Node, Pool, Role, State as Life};

use super::{Core, Member, State, Told};
use crate::error::BuildError;
use crate::event::EventKind;
use crate::standing::{Office, Standing};

impl<M: Manager> Core<M> {
    /// Makes a node a member; its pool starts to fill.
    pub(crate) fn add(&self, node: Node) -> Result<(), BuildError<M::Error>> {
        if self.life() >= Life::Draining {
            return Err(BuildError::Closed);
        }
        let id = {
            let mut state = self.lock();
            state.must_be_new(&node)?;
            self.settings.totals.must_fit(state.members.iter().map(|m| &*m.node), &node)?;
            state.last_id += 1;
            state.last_id
        };
        let manager = (self.make)(&node)
            .map_err(|error| BuildError::Address { node: node.key().to_owned(), error })?;
        let standing = Standing::new(
            id,
            node.key().into(),
            self.settings.rules,
            self.settings.scoring,
            self.settings.throttle,
            Arc::clone(&self.env),
            Arc::clone(&self.random),
            self.office(),
        );
        let pool = self.build_pool(&node, manager, &standing)?;
        let node = Arc::new(node);
        let added = pool.clone();
        let mut state = self.lock();
        state.must_be_new(&node)?;
        let member = Member {
            id,
            node: Arc::clone(&node),
            standing,
            pool,
            lag: None,
            told: Told { role: self.first_role(&node), ..Told::default() },
            grant: Bound::Unlimited,
            seeking: false,
            reached: 0.0,
        };
        state.tell(&self.name, node.key(), EventKind::Added);
        // Others may have come meanwhile; the order of ids is the order of places.
        let at = state.members.partition_point(|member| member.id < id);
        state.members.insert(at, member);
        drop(state);
        self.refresh_and(true);
        self.monitor.raise();
        // A pause, a drain or a close that came meanwhile is for this one too.
        match self.life() {
            Life::Running => {}
            Life::Paused => drop(added.pause()),
            _ => drop(added.close_now()),
        }
        Ok(())
    }

    fn office(&self) -> Weak<dyn Office> {
        let me: Weak<Core<M>> = self.me.clone();
        me
    }

    pub(super) fn first_role(&self, node: &Node) -> Option<Role> {
        match (node.configured_role(), self.settings.probing) {
            (None, false) => Some(Role::Primary),
            (configured, _) => configured,
        }
    }

    fn build_pool(
        &self,
        node: &Node,
        manager: M,
        standing: &Arc<Standing>,
    ) -> Result<Pool<M>, BuildError<M::Error>> {
        let role = self.first_role(node).map_or("any", Role::name);
        // One connection tells whether the node is there; while it cannot be made callers are sent elsewhere, and a
        // node that is back is wanted soon.
        let first =
            Pool::builder(manager).min_size(1).fail_fast(true).backoff_max(Duration::from_secs(1));
        let shaped = self.shapes.iter().fold(first, |builder, shape| shape(node, builder));
        let membership: Arc<Standing> = Arc::clone(standing);
        let pool = shaped
            .name(format!("{}:{role}:{}", self.name, node.key()))
            .acquire_timeout(self.settings.timeout)
            .env(Arc::clone(&self.env))
            .membership(membership)
            .build()
            .map_err(|error| BuildError::Pool {
                node: node.key().to_owned(),
                error: Box::new(error),
            })?;
        if pool.options().min_size == 0 {
            let kept = pool.set_min_size(1);
            debug_assert!(kept.is_ok(), "max_size is at least 1");
        }
        Ok(pool)
    }

    /// Takes nodes out; nothing new is lent from them. Returns their pools, which are to be closed.
    pub(crate) fn remove(&self, which: impl Fn(&Node) -> bool) -> Vec<Pool<M>> {
        let mut state = self.lock();
        let members = std::mem::take(&mut state.members);
        let (gone, kept): (Vec<_>, Vec<_>) = members.into_iter().partition(|m| which(&m.node));
        state.members = kept;
        for member in &gone {
            state.lent_before += member.standing.load.lent_so_far();
            state.claims_of(&member.node).gone(member.id);
            state.tell(&self.name, member.node.key(), EventKind::Removed);
        }
        drop(state);
        if gone.is_empty() {
            return Vec::new();
        }
        self.refresh_and(true);
        for member in &gone {
            member.standing.watchers.wake_all();
        }
        gone.into_iter().map(|member| member.pool).collect()
    }

    /// Changes what may change of a node without a connection being closed. False: there is no such node, or it has
    /// another address.
    pub(crate) fn update(&self, node: &Node) -> bool {
        let mut state = self.lock();
        let found = state.members.iter().position(|m| m.node.key() == node.key());
        let Some(at) = found.filter(|at| state.members[*at].node.address() == node.address())
        else {
            return false;
        };
        let old = Arc::clone(&state.members[at].node);
        if *old != *node {
            if old.configured_group() != node.configured_group() {
                let id = state.members[at].id;
                state.claims_of(&old).gone(id);
            }
            state.members[at].node = Arc::new(node.clone());
            let (from, to) = (old.configured_weight(), node.configured_weight());
            if from != to {
                state.tell(&self.name, node.key(), EventKind::WeightChanged { from, to });
            }
            drop(state);
            self.refresh_and(true);
        }
        true
    }

    /// The keys and addresses of the nodes.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        self.lock().members.iter().map(|member| Arc::clone(&member.node)).collect()
    }
}

impl<M: Manager> State<M> {
    fn must_be_new(&self, node: &Node) -> Result<(), BuildError<M::Error>> {
        match self.members.iter().any(|member| member.node.key() == node.key()) {
            true => Err(BuildError::Twice { node: node.key().to_owned() }),
            false => Ok(()),
        }
    }
}
