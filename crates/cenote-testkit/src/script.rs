//! The script: what each step of the manager's does next, and what has happened so far. A handle is cheap to
//! clone and all clones are one script, so a test keeps one and gives another to the pool. Nothing of the
//! user's runs, and no connection is dropped, under its lock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cenote::env::{Sleep, Tokio};
use cenote::{Ended, Env, Fate, Time};

use crate::counts::{Counts, Event, Log, Logged};
use crate::gate::Gate;
use crate::scripted::{Fuse, Scripted};
use crate::step::{Act, Plan, Step};

type ReleaseRule = Arc<dyn Fn(Ended) -> Fate + Send + Sync>;
type ClosedRule = Arc<dyn Fn(u64) -> bool + Send + Sync>;

/// A [`Manager`](cenote::Manager) that does what a test tells it. By default every step succeeds at once. It is
/// a [`blocking::Manager`](cenote::blocking::Manager) too: there a step that is slow blocks its thread.
///
/// Each step can be scripted: the next outcomes one by one, then one that repeats.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use cenote::{Fault, Pool};
/// use cenote_testkit::{Script, Step};
/// use std::time::Duration;
///
/// let script = Script::new();
/// script.connects([Step::Error(Fault::Host), Step::Slow(Duration::from_millis(2))]);
///
/// let pool = Pool::builder(script.clone()).backoff_first(Duration::from_millis(1)).build().unwrap();
/// let conn = pool.acquire().await.unwrap(); // the second try succeeds
/// assert_eq!(conn.serial(), 1);
///
/// script.kill(1); // its server goes away
/// drop(conn);
/// assert_eq!(pool.acquire().await.unwrap().serial(), 2);
/// assert_eq!(script.counts().connects, 3);
/// # }
/// ```
#[derive(Clone)]
pub struct Script {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles of one script share.
pub(crate) struct Shared {
    env: Option<Arc<dyn Env>>,
    began: Instant,
    gates: [Gate; 4],
    book: Mutex<Book>,
}

struct Book {
    plans: [Plan; 4],
    living: BTreeMap<u64, Arc<Fuse>>,
    release: Option<ReleaseRule>,
    closed: Option<ClosedRule>,
    counts: Counts,
    log: Log,
}

impl Script {
    /// A script whose delays run on the tokio runtime around each step.
    pub fn new() -> Script {
        Script::start(None)
    }

    /// A script whose delays run in this environment, for instance a [`Sim`](crate::Sim)'s.
    pub fn with_env(env: Arc<dyn Env>) -> Script {
        Script::start(Some(env))
    }

    fn start(env: Option<Arc<dyn Env>>) -> Script {
        let plan = |_| Plan::new();
        let book = Book {
            plans: [Act::Connect, Act::Check, Act::Reset, Act::Close].map(plan),
            living: BTreeMap::new(),
            release: None,
            closed: None,
            counts: Counts::default(),
            log: Log::default(),
        };
        let shared = Shared {
            env,
            began: Instant::now(),
            gates: Default::default(),
            book: Mutex::new(book),
        };
        Script { shared: Arc::new(shared) }
    }

    /// The next steps of this kind, after those already queued.
    pub fn queue(&self, act: Act, steps: impl IntoIterator<Item = Step>) -> &Self {
        let steps: Vec<Step> = steps.into_iter().collect();
        self.shared.with(|book| book.plans[act as usize].queue(steps));
        self
    }

    /// How many of the queued steps of this kind nobody has come to yet.
    pub fn queued(&self, act: Act) -> usize {
        self.shared.with(|book| book.plans[act as usize].len())
    }

    /// All steps of this kind from now on; what was queued is forgotten.
    pub fn always(&self, act: Act, step: Step) -> &Self {
        self.shared.with(|book| book.plans[act as usize].always(step));
        self
    }

    /// The next connects.
    pub fn connects(&self, steps: impl IntoIterator<Item = Step>) -> &Self {
        self.queue(Act::Connect, steps)
    }

    /// All connects from now on.
    pub fn connect_always(&self, step: Step) -> &Self {
        self.always(Act::Connect, step)
    }

    /// The next checks. A connection that is not [alive](Scripted::is_alive) fails whatever the script says.
    pub fn checks(&self, steps: impl IntoIterator<Item = Step>) -> &Self {
        self.queue(Act::Check, steps)
    }

    /// All checks from now on.
    pub fn check_always(&self, step: Step) -> &Self {
        self.always(Act::Check, step)
    }

    /// The next resets. A reset that succeeds clears the connection's notes.
    pub fn resets(&self, steps: impl IntoIterator<Item = Step>) -> &Self {
        self.queue(Act::Reset, steps)
    }

    /// All resets from now on.
    pub fn reset_always(&self, step: Step) -> &Self {
        self.always(Act::Reset, step)
    }

    /// The next closes.
    pub fn closes(&self, steps: impl IntoIterator<Item = Step>) -> &Self {
        self.queue(Act::Close, steps)
    }

    /// All closes from now on.
    pub fn close_always(&self, step: Step) -> &Self {
        self.always(Act::Close, step)
    }

    /// From now on every step of this kind waits before it does anything, until the test says otherwise: for
    /// tests of what happens meanwhile, without a clock.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use cenote::{Error, Pool};
    /// use cenote_testkit::{Act, Script};
    /// use std::time::Duration;
    ///
    /// let script = Script::new();
    /// script.hold(Act::Connect);
    /// let pool = Pool::builder(script.clone()).build().unwrap();
    /// let error = pool.acquire().timeout(Duration::from_millis(1)).await.unwrap_err();
    /// assert!(matches!(error, Error::Timeout { .. }));
    /// assert_eq!(script.held(Act::Connect), 1);
    ///
    /// script.let_go(Act::Connect);
    /// assert_eq!(pool.acquire().await.unwrap().serial(), 1);
    /// # }
    /// ```
    pub fn hold(&self, act: Act) -> &Self {
        self.shared.gate(act).shut();
        self
    }

    /// Lets one step of this kind go on, one that waits or the next, and holds the others.
    pub fn let_one_go(&self, act: Act) -> &Self {
        self.shared.gate(act).let_one_pass();
        self
    }

    /// Ends a [`hold`](Script::hold).
    pub fn let_go(&self, act: Act) -> &Self {
        self.shared.gate(act).open();
        self
    }

    /// How many steps of this kind are held now.
    pub fn held(&self, act: Act) -> usize {
        self.shared.gate(act).waiting()
    }

    /// What becomes of every released connection. Without this the manager's default holds.
    pub fn on_release(&self, fate: Fate) -> &Self {
        self.on_release_with(move |_| fate)
    }

    /// As [`on_release`](Script::on_release), by a rule; a rule may panic.
    pub fn on_release_with(&self, rule: impl Fn(Ended) -> Fate + Send + Sync + 'static) -> &Self {
        let old = self.shared.with(|book| book.release.replace(Arc::new(rule)));
        drop(old);
        self
    }

    /// What [`is_closed`](cenote::Manager::is_closed) says of the connection with this serial number,
    /// instead of whether it was killed; a rule may panic.
    pub fn is_closed_with(&self, rule: impl Fn(u64) -> bool + Send + Sync + 'static) -> &Self {
        let old = self.shared.with(|book| book.closed.replace(Arc::new(rule)));
        drop(old);
        self
    }

    /// Breaks a connection so that the driver knows: `is_closed` is true, checks fail. False if there is
    /// none with this serial number.
    pub fn kill(&self, serial: u64) -> bool {
        self.break_one(serial, |fuse| fuse.killed.store(true, Ordering::SeqCst))
    }

    /// Breaks all connections that exist now, so that the driver knows. Returns how many.
    pub fn kill_all(&self) -> usize {
        self.shared.with(|book| {
            for fuse in book.living.values() {
                fuse.killed.store(true, Ordering::SeqCst);
            }
            book.living.len()
        })
    }

    /// Breaks a connection behind the driver's back, as a cut cable does: `is_closed` stays false, checks
    /// and resets fail. False if there is none with this serial number.
    pub fn sever(&self, serial: u64) -> bool {
        self.break_one(serial, |fuse| fuse.severed.store(true, Ordering::SeqCst))
    }

    fn break_one(&self, serial: u64, how: impl FnOnce(&Fuse)) -> bool {
        self.shared.with(|book| book.living.get(&serial).map(|fuse| how(fuse)).is_some())
    }

    /// The serial numbers of the connections that exist now.
    pub fn living(&self) -> Vec<u64> {
        self.shared.with(|book| book.living.keys().copied().collect())
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.shared.with(|book| book.counts)
    }

    /// The last steps with their times, oldest first; 65,536 at most.
    pub fn log(&self) -> Vec<Logged> {
        self.shared.with(|book| book.log.all())
    }
}

impl Default for Script {
    fn default() -> Script {
        Script::new()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Shared {
    fn with<R>(&self, run: impl FnOnce(&mut Book) -> R) -> R {
        run(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The gate before the steps of this kind.
    pub(crate) fn gate(&self, act: Act) -> &Gate {
        &self.gates[act as usize]
    }

    /// What the next step of this kind does.
    pub(crate) fn next(&self, act: Act) -> Step {
        self.with(|book| book.plans[act as usize].take())
    }

    /// Counts something.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.with(|book| change(&mut book.counts));
    }

    /// Counts something and writes it down.
    pub(crate) fn record(&self, event: Event, change: impl FnOnce(&mut Counts)) {
        let at = match &self.env {
            Some(env) => env.now(),
            None => Time::ZERO + self.began.elapsed(),
        };
        self.with(|book| {
            change(&mut book.counts);
            book.log.push(at, event);
        });
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        let sleep = |env: &dyn Env| env.sleep_until(env.now() + duration);
        match &self.env {
            Some(env) => sleep(&**env),
            None => sleep(&Tokio::current().expect(
                "a slow step of Script::new() needs a tokio runtime around it; elsewhere say Script::with_env",
            )),
        }
    }

    pub(crate) fn release_rule(&self) -> Option<ReleaseRule> {
        self.with(|book| {
            book.counts.releases += 1;
            book.release.clone()
        })
    }

    pub(crate) fn closed_rule(&self) -> Option<ClosedRule> {
        self.with(|book| book.closed.clone())
    }

    /// A connect under way made a connection.
    pub(crate) fn connected(self: &Arc<Self>) -> Scripted {
        let fuse = Arc::new(Fuse::default());
        let serial = self.with(|book| {
            let counts = &mut book.counts;
            counts.connecting -= 1;
            counts.connected += 1;
            counts.live += 1;
            counts.peak_live = counts.peak_live.max(counts.live);
            let serial = counts.connected;
            book.living.insert(serial, Arc::clone(&fuse));
            serial
        });
        self.record(Event::Connected { serial }, |_| ());
        Scripted::new(serial, fuse, Arc::clone(self))
    }

    /// A connection has ended; `closing`: its close was called.
    pub(crate) fn gone(&self, serial: u64, closing: bool) {
        self.record(Event::Gone { serial }, |counts| {
            counts.live -= 1;
            *(if closing { &mut counts.closed } else { &mut counts.dropped }) += 1;
        });
        self.with(|book| book.living.remove(&serial));
    }
}
