//! The wait for a connection from a cluster: choose a node, wait in its pool, and if that fails choose again inside the
//! same deadline (C-9).
//!
//! A hit reads the snapshot, asks the balancer and takes an idle connection: no lock of the cluster's, no clock, no
//! allocation. The clock is read when there is something to wait for. Whoever waits in a node's queue leaves it when
//! the node is out, keeps its deadline and is chosen for anew; whoever finds no node waits for the next snapshot.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cenote::env::Sleep;
use cenote::{AcquireOwned, Error as PoolError, Fault, Manager, Pooled, State, Time, Timeout};
use pin_project_lite::pin_project;

use crate::balance::Pick;
use crate::cluster::Cluster;
use crate::core::{AllDown, Core};
use crate::error::{Answer, Error};
use crate::nobody;
use crate::queue::{Lurk, Queue};
use crate::route::Route;
use crate::snapshot::{Admission, Found, Place, Snapshot, Tried};
use crate::standing::{Office, Standing};

/// The most answers that an error carries.
const MOST_ANSWERS: usize = 32;

#[derive(Clone, Copy)]
enum Patience {
    Default,
    For(Timeout),
    Until(Time),
}

pin_project! {
    /// The future of [`Cluster::route`], [`Cluster::read`] and their like.
    ///
    /// Its deadline is absolute and covers all nodes that are tried (C-9). Drop it at any time.
    #[project = AcquireProj]
    #[must_use = "futures do nothing unless polled"]
    pub struct Acquire<'a, M: Manager> {
        core: &'a Core<M>,
        route: Route,
        location: &'static Location<'static>,
        priority: Option<u8>,
        patience: Patience,
        // When the first wait began and when the last ends.
        began: Option<Time>,
        deadline: Time,
        tried: Tried,
        // Of those, some failed an earlier request of the caller's: left out while there is another.
        spares: bool,
        // What the watchers' rounds were before the first of them was tried.
        since: Option<u64>,
        // A node was left out because it has too much to do.
        pressed: bool,
        answers: Vec<Answer<M::Error>>,
        queue: Option<Queue>,
        lurk: Option<Lurk<'a>>,
        done: bool,
        #[pin]
        wait: Option<AcquireOwned<M>>,
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl<'a, M: Manager> Acquire<'a, M> {
    pub(crate) fn new(
        cluster: &'a Cluster<M>,
        route: Route,
        location: &'static Location<'static>,
    ) -> Acquire<'a, M> {
        Acquire {
            core: &cluster.core,
            route,
            location,
            priority: None,
            patience: Patience::Default,
            began: None,
            deadline: Time::NEVER,
            tried: Tried::default(),
            spares: false,
            since: None,
            pressed: false,
            answers: Vec::new(),
            queue: None,
            lurk: None,
            done: false,
            wait: None,
            sleep: None,
        }
    }

    /// Waits at most this long, instead of the cluster's `acquire_timeout`. The time runs from the first poll.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.patience = Patience::For(timeout.into());
        self
    }

    /// Waits until this moment at most.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.patience = Patience::Until(self.core.env.at(deadline));
        self
    }

    pub(crate) fn deadline_at(mut self, deadline: Time) -> Self {
        self.patience = Patience::Until(deadline);
        self
    }

    /// Waits in this priority level of the node's pool; 0 is the most urgent.
    pub fn priority(mut self, level: u8) -> Self {
        self.priority = Some(level);
        self
    }

    /// Leaves out nodes that failed this request before, as long as there is another.
    pub(crate) fn without(mut self, ids: &[u64]) -> Self {
        ids.iter().for_each(|id| self.tried.insert(*id));
        self.spares = !ids.is_empty();
        self
    }
}

type Outcome<M> = Result<Pooled<M>, Error<<M as Manager>::Error>>;

impl<M: Manager> Future for Acquire<'_, M> {
    type Output = Outcome<M>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<M>> {
        let mut this = self.project();
        assert!(!*this.done, "an acquire was polled after it had ended");
        let polled = this.go_on(cx);
        if polled.is_ready() {
            *this.done = true;
            *this.lurk = None;
        }
        polled
    }
}

impl<M: Manager> AcquireProj<'_, '_, M> {
    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<M>> {
        loop {
            if let Some(wait) = self.wait.as_mut().as_pin_mut() {
                match wait.poll(cx) {
                    Poll::Ready(Ok(conn)) => return Poll::Ready(Ok(self.served(conn))),
                    Poll::Ready(Err(error)) => {
                        if let Some(error) = self.answered(error) {
                            return Poll::Ready(Err(error));
                        }
                    }
                    Poll::Pending if self.stays(cx) => return Poll::Pending,
                    Poll::Pending => self.leave(),
                }
                continue;
            }
            if let Some(lurk) = self.lurk.as_mut() {
                if lurk.watchers.watch(&mut lurk.place, cx.waker()) == lurk.rounds {
                    if self.poll_sleep(cx).is_pending() {
                        return Poll::Pending;
                    }
                    return Poll::Ready(Err(self.nobody_there()));
                }
                // Something has changed: everybody may be tried again.
                *self.lurk = None;
                self.forget_tried();
                *self.pressed = false;
            }
            if let Some(outcome) = self.choose() {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Chooses a node and takes an idle connection there or gets in line; or finds that there is none: then it lurks, or
    /// fails.
    fn choose(&mut self) -> Option<Outcome<M>> {
        let core = *self.core;
        match core.life() {
            State::Closed => return Some(Err(Error::Closed { cluster: Arc::clone(&core.name) })),
            State::Draining if self.began.is_none() => {
                return Some(Err(Error::Draining { cluster: Arc::clone(&core.name) }));
            }
            _ => {}
        }
        let rounds = match (*self.since, self.began.is_some()) {
            // What was tried since may have changed since.
            (Some(since), _) => since,
            (None, true) => core.watchers.rounds(),
            // Not needed for a hit; whoever needs it comes back.
            (None, false) => u64::MAX,
        };
        let snapshot = core.snapshot.load();
        let balance = self.route.balance.as_ref().unwrap_or(&core.balance);
        let pick = Pick {
            key: self.route.key,
            attempt: self.tried.len(),
            random: &core.random,
            env: &*core.env,
        };
        let zone = core.settings.zone.as_deref();
        let found = snapshot.choose(self.route, zone, self.tried, &**balance, &pick);
        let nodes_may_come = snapshot.places.is_empty() && !core.settings.sources.is_empty();
        match found {
            Found::Node(at) => {
                let place = &snapshot.places[at];
                // The hit: nothing is counted, cloned or built for a wait that does not come.
                if place.admission == Admission::Free
                    && !place.standing.pressed.load(Ordering::Relaxed)
                {
                    let hit = snapshot.pools[at].try_fast(self.location);
                    if hit.is_some() {
                        return hit.map(Ok);
                    }
                }
                self.enter(&snapshot, at);
                None
            }
            Found::NoSuchNode if !nodes_may_come => Some(Err(Error::NoSuchNode {
                cluster: Arc::clone(&core.name),
                route: self.route.to_string(),
            })),
            Found::NoSuchNode | Found::NoneOnline => {
                if *self.spares {
                    // There is no other.
                    self.forget_tried();
                    return None;
                }
                if *self.pressed {
                    let answers = std::mem::take(self.answers);
                    return Some(Err(Error::Overloaded {
                        cluster: Arc::clone(&core.name),
                        answers,
                    }));
                }
                // That nobody is there may be news to the monitor, and may be old.
                core.suspect();
                let permanent = |answer: &Answer<M::Error>| matches!(&answer.error, PoolError::Connect { error, .. } if error.fault() == Fault::Permanent);
                let for_good = !self.answers.is_empty() && self.answers.iter().all(permanent);
                let in_vain = nodes_may_come && core.no_nodes().1;
                if for_good || in_vain || core.settings.all_down == AllDown::Fail {
                    return Some(Err(self.nobody_there()));
                }
                self.begin();
                if rounds != u64::MAX {
                    let watchers = &core.watchers;
                    *self.lurk = Some(Lurk { watchers, place: None, rounds });
                }
                None
            }
        }
    }

    /// Gets in line at this node.
    fn enter(&mut self, snapshot: &Snapshot<M>, at: usize) {
        // Before it is asked: what it answers is old once the rounds have gone on.
        self.since.get_or_insert_with(|| self.core.watchers.rounds());
        let place = &snapshot.places[at];
        let standing = &place.standing;
        // First: whoever is turned away must not have the place of the one that tries.
        if standing.pressed.load(Ordering::Relaxed) && !self.is_let_in(standing) {
            *self.pressed = true;
            return self.tried.insert(place.id);
        }
        let probe = match place.admission {
            Admission::Probe => match standing.take_probe() {
                Some(term) => Some(term),
                // Somebody else tries it.
                None => return self.tried.insert(place.id),
            },
            _ => None,
        };
        let mut wait = snapshot.pools[at].acquire_owned().location(self.location);
        if let Some(level) = *self.priority {
            wait = wait.priority(level);
        }
        wait = match (*self.began, *self.patience) {
            (Some(_), _) => wait.deadline_at(*self.deadline),
            (None, Patience::Until(deadline)) => wait.deadline_at(deadline),
            (None, Patience::For(timeout)) => wait.timeout(timeout),
            // The pool's own is the cluster's.
            (None, Patience::Default) => wait,
        };
        self.wait.set(Some(wait));
        *self.queue = Some(Queue {
            id: place.id,
            standing: Arc::clone(standing),
            version: snapshot.version,
            watcher: None,
            probe,
            waits: false,
        });
    }

    /// The server turns connects away: a part of the callers is turned away here (C-15).
    fn is_let_in(&self, standing: &Standing) -> bool {
        let now = self.core.env.now();
        let draw = self.core.random.unit();
        standing.with(|record| {
            if record.throttle.is_forgotten(now) {
                // The next rejection begins anew.
                standing.pressed.store(false, Ordering::Relaxed);
            }
            record.throttle.admit(draw, now)
        })
    }

    fn served(&mut self, conn: Pooled<M>) -> Pooled<M> {
        self.wait.set(None);
        if let Some(mut queue) = self.queue.take() {
            // Its answer comes with the guard now.
            queue.probe = None;
            if queue.standing.pressed.load(Ordering::Relaxed) {
                let now = self.core.env.now();
                queue.standing.with(|record| record.throttle.accepted(now));
            }
        }
        conn
    }

    /// The node gave no connection. An error ends the wait; without one the next node is chosen.
    fn answered(&mut self, error: PoolError<M::Error>) -> Option<Error<M::Error>> {
        self.wait.set(None);
        let mut queue = self.queue.take().expect("who waits has a place");
        if queue.give_up_probe() {
            // That is no news to whoever tells it: else it would try again at once, and so for ever.
            *self.since = self.since.map(|rounds| rounds + 1);
        }
        let cluster = Arc::clone(&self.core.name);
        let waited = queue.waits;
        let refused_at_once = matches!(error, PoolError::Connect { .. }) && !waited;
        let full = matches!(error, PoolError::QueueFull { .. });
        let ends = matches!(error, PoolError::Timeout { .. } | PoolError::Refused { .. });
        let timed_out = matches!(error, PoolError::Timeout { .. });
        self.tried.insert(queue.id);
        // Of a long wait the last answers say enough.
        if self.answers.len() >= MOST_ANSWERS {
            self.answers.remove(0);
        }
        self.answers.push(Answer { node: Arc::clone(&queue.standing.key), error });
        drop(queue);
        if timed_out {
            let waited = self.begin();
            return Some(Error::Timeout { cluster, waited, answers: std::mem::take(self.answers) });
        }
        *self.pressed |= full;
        // Whoever waited and is sent back costs the servers nothing more; whoever was refused at once may be one of
        // many that go round.
        if ends || (refused_at_once && !self.core.may_retry()) {
            return Some(Error::Node { cluster, answers: std::mem::take(self.answers) });
        }
        self.begin();
        None
    }

    /// Whether the caller stays in this queue. If so its waker is laid down.
    fn stays(&mut self, cx: &mut Context<'_>) -> bool {
        self.begin();
        let core = *self.core;
        let queue = self.queue.as_mut().expect("who waits has a place");
        queue.begin_wait();
        queue.standing.watchers.watch(&mut queue.watcher, cx.waker());
        let version = core.version.load(Ordering::Acquire);
        if version == queue.version {
            return true;
        }
        queue.version = version;
        let snapshot = core.snapshot.load();
        let route = &*self.route;
        let fits = |place: &Place| {
            place.weight > 0
                && (place.admission == Admission::Free || queue.probe.is_some())
                && route.names(place)
                && route.tiers().iter().any(|tier| tier.takes(place))
        };
        snapshot.find(queue.id).is_some_and(|at| fits(&snapshot.places[at]))
    }

    /// The node is out, or no longer what is wanted: back to routing, with the same deadline.
    fn leave(&mut self) {
        self.wait.set(None);
        *self.queue = None;
        self.forget_tried();
    }

    /// Everybody may be tried again.
    fn forget_tried(&mut self) {
        self.tried.clear();
        (*self.spares, *self.since) = (false, None);
    }

    /// Notes when the wait began; returns how long ago that was.
    fn begin(&mut self) -> Duration {
        let now = self.core.env.now();
        if let Some(began) = *self.began {
            return now.since(began);
        }
        *self.began = Some(now);
        *self.deadline = match *self.patience {
            Patience::Until(deadline) => deadline,
            Patience::For(timeout) => now + timeout.get(),
            Patience::Default => now + self.core.settings.timeout.get(),
        };
        Duration::ZERO
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.sleep.is_none() {
            let sleep = self.core.env.sleep_until(*self.deadline);
            self.sleep.set(Some(sleep));
        }
        self.sleep.as_mut().as_pin_mut().expect("it was set above").poll(cx)
    }

    fn nobody_there(&mut self) -> Error<M::Error> {
        let waited = self.begin();
        let answers = std::mem::take(self.answers);
        nobody::error(self.core, self.route, waited, answers)
    }
}
