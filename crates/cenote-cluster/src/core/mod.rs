//! Where everything meets: the nodes' records, and the one function that makes a new snapshot of them
//! ([`Core::refresh_and`]). Whoever has news (a pool, the monitor, whoever adds a node, the clock) changes its own record
//! and calls it. It is called for changes, never for requests.
//!
//! Order of locks: the state, then a node's record or a pool's lock. Observers are told, callers woken and grants set
//! after the state is let go.

mod by_hand;
mod making;
mod nodes;
mod renew;
mod telling;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use cenote::{
    Bound, Builder, Env, Manager, Node, Pool, Probed, Role, State as Life, Time, Timeout,
};

use crate::balance::{Balance, Scoring};
use crate::by_hand::ByHand;
use crate::discovery::Desk;
use crate::event::{Event, Observer};
use crate::health::HealthRules;
use crate::random::Random;
use crate::retry::Purse;
use crate::role::Claims;
use crate::snapshot::Snapshot;
use crate::standing::{Office, Standing};
use crate::totals::Totals;
use crate::watch::{Bell, Watchers};
use by_hand::Hand;
use telling::Instruction;

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
    /// Where nodes come from while the cluster runs.
    pub(crate) sources: Vec<Arc<Desk>>,
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
    hand: Hand,
    /// What observers were told last.
    told: Told,
    grant: Bound,
    seeking: bool,
    /// The share that its present slow start has reached.
    reached: f64,
}

impl<M: Manager> Member<M> {
    /// Its weight, as somebody set it or as it is configured.
    fn weight(&self) -> u32 {
        self.hand.weight.unwrap_or(self.node.configured_weight())
    }
}

#[derive(Clone, Copy, Default)]
struct Told {
    online: Option<bool>,
    ejected: bool,
    lagging: bool,
    role: Option<Role>,
    by_hand: Option<ByHand>,
}

pub(crate) struct State<M: Manager> {
    /// In the order of their ids.
    members: Vec<Member<M>>,
    /// Ids by key.
    keys: BTreeMap<Arc<str>, u64>,
    last_id: u64,
    /// By group: each has a primary of its own.
    claims: BTreeMap<Option<String>, Claims>,
    observers: Vec<(u64, Observer)>,
    /// Who is told what happens in the pools of the nodes.
    pool_observers: Vec<Arc<dyn cenote::Observer>>,
    last_observer: u64,
    outbox: VecDeque<Event>,
    delivering: bool,
    instructions: VecDeque<Instruction<M>>,
    instructing: bool,
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
struct After {
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
                keys: BTreeMap::new(),
                last_id: 0,
                claims: BTreeMap::new(),
                observers: Vec::new(),
                pool_observers: Vec::new(),
                last_observer: 0,
                outbox: VecDeque::new(),
                delivering: false,
                instructions: VecDeque::new(),
                instructing: false,
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
        self.end_tasks();
    }

    /// Every task of the cluster looks whether it is still wanted.
    fn end_tasks(&self) {
        self.steward.raise();
        self.monitor.raise();
        self.settings.sources.iter().for_each(|desk| desk.dismiss());
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

    /// Whether there should be a primary: one is configured, or they are looked for.
    pub(crate) fn wants_primary(&self) -> bool {
        let leads = |node: &Arc<Node>| self.first_role(node) == Some(Role::Primary);
        self.settings.probing || self.nodes().iter().any(leads)
    }

    /// Why nobody can write, in words.
    pub(crate) fn lacks_primary(&self) -> Option<Arc<str>> {
        let (since, last) = {
            let state = self.lock();
            (state.no_primary_since?, state.last_primary_error.clone())
        };
        let lacks = self.wants_primary();
        let since = self.env.now().since(since);
        let why = last.map_or_else(String::new, |last| format!("; the last one: {last}"));
        lacks.then(|| format!("there has been none for {since:.1?}{why}").into())
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

    /// Whether the nodes should be asked quickly now: after a suspicion, and as long as somebody waits for a node, since
    /// promotions often come later than a suspicion lasts.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.env.now().as_nanos() < self.suspected_until.load(Ordering::Relaxed)
            || !self.watchers.is_empty()
    }

    /// Makes a new snapshot if anything changed. Returns when time alone will change something.
    pub(crate) fn refresh_and(&self, wake: bool) -> Time {
        let now = self.env.now();
        let mut state = self.lock();
        let mut after = state.renew(self, now);
        after.wake |= wake;
        drop(state);
        self.instruct();
        self.deliver();
        for standing in after.left {
            standing.watchers.wake_all();
        }
        if after.wake {
            self.watchers.wake_all();
        }
        after.due
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
    fn claims_of(&mut self, node: &Node) -> &mut Claims {
        self.claims.entry(node.configured_group().map(str::to_owned)).or_default()
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
        // They find that there is nothing left to look after.
        self.end_tasks();
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
