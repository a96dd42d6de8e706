//! Where everything meets: the nodes' records, and the one function that makes a new snapshot of them
//! ([`Core::refresh`]). Whoever has news (a pool, the monitor, whoever adds a node, the clock) changes its own record
//! and calls it. It is called for changes, never for requests.
//!
//! Order of locks: the state, then a node's record or a pool's lock. Observers are told, callers woken and grants set
//! after the state is let go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use cenote::{
    Bound, Builder, Env, Manager, Node, Pool, Probed, Role, State as Life, Time, Timeout,
};

use crate::balance::{Balance, Scoring};
use crate::error::BuildError;
use crate::event::{Event, EventKind, Observer};
use crate::health::{Condition, HealthRules};
use crate::random::{Random, stable_hash};
use crate::retry::Purse;
use crate::role::Claims;
use crate::snapshot::{Admission, Place, Snapshot};
use crate::standing::{Office, Standing};
use crate::totals::{Totals, divide};
use crate::watch::{Bell, Watchers};

/// What callers do when no node that could serve them is online.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllDown {
    /// They wait for one until their deadline. The default.
    #[default]
    Wait,
    /// They fail at once.
    Fail,
}

/// What is fixed when the cluster is built.
pub(crate) struct Settings {
    pub(crate) rules: HealthRules,
    pub(crate) scoring: Option<Scoring>,
    pub(crate) times: bool,
    pub(crate) throttle: f64,
    pub(crate) max_lag: Option<Duration>,
    pub(crate) zone: Option<Arc<str>>,
    pub(crate) all_down: AllDown,
    pub(crate) timeout: Timeout,
    pub(crate) totals: Totals,
    /// Roles are asked for, so what is configured is only believed until there is an answer.
    pub(crate) probing: bool,
    /// How often after a suspicion, and for how long.
    pub(crate) quick: Duration,
    pub(crate) quick_for: Duration,
}

type Make<M> = Box<dyn Fn(&Node) -> Result<M, <M as Manager>::Error> + Send + Sync>;
type Shape<M> = Box<dyn Fn(&Node, Builder<M>) -> Builder<M> + Send + Sync>;

/// One node.
struct Member<M: Manager> {
    id: u64,
    node: Arc<Node>,
    standing: Arc<Standing>,
    pool: Pool<M>,
    lag: Option<Duration>,
    /// What observers were told last.
    told: Told,
    grant: Bound,
    seeking: bool,
}

#[derive(Clone, Copy, Default)]
struct Told {
    online: Option<bool>,
    ejected: bool,
    lagging: bool,
    role: Option<Role>,
}

pub(crate) struct State<M: Manager> {
    members: Vec<Member<M>>,
    last_id: u64,
    /// By group: each has a primary of its own.
    claims: BTreeMap<Option<String>, Claims>,
    observers: Vec<(u64, Observer)>,
    last_observer: u64,
    outbox: VecDeque<Event>,
    delivering: bool,
    /// Loans of nodes that are gone, so that the sum never falls.
    lent_before: u64,
    no_primary_since: Option<Time>,
    last_primary_error: Option<Arc<str>>,
}

pub(crate) struct Core<M: Manager> {
    pub(crate) name: Arc<str>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) random: Arc<Random>,
    pub(crate) balance: Arc<dyn Balance>,
    pub(crate) settings: Settings,
    pub(crate) snapshot: ArcSwap<Snapshot<M>>,
    /// Of the snapshot, to be compared without loading it.
    pub(crate) version: AtomicU64,
    /// Callers for whom there is no node at the moment.
    pub(crate) watchers: Watchers,
    pub(crate) purse: Mutex<Purse>,
    pub(crate) steward: Arc<Bell>,
    pub(crate) monitor: Arc<Bell>,
    suspected_until: AtomicU64,
    life: AtomicU8,
    state: Mutex<State<M>>,
    make: Make<M>,
    shapes: Vec<Shape<M>>,
    me: Weak<Core<M>>,
}

/// What is to be done when the state is let go.
struct After<M: Manager> {
    grants: Vec<(Pool<M>, Bound)>,
    /// Pools whose node was found to be unreachable, or not to be any more.
    seeking: Vec<(Pool<M>, bool)>,
    /// Nodes whose queues callers should leave.
    left: Vec<Arc<Standing>>,
    wake: bool,
    due: Time,
}

impl<M: Manager> Core<M> {
    #[expect(clippy::too_many_arguments, reason = "made in one place")]
    pub(crate) fn new(
        name: Arc<str>,
        env: Arc<dyn Env>,
        random: Random,
        balance: Arc<dyn Balance>,
        settings: Settings,
        purse: Purse,
        make: Make<M>,
        shapes: Vec<Shape<M>>,
    ) -> Arc<Core<M>> {
        Arc::new_cyclic(|me| Core {
            name,
            random: Arc::new(random),
            balance,
            settings,
            snapshot: ArcSwap::from_pointee(Snapshot::empty()),
            version: AtomicU64::new(0),
            watchers: Watchers::default(),
            purse: Mutex::new(purse),
            steward: Arc::default(),
            monitor: Arc::default(),
            suspected_until: AtomicU64::new(0),
            life: AtomicU8::new(code(Life::Running)),
            state: Mutex::new(State {
                members: Vec::new(),
                last_id: 0,
                claims: BTreeMap::new(),
                observers: Vec::new(),
                last_observer: 0,
                outbox: VecDeque::new(),
                delivering: false,
                lent_before: 0,
                no_primary_since: Some(env.now()),
                last_primary_error: None,
            }),
            make,
            shapes,
            me: me.clone(),
            env,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn life(&self) -> Life {
        match self.life.load(Ordering::Acquire) {
            0 => Life::Running,
            1 => Life::Paused,
            2 => Life::Draining,
            _ => Life::Closed,
        }
    }

    /// Only on, never back, but for a pause.
    pub(crate) fn set_life(&self, life: Life) {
        let may = |now: u8| (now < 2 || code(life) > now).then_some(code(life));
        let _ = self.life.fetch_update(Ordering::AcqRel, Ordering::Acquire, may);
        self.watchers.wake_all();
        self.steward.raise();
        self.monitor.raise();
    }

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
        };
        state.tell(&self.name, node.key(), EventKind::Added);
        // Others may have come meanwhile; the order of ids is the order of places.
        let at = state.members.partition_point(|member| member.id < id);
        state.members.insert(at, member);
        drop(state);
        self.refresh_and(true);
        self.monitor.raise();
        Ok(())
    }

    fn office(&self) -> Weak<dyn Office> {
        let me: Weak<Core<M>> = self.me.clone();
        me
    }

    fn first_role(&self, node: &Node) -> Option<Role> {
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
            .map_err(|error| BuildError::Pool { node: node.key().to_owned(), error })?;
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

    pub(crate) fn observe(&self, observer: Observer) -> u64 {
        let mut state = self.lock();
        state.last_observer += 1;
        let id = state.last_observer;
        state.observers.push((id, observer));
        id
    }

    pub(crate) fn forget_observer(&self, id: u64) {
        let mut state = self.lock();
        let at = state.observers.iter().position(|(known, _)| *known == id);
        let gone = at.map(|at| state.observers.swap_remove(at));
        drop(state);
        drop(gone);
    }

    /// All loans so far: the first attempts that a retry budget is a part of.
    pub(crate) fn attempts(&self) -> u64 {
        let state = self.lock();
        let lent = |member: &Member<M>| member.standing.load.lent_so_far();
        state.lent_before + state.members.iter().map(lent).sum::<u64>()
    }

    pub(crate) fn may_retry(&self) -> bool {
        let attempts = self.attempts();
        let now = self.env.now();
        self.purse.lock().unwrap_or_else(PoisonError::into_inner).spend(attempts, now)
    }

    /// Since when there has been no primary, and why.
    pub(crate) fn no_primary(&self) -> (Duration, Option<Arc<str>>) {
        let state = self.lock();
        let since = state.no_primary_since.map_or(Duration::ZERO, |at| self.env.now().since(at));
        (since, state.last_primary_error.clone())
    }

    /// How far each node is behind, by id.
    pub(crate) fn lag(&self, id: u64) -> Option<Duration> {
        self.lock().members.iter().find(|member| member.id == id)?.lag
    }

    /// What the nodes said in one sweep; who is not among them has not answered.
    pub(crate) fn heard(&self, answers: &[(u64, Probed)]) {
        let mut state = self.lock();
        state.claims.values_mut().for_each(Claims::sweep);
        for (id, probed) in answers {
            let Some(at) = state.members.iter().position(|member| member.id == *id) else {
                continue;
            };
            state.members[at].lag = probed.lag;
            let node = Arc::clone(&state.members[at].node);
            state.claims_of(&node).heard(*id, probed);
        }
        for claims in state.claims.values_mut() {
            claims.decide();
        }
        drop(state);
        self.refresh_and(false);
    }

    /// Whether the nodes should be asked quickly now.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.env.now().as_nanos() < self.suspected_until.load(Ordering::Relaxed)
    }

    /// Makes a new snapshot if anything changed. Returns when time alone will change something.
    pub(crate) fn refresh_and(&self, wake: bool) -> Time {
        let now = self.env.now();
        let mut state = self.lock();
        let mut after = state.renew(self, now);
        after.wake |= wake;
        drop(state);
        for (pool, grant) in after.grants {
            pool.set_grant(grant);
        }
        for (pool, seeking) in after.seeking {
            pool.set_seeking(seeking);
        }
        self.deliver();
        for standing in after.left {
            standing.watchers.wake_all();
        }
        if after.wake {
            self.watchers.wake_all();
        }
        after.due
    }

    /// Tells the observers. Whoever comes while somebody does so leaves it to them, so the order is kept and an observer
    /// may do anything.
    fn deliver(&self) {
        let mut state = self.lock();
        if state.delivering {
            return;
        }
        state.delivering = true;
        while let Some(event) = state.outbox.pop_front() {
            let observers: Vec<Observer> =
                state.observers.iter().map(|(_, observer)| Arc::clone(observer)).collect();
            drop(state);
            for observer in observers {
                // An observer that panics hurts nobody.
                let tell = std::panic::AssertUnwindSafe(|| observer(&event));
                let _ = std::panic::catch_unwind(tell);
            }
            state = self.lock();
        }
        state.delivering = false;
    }
}

impl<M: Manager> Office for Core<M> {
    fn refresh(&self) {
        self.refresh_and(true);
        // There may be a new time to look again at.
        self.steward.raise();
    }

    fn suspect(&self) {
        if self.settings.probing {
            let until = self.env.now() + self.settings.quick_for;
            let before = self.suspected_until.swap(until.as_nanos(), Ordering::Relaxed);
            if before < self.env.now().as_nanos() {
                self.monitor.raise();
            }
        }
    }

    fn refused(&self, id: u64) {
        if !self.settings.probing {
            return;
        }
        let mut state = self.lock();
        let Some(node) = state.members.iter().find(|member| member.id == id) else { return };
        let node = Arc::clone(&node.node);
        let refused = format!("node \"{}\" refused a write as read-only", node.key());
        state.last_primary_error = Some(refused.into());
        state.claims_of(&node).refused(id);
        drop(state);
        self.refresh_and(true);
        self.suspect();
        self.monitor.raise();
    }
}

impl<M: Manager> State<M> {
    fn must_be_new(&self, node: &Node) -> Result<(), BuildError<M::Error>> {
        match self.members.iter().any(|member| member.node.key() == node.key()) {
            true => Err(BuildError::Twice { node: node.key().to_owned() }),
            false => Ok(()),
        }
    }

    fn claims_of(&mut self, node: &Node) -> &mut Claims {
        self.claims.entry(node.configured_group().map(str::to_owned)).or_default()
    }

    fn tell(&mut self, cluster: &Arc<str>, node: &str, kind: EventKind) {
        if !self.observers.is_empty() {
            self.outbox.push_back(Event { cluster: Arc::clone(cluster), node: node.into(), kind });
        }
    }

    fn renew(&mut self, core: &Core<M>, now: Time) -> After<M> {
        let mut due = Time::NEVER;
        let mut badness = Vec::with_capacity(self.members.len());
        let mut places: Vec<Place> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            member.standing.tick(now);
            let role = self.role(core, member);
            let record = member.standing.lock();
            let health = &record.health;
            due = due.min(health.due(now));
            badness.push(health.badness());
            let condition = health.condition();
            let lagging = role == Some(Role::Replica)
                && matches!((member.lag, core.settings.max_lag), (Some(lag), Some(max)) if lag > max);
            places.push(Place {
                id: member.id,
                key: Arc::clone(&member.standing.key),
                hash: stable_hash(member.node.key().as_bytes()),
                node: Arc::clone(&member.node),
                role,
                weight: member.node.configured_weight(),
                share: health.share(now),
                size: member.pool.options().max_size.get(),
                lagging,
                admission: match condition {
                    Condition::Unreachable | Condition::Ejected => Admission::Shut,
                    Condition::HalfOpen => Admission::Probe,
                    _ => Admission::Free,
                },
                condition,
                standing: Arc::clone(&member.standing),
            });
        }
        if core.settings.rules.at_most_half {
            keep_half(&mut places, &badness);
        }
        even_out(&mut places);
        self.note_primary(&places, now);
        self.tell_changes(core, &places, now);
        let grants = self.grants(core, &mut places);
        let seeking = self.seeking(&places);
        let old = core.snapshot.load();
        let changed = old.places.len() != places.len()
            || old.places.iter().zip(&places).any(|(old, new)| !old.is_like(new));
        let mut after = After { grants, seeking, left: Vec::new(), wake: false, due };
        if changed {
            for place in &places {
                place.standing.set_role(place.role);
                let before = old.find(place.id).map(|at| &old.places[at]);
                let left = place.admission == Admission::Shut
                    || before.is_some_and(|b| b.role != place.role || b.lagging != place.lagging);
                if left {
                    after.left.push(Arc::clone(&place.standing));
                }
                // Somebody who waits may be served here now.
                after.wake |= before.is_none_or(|before| {
                    before.role != place.role
                        || before.lagging != place.lagging
                        || (before.admission == Admission::Shut)
                            != (place.admission == Admission::Shut)
                        || (before.weight == 0) != (place.weight == 0)
                });
            }
            let version = old.version + 1;
            let pools = self.members.iter().map(|member| member.pool.clone()).collect();
            core.snapshot.store(Arc::new(Snapshot { version, places, pools }));
            core.version.store(version, Ordering::Release);
        }
        after
    }

    /// What this node is taken for.
    fn role(&self, core: &Core<M>, member: &Member<M>) -> Option<Role> {
        let configured = core.first_role(&member.node);
        if !core.settings.probing {
            return configured;
        }
        let group = member.node.configured_group().map(str::to_owned);
        let Some(claims) = self.claims.get(&group) else { return configured };
        if claims.knows(member.id) {
            return claims.role(member.id);
        }
        // Nobody has asked it yet. There is one primary, and it is another.
        configured.filter(|role| *role == Role::Replica || !claims.has_primary())
    }

    fn note_primary(&mut self, places: &[Place], now: Time) {
        let primary = |place: &&Place| place.role == Some(Role::Primary);
        let serves = |place: &Place| place.admission != Admission::Shut;
        if places.iter().filter(primary).any(serves) {
            self.no_primary_since = None;
            return;
        }
        if self.no_primary_since.is_none() {
            self.no_primary_since = Some(now);
        }
        for place in places.iter().filter(primary) {
            if let Some(error) = &place.standing.lock().error {
                self.last_primary_error = Some(format!("node \"{}\": {error}", place.key).into());
            }
        }
    }

    fn tell_changes(&mut self, core: &Core<M>, places: &[Place], now: Time) {
        let mut news = Vec::new();
        for (member, place) in self.members.iter_mut().zip(places) {
            let told = &mut member.told;
            let mut tell = |kind| news.push((Arc::clone(&place.key), kind));
            let online = match place.condition {
                Condition::New => told.online,
                condition => Some(condition != Condition::Unreachable),
            };
            if told.online != online {
                told.online = online;
                let record = place.standing.lock();
                tell(match online {
                    Some(false) => {
                        EventKind::Offline { error: record.error.clone().unwrap_or_default() }
                    }
                    _ => EventKind::Online,
                });
            }
            let out = place.condition.is_out_for_errors() && place.admission != Admission::Free;
            if out && !told.ejected {
                told.ejected = true;
                let hold = place.standing.lock().health.due(now).since(now);
                tell(EventKind::Ejected { hold });
            }
            if told.ejected && !place.condition.is_out_for_errors() {
                told.ejected = false;
                if place.condition != Condition::Unreachable {
                    tell(EventKind::Recovered);
                }
            }
            if told.role != place.role {
                tell(EventKind::RoleChanged { from: told.role, to: place.role });
                told.role = place.role;
            }
            if told.lagging != place.lagging {
                told.lagging = place.lagging;
                tell(match place.lagging {
                    true => EventKind::Lagging { lag: member.lag.unwrap_or_default() },
                    false => EventKind::CaughtUp,
                });
            }
        }
        for (node, kind) in news {
            self.tell(&core.name, &node, kind);
        }
    }

    /// Which pools must find out whether their node is back: one that lent all it has would not look.
    fn seeking(&mut self, places: &[Place]) -> Vec<(Pool<M>, bool)> {
        let mut changed = Vec::new();
        for (member, place) in self.members.iter_mut().zip(places) {
            let seeking = place.condition == Condition::Unreachable;
            if seeking != member.seeking {
                member.seeking = seeking;
                changed.push((member.pool.clone(), seeking));
            }
        }
        changed
    }

    /// What each pool may have: its part of the totals, and of that its share during a slow start.
    fn grants(&mut self, core: &Core<M>, places: &mut [Place]) -> Vec<(Pool<M>, Bound)> {
        let parts = divide(&core.settings.totals, places);
        let mut grants = Vec::new();
        for ((member, place), part) in self.members.iter_mut().zip(places).zip(parts) {
            place.size = place.size.min(part);
            let grown = (place.size as f64 * place.share).ceil() as usize;
            let grant = match (place.share < 1.0, part) {
                (true, _) => Bound::At(grown.max(1)),
                (false, usize::MAX) => Bound::Unlimited,
                (false, part) => Bound::At(part),
            };
            if grant != member.grant {
                member.grant = grant;
                grants.push((member.pool.clone(), grant));
            }
        }
        grants
    }
}

/// A slow start is relative: of nodes that come back together, as after an outage of all, none is spared at another's
/// cost, so the largest share of a kind counts as the whole.
fn even_out(places: &mut [Place]) {
    let mut most: BTreeMap<(Option<Role>, Option<String>), f64> = BTreeMap::new();
    let kind = |place: &Place| (place.role, place.node.configured_group().map(str::to_owned));
    for place in places.iter().filter(|place| place.admission != Admission::Shut) {
        let most = most.entry(kind(place)).or_insert(0.0);
        *most = most.max(place.share);
    }
    for place in places.iter_mut().filter(|place| place.share < 1.0) {
        if let Some(most) = most.get(&kind(place)) {
            place.share = (place.share / most).min(1.0);
        }
    }
}

/// Errors take out half of the nodes that hold the same data in the same role at most; the least bad of the others stay
/// in (C-6). Of one node that is none: the only primary is never ejected for its errors.
fn keep_half(places: &mut [Place], badness: &[f64]) {
    let mut kinds: BTreeMap<(Option<Role>, Option<String>), Vec<usize>> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        if place.condition != Condition::Unreachable && place.role.is_some() {
            let group = place.node.configured_group().map(str::to_owned);
            kinds.entry((place.role, group)).or_default().push(at);
        }
    }
    for reachable in kinds.into_values() {
        let may = reachable.len() / 2;
        let mut out: Vec<usize> =
            reachable.into_iter().filter(|at| places[*at].condition.is_out_for_errors()).collect();
        out.sort_by(|a, b| badness[*b].total_cmp(&badness[*a]));
        for at in out.into_iter().skip(may) {
            places[at].admission = Admission::Free;
        }
    }
}

fn code(life: Life) -> u8 {
    match life {
        Life::Running => 0,
        Life::Paused => 1,
        Life::Draining => 2,
        _ => 3,
    }
}

impl<M: Manager> Drop for Core<M> {
    fn drop(&mut self) {
        // Both tasks find that there is nothing left to look after.
        self.steward.raise();
        self.monitor.raise();
    }
}

/// Looks again whenever time alone changes something: holds that end, slow starts that grow.
pub(crate) async fn steward<M: Manager>(core: Weak<Core<M>>, env: Arc<dyn Env>, bell: Arc<Bell>) {
    loop {
        let due = match core.upgrade() {
            None => return,
            Some(core) if core.life() == Life::Closed => return,
            Some(core) => core.refresh_and(false),
        };
        bell.heard_until(&*env, due).await;
    }
}
