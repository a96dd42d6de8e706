//! The load: many tasks that query as fast as they can, through a pool or with a new connection for each
//! query, until the time is over, the user has seen enough, or nothing works.

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cenote::{Pool, Status};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::drivers::{Driver, Sharing};
use crate::failure::{Failure, cause};
use crate::histogram::{Durations, Spread};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::units;

/// With so many errors, and more of them than of successes, it makes no sense to go on.
const HOPELESS: u64 = 100;
/// How long the queries that run at the end may take to end by themselves.
const GRACE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// Queries once; `turn` is another number each time. An error is told in words.
type Once =
    Arc<dyn Fn(u64) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Where the connections come from, and what is done with them. It knows its driver, so that nobody else has to.
#[derive(Clone)]
pub(crate) struct Source {
    once: Once,
    /// The pool's, if there is one.
    status: Option<Arc<dyn Fn() -> Status + Send + Sync>>,
}

impl Source {
    /// Those of a pool, one query at a time on each.
    pub(crate) fn pool<D: Driver>(pool: &Pool<D>, query: D::Query) -> Source {
        let of = pool.clone();
        let pool = pool.clone();
        let once: Once = Arc::new(move |turn| {
            let (pool, query) = (pool.clone(), query.clone());
            Box::pin(async move {
                let mut conn = pool.acquire().await.map_err(|error| cause(&error))?;
                D::ask(&mut conn, &query, turn).await.map_err(told)
            })
        });
        Source { once, status: Some(Arc::new(move || of.status())) }
    }

    /// Those of a pool, several queries at a time on each.
    pub(crate) fn shared<D: Sharing>(pool: &Pool<D>, query: D::Query) -> Source {
        let of = pool.clone();
        let pool = pool.clone();
        let once: Once = Arc::new(move |_| {
            let (pool, query) = (pool.clone(), query.clone());
            Box::pin(async move {
                let mut shared = pool.share().await.map_err(|error| cause(&error))?;
                D::ask_shared(&mut shared, &query).await.map_err(told)
            })
        });
        Source { once, status: Some(Arc::new(move || of.status())) }
    }

    /// A new one for each query; the time that each took to make goes to `waits`.
    pub(crate) fn anew<D: Driver>(driver: D, waits: Arc<Durations>, query: D::Query) -> Source {
        let once: Once = Arc::new(move |turn| {
            let (driver, waits, query) = (driver.clone(), Arc::clone(&waits), query.clone());
            Box::pin(async move {
                let asked = Instant::now();
                let mut conn = driver.connect().await.map_err(told)?;
                waits.record(asked.elapsed());
                D::ask(&mut conn, &query, turn).await.map_err(told)?;
                driver.close(conn).await.map_err(told)
            })
        });
        Source { once, status: None }
    }

    /// What the pool says of itself, if there is one.
    pub(crate) fn status(&self) -> Option<Status> {
        self.status.as_ref().map(|status| status())
    }
}

fn told(error: impl Error) -> String {
    error.to_string()
}

pub(crate) struct Load {
    pub(crate) source: Source,
    pub(crate) tasks: u32,
    pub(crate) duration: Duration,
}

/// What came of it.
pub(crate) struct Done {
    pub(crate) elapsed: Duration,
    pub(crate) queries: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

#[derive(Default)]
struct Tally {
    over: AtomicBool,
    queries: AtomicU64,
    errors: AtomicU64,
    first_error: Mutex<Option<String>>,
    /// How long each took, the wait for a connection included; if somebody wants to know.
    times: Option<Durations>,
}

impl Load {
    /// Runs the load.
    pub(crate) async fn run(self, progress: &Progress, stop: &mut Stop) -> Done {
        let Load { source, tasks, duration } = self;
        let mut running = Running::start(&source, tasks, false);
        let meter = running.meter();
        let end = sleep_until((running.began + duration).into());
        let mut end = std::pin::pin!(end);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = &mut end => break,
                () = stop.wished() => break,
                _ = tick.tick() => {
                    let elapsed = running.began.elapsed();
                    progress.show(elapsed, duration, meter.queries(), &source);
                }
                () = running.given_up() => break,
            }
        }
        let done = meter.done();
        if !running.finish(GRACE).await {
            running.abort_all().await;
        }
        done
    }
}

/// Tasks that query.
pub(crate) struct Running {
    began: Instant,
    tally: Arc<Tally>,
    tasks: JoinSet<()>,
    handles: Vec<AbortHandle>,
}

impl Running {
    /// `timed`: how long each query takes is wanted.
    pub(crate) fn start(source: &Source, tasks: u32, timed: bool) -> Running {
        let tally = Tally { times: timed.then(Durations::default), ..Tally::default() };
        let tally = Arc::new(tally);
        let mut running = JoinSet::new();
        let spawn = |task| running.spawn(work(Arc::clone(&source.once), Arc::clone(&tally), task));
        let handles = (0..tasks).map(spawn).collect();
        Running { began: Instant::now(), tally, tasks: running, handles }
    }

    /// What reads how far it is.
    pub(crate) fn meter(&self) -> Meter {
        Meter { began: self.began, tally: Arc::clone(&self.tally) }
    }

    /// Ends when the tasks have, which they do early only when it is hopeless.
    pub(crate) async fn given_up(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// No query begins any more. False: some go on that began before, and that time is over.
    pub(crate) async fn finish(&mut self, grace: Duration) -> bool {
        self.tally.over.store(true, Ordering::Relaxed);
        timeout(grace, self.given_up()).await.is_ok()
    }

    /// The tasks' futures are dropped, and with them their queries are interrupted.
    pub(crate) async fn abort_all(&mut self) {
        self.tasks.shutdown().await;
    }

    /// The same of each task that is left, and `settled` after each, since a driver may need a further connection to
    /// interrupt a query.
    pub(crate) async fn abort_one_by_one(&mut self, settled: impl AsyncFn()) {
        for handle in std::mem::take(&mut self.handles) {
            if !handle.is_finished() {
                handle.abort();
                while !handle.is_finished() && self.tasks.join_next().await.is_some() {}
                settled().await;
            }
        }
    }
}

/// Tells how far a load is, while it runs and after it.
pub(crate) struct Meter {
    began: Instant,
    tally: Arc<Tally>,
}

impl Meter {
    pub(crate) fn queries(&self) -> u64 {
        self.tally.queries.load(Ordering::Relaxed)
    }

    /// What came of it so far.
    pub(crate) fn done(&self) -> Done {
        let errors = self.tally.errors.load(Ordering::Relaxed);
        let first = self.tally.first_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Done {
            elapsed: self.began.elapsed(),
            queries: self.queries(),
            errors,
            first_error: first.filter(|_| errors > 0),
        }
    }

    /// How long the queries took since this was last asked.
    pub(crate) fn take_times(&self) -> Spread {
        self.tally.times.as_ref().map(Durations::take).unwrap_or_default()
    }
}

impl Done {
    /// The figures, if they are worth showing.
    ///
    /// # Errors
    /// The first error in words, if nearly everything failed, or that nothing was finished at all.
    pub(crate) fn sound(self, stop: &Stop) -> Result<Done, Failure> {
        match &self.first_error {
            Some(error) if is_hopeless(self.errors, self.queries) || self.queries == 0 => {
                Err(Failure::new(error))
            }
            None if self.queries == 0 && stop.is_wished() => Err(Failure::interrupted()),
            None if self.queries == 0 => Err(Failure::new(format!(
                "not one query was finished within {}: give it more --seconds or a lighter query",
                units::duration(self.elapsed)
            ))),
            _ => Ok(self),
        }
    }
}

fn is_hopeless(errors: u64, queries: u64) -> bool {
    errors >= HOPELESS && errors > queries
}

async fn work(once: Once, tally: Arc<Tally>, task: u32) {
    // Far apart, so that the tasks' numbers do not meet.
    let mut turn = u64::from(task) << 32;
    while !tally.over.load(Ordering::Relaxed) {
        turn += 1;
        let began = tally.times.as_ref().map(|_| Instant::now());
        let outcome = once(turn).await;
        if let (Some(times), Some(began)) = (&tally.times, began) {
            times.record(began.elapsed());
        }
        match outcome {
            Ok(()) => {
                tally.queries.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let mut first = tally.first_error.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
                drop(first);
                let errors = tally.errors.fetch_add(1, Ordering::Relaxed) + 1;
                if is_hopeless(errors, tally.queries.load(Ordering::Relaxed)) {
                    tally.over.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}
