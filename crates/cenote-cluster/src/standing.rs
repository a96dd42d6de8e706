//! How one node stands: its load, its health, its score. Its pool tells it everything ([`Membership`]); what follows
//! for routing is told to the cluster, outside every lock.
//!
//! The way of a good request is three additions: lent, a success, returned. The lock is taken for failures and while
//! somebody waits for the answer of a single request.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cenote::{Ended, Env, Fault, Membership, Role, Time};

use crate::balance::{Latency, Score, Scoring, Verdict};
use crate::health::{Health, HealthRules};
use crate::random::Random;
use crate::throttle::Throttle;
use crate::watch::Watchers;

/// Whom a node tells that routing may have to change.
pub(crate) trait Office: Send + Sync {
    /// Something changed.
    fn refresh(&self);
    /// Something may have changed that only asking can tell.
    fn suspect(&self);
    /// The node refused a write.
    fn refused(&self, id: u64);
}

/// Loans and waiting callers. Two counters for the loans, so that their sum so far is known too.
#[derive(Debug, Default)]
pub(crate) struct Load {
    lent: AtomicU64,
    returned: AtomicU64,
    /// Of the loans those in which the cluster asked the node what it is.
    asked: AtomicU64,
    pub(crate) waiting: AtomicUsize,
}

impl Load {
    pub(crate) fn in_use(&self) -> usize {
        let returned = self.returned.load(Ordering::Relaxed);
        self.lent.load(Ordering::Relaxed).saturating_sub(returned) as usize
    }

    pub(crate) fn is_asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn asked_so_far(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn total(&self) -> usize {
        self.in_use() + self.waiting.load(Ordering::Relaxed)
    }

    pub(crate) fn lent_so_far(&self) -> u64 {
        self.lent.load(Ordering::Relaxed)
    }
}

/// What is behind the lock.
pub(crate) struct Record {
    pub(crate) health: Health,
    score: Option<Score>,
    /// Why it cannot be connected to.
    pub(crate) error: Option<Arc<str>>,
    pub(crate) throttle: Throttle,
}

pub(crate) struct Standing {
    pub(crate) id: u64,
    pub(crate) key: Arc<str>,
    pub(crate) load: Load,
    pub(crate) score_now: AtomicU32,
    pub(crate) latency: Latency,
    /// Callers in the node's queue, who must go elsewhere when it is out.
    pub(crate) watchers: Watchers,
    role: AtomicU32,
    /// Successes since somebody looked.
    good: AtomicU64,
    /// Successes, and connections that came back alive, since the last refused connect.
    signs_of_life: AtomicU64,
    /// As in `health`, to be read without the lock.
    term: AtomicU32,
    attentive: AtomicBool,
    scored: bool,
    /// The server has turned connects away lately.
    pub(crate) pressed: AtomicBool,
    record: Mutex<Record>,
    env: Arc<dyn Env>,
    random: Arc<Random>,
    office: Weak<dyn Office>,
}

impl Standing {
    #[expect(clippy::too_many_arguments, reason = "made in one place")]
    pub(crate) fn new(
        id: u64,
        key: Arc<str>,
        rules: HealthRules,
        scoring: Option<Scoring>,
        throttle: f64,
        env: Arc<dyn Env>,
        random: Arc<Random>,
        office: Weak<dyn Office>,
    ) -> Arc<Standing> {
        let record = Record {
            health: Health::new(rules, env.now()),
            score: scoring.map(Score::new),
            error: None,
            throttle: Throttle::new(throttle),
        };
        Arc::new(Standing {
            id,
            key,
            load: Load::default(),
            score_now: AtomicU32::new(record.score.map_or(0, |score| score.weight())),
            latency: Latency::default(),
            watchers: Watchers::default(),
            role: AtomicU32::new(0),
            good: AtomicU64::new(0),
            signs_of_life: AtomicU64::new(0),
            term: AtomicU32::new(0),
            attentive: AtomicBool::new(false),
            scored: scoring.is_some(),
            pressed: AtomicBool::new(false),
            record: Mutex::new(record),
            env,
            random,
            office,
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the record, and keeps what is read without the lock in step.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Record) -> R) -> R {
        let mut record = self.lock();
        let result = change(&mut record);
        self.term.store(record.health.term(), Ordering::Relaxed);
        self.attentive.store(record.health.is_attentive(), Ordering::Relaxed);
        if let Some(score) = record.score {
            self.score_now.store(score.weight(), Ordering::Relaxed);
        }
        result
    }

    pub(crate) fn set_role(&self, role: Option<Role>) {
        let code = match role {
            None => 0,
            Some(Role::Primary) => 1,
            Some(Role::Replica) => 2,
        };
        self.role.store(code, Ordering::Relaxed);
    }

    /// Time has passed; successes that nobody looked at are looked at.
    pub(crate) fn tick(&self, now: Time) {
        let good = self.good.swap(0, Ordering::Relaxed);
        self.with(|record| {
            record.health.succeeded(good, now);
            record.health.tick(now);
        });
    }

    /// Takes the one place for a request that tries.
    pub(crate) fn take_probe(&self) -> Option<u32> {
        self.with(|record| record.health.take_probe().then(|| record.health.term()))
    }

    /// The request that was to try did not come to it. True: the next may, and routing was told.
    pub(crate) fn give_up_probe(&self, term: u32) -> bool {
        let open = self.with(|record| record.health.unproved(term));
        if open {
            self.refresh();
        }
        open
    }

    fn refresh(&self) {
        if let Some(office) = self.office.upgrade() {
            office.refresh();
        }
    }

    fn suspect(&self) {
        if let Some(office) = self.office.upgrade() {
            office.suspect();
        }
    }

    fn went_well(&self, loan: u32) {
        self.good.fetch_add(1, Ordering::Relaxed);
        self.signs_of_life.store(1, Ordering::Relaxed);
        if self.scored {
            self.with(|record| record.score.as_mut().map(Score::succeeded));
        }
        if self.attentive.load(Ordering::Relaxed) {
            let now = self.env.now();
            if self.with(|record| record.health.proved(loan, now)) {
                self.refresh();
            }
        }
    }

    fn went_wrong(&self, loan: u32) {
        let now = self.env.now();
        let (good, draw) = (self.good.swap(0, Ordering::Relaxed), self.random.unit());
        let out = self.with(|record| {
            let mut out = record.health.failed(loan, good, draw, now);
            if let (Some(score), true) = (&mut record.score, loan == record.health.term() || out) {
                let (rest, probe) = match score.failed() {
                    Verdict::GoOn => (Duration::ZERO, false),
                    Verdict::Rest(rest) => (rest, false),
                    Verdict::Dead(rest) => (rest, true),
                };
                if rest > Duration::ZERO && !out {
                    record.health.rest(rest, probe, now);
                    out = true;
                }
            }
            out
        });
        if out {
            self.refresh();
        }
        self.suspect();
    }
}

impl Membership for Standing {
    fn node(&self) -> &str {
        &self.key
    }

    fn role(&self) -> Option<Role> {
        match self.role.load(Ordering::Relaxed) {
            1 => Some(Role::Primary),
            2 => Some(Role::Replica),
            _ => None,
        }
    }

    fn lent(&self) -> u32 {
        self.load.lent.fetch_add(1, Ordering::Relaxed);
        self.term.load(Ordering::Relaxed)
    }

    fn reported(&self, loan: u32, outcome: Result<(), Fault>) {
        match outcome {
            // A server that answers "no such table" is well.
            Ok(()) | Err(Fault::Query) => self.went_well(loan),
            Err(Fault::Timeout | Fault::Connection | Fault::Host) => self.went_wrong(loan),
            Err(Fault::Role) => {
                if let Some(office) = self.office.upgrade() {
                    office.refused(self.id);
                }
            }
            // Too many clients is about size; the rest is about the request.
            Err(_) => {}
        }
    }

    fn returned(&self, loan: u32, how: Ended, died: bool) {
        self.load.returned.fetch_add(1, Ordering::Relaxed);
        // Read first: what every return would write, every thread would wait for.
        if how == Ended::Returned && !died && self.signs_of_life.load(Ordering::Relaxed) == 0 {
            self.signs_of_life.store(1, Ordering::Relaxed);
        }
        // What was reported was told already.
        if died && !matches!(how, Ended::Failed(_)) {
            return self.went_wrong(loan);
        }
        if self.attentive.load(Ordering::Relaxed) {
            match how {
                // Nobody reports here, and the connection is alive: as good an answer as there will be.
                Ended::Returned => self.went_well(loan),
                _ => _ = self.give_up_probe(loan),
            }
        }
    }

    fn connected(&self) {
        let now = self.env.now();
        let back = self.with(|record| {
            record.error = None;
            record.health.connected(now)
        });
        if back {
            self.refresh();
            self.suspect();
        }
    }

    fn connect_failed(&self, fault: Fault, error: &(dyn StdError + 'static), none_left: bool) {
        if fault == Fault::Overload {
            self.pressed.store(true, Ordering::Relaxed);
            return;
        }
        if !none_left {
            // The others may work, so it is the connect that failed, not the node; but it counts.
            if fault != Fault::Permanent {
                self.went_wrong(self.term.load(Ordering::Relaxed));
            }
            if !matches!(fault, Fault::Host | Fault::Connection) {
                return;
            }
        }
        let text: Arc<str> = error.to_string().into();
        let signs = self.signs_of_life.swap(0, Ordering::Relaxed);
        let out = self.with(|record| {
            let out =
                if none_left { record.health.cut_off() } else { record.health.refused(signs) };
            if out {
                record.error = Some(text);
            }
            out
        });
        if out {
            self.refresh();
            self.suspect();
        }
    }
}
