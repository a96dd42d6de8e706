//! The load: many tasks that query as fast as they can, through a pool or with a new connection for each
//! query, until the time is over, the user has seen enough, or nothing works.

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cenote::{Pool, Status};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::drivers::{Driver, Sharing};
use crate::failure::{Failure, cause};
use crate::histogram::Durations;
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
}

impl Load {
    /// Runs the load.
    pub(crate) async fn run(self, progress: &Progress, stop: &mut Stop) -> Done {
        let Load { source, tasks, duration } = self;
        let tally = Arc::new(Tally::default());
        let began = Instant::now();
        let mut running = JoinSet::new();
        for task in 0..tasks {
            running.spawn(work(Arc::clone(&source.once), Arc::clone(&tally), task));
        }
        let end = sleep_until((began + duration).into());
        let mut end = std::pin::pin!(end);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = &mut end => break,
                () = stop.wished() => break,
                _ = tick.tick() => {
                    let queries = tally.queries.load(Ordering::Relaxed);
                    progress.show(began.elapsed(), duration, queries, &source);
                }
                // Tasks end early only when it is hopeless.
                ended = running.join_next() => if ended.is_none() { break },
            }
        }
        let errors = tally.errors.load(Ordering::Relaxed);
        let first = tally.first_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let done = Done {
            elapsed: began.elapsed(),
            queries: tally.queries.load(Ordering::Relaxed),
            errors,
            first_error: first.filter(|_| errors > 0),
        };
        tally.over.store(true, Ordering::Relaxed);
        let rest = async { while running.join_next().await.is_some() {} };
        if timeout(GRACE, rest).await.is_err() {
            // Their futures are dropped, and with them their queries are interrupted.
            running.shutdown().await;
        }
        done
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
        match once(turn).await {
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
