//! S7: acquires that end without a connection, because their time is up or their caller went away. The processor's time
//! for each, its task and its timer included: the row without a pool says how much those are.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Trial;
use super::queue::SIZE;
use crate::figures::{Metric, Sheet, Unit};
use crate::load::{one_thread, warm};
use crate::processor;
use crate::subject::{Source, Subject};

pub(crate) const AROUND: Metric = Metric::new("1,000 after 1 ms, caller's timeout", Unit::Ns);
pub(crate) const OWN: Metric = Metric::new("1,000 after 1 ms, pool's timeout", Unit::Ns);
pub(crate) const CANCELLED: Metric = Metric::new("1,000 cancelled at once", Unit::Ns);
pub(crate) const STORM: Metric = Metric::new("18,000 while releases go on", Unit::Ns);
pub(crate) const SMALL_STORM: Metric = Metric::new("1,800 while releases go on", Unit::Ns);

const CALLERS: usize = 1000;
const AFTER: Duration = Duration::from_millis(1);

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    trial.record(sheet, AROUND, around::<S>(trial));
    if let Some(own) = own::<S>(trial) {
        trial.record(sheet, OWN, own);
    }
    trial.record(sheet, CANCELLED, cancelled::<S>(trial));
    if trial.is_long_run() {
        trial.record(sheet, SMALL_STORM, storm::<S>(trial, trial.scale.crowd / 100 * 18));
        trial.record(sheet, STORM, storm::<S>(trial, trial.scale.crowd / 10 * 18));
    }
}

/// What the processor did for each of them.
fn each(before: Duration, callers: usize) -> f64 {
    (processor::used() - before).as_nanos() as f64 / callers as f64
}

async fn exhausted<S: Subject>(trial: &Trial) -> S {
    let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
    warm(&pool, SIZE).await;
    pool
}

/// Holds all connections until it is dropped.
async fn all_of<S: Subject>(pool: &S) -> Vec<S::Guard<'_>> {
    let mut held = Vec::with_capacity(SIZE);
    for _ in 0..SIZE {
        held.push(pool.take().await);
    }
    held
}

fn around<S: Subject>(trial: &Trial) -> f64 {
    one_thread().block_on(async {
        let pool: S = exhausted(trial).await;
        let _held = all_of(&pool).await;
        let before = processor::used();
        let mut running = Vec::with_capacity(CALLERS);
        for _ in 0..CALLERS {
            let pool = pool.clone();
            running.push(tokio::spawn(async move {
                let _ = timeout(AFTER, pool.take_in_vain()).await;
            }));
        }
        for caller in running {
            caller.await.expect("no caller panics");
        }
        each(before, CALLERS)
    })
}

fn own<S: Subject>(trial: &Trial) -> Option<f64> {
    one_thread().block_on(async {
        let pool: S = exhausted(trial).await;
        drop(pool.own_timeout(AFTER)?);
        let _held = all_of(&pool).await;
        let before = processor::used();
        let mut running = Vec::with_capacity(CALLERS);
        for _ in 0..CALLERS {
            let pool = pool.clone();
            running.push(tokio::spawn(async move {
                if let Some(wait) = pool.own_timeout(AFTER) {
                    wait.await;
                }
            }));
        }
        for caller in running {
            caller.await.expect("no caller panics");
        }
        Some(each(before, CALLERS))
    })
}

/// All join the queue, then all go, the first first: as when a client's connection breaks that had asked for much.
fn cancelled<S: Subject>(trial: &Trial) -> f64 {
    one_thread().block_on(async {
        let pool: S = exhausted(trial).await;
        let _held = all_of(&pool).await;
        let before = processor::used();
        let mut running = Vec::with_capacity(CALLERS);
        for _ in 0..CALLERS {
            let pool = pool.clone();
            running.push(tokio::spawn(async move { pool.take_in_vain().await }));
        }
        tokio::task::yield_now().await;
        for caller in &running {
            caller.abort();
        }
        for caller in running {
            let _ = caller.await;
        }
        each(before, CALLERS)
    })
}

/// Connections come back every few milliseconds and serve some; the rest run out of time one after the other.
fn storm<S: Subject>(trial: &Trial, callers: usize) -> f64 {
    one_thread().block_on(async {
        let pool: S = exhausted(trial).await;
        let before = processor::used();
        for _ in 0..SIZE {
            let pool = pool.clone();
            tokio::spawn(async move {
                loop {
                    let guard = pool.take().await;
                    sleep(2 * AFTER).await;
                    drop(guard);
                }
            });
        }
        tokio::task::yield_now().await;
        let mut running = Vec::with_capacity(callers);
        for n in 0..callers {
            let pool = pool.clone();
            let after = Duration::from_micros(10_000 + 20_000 * n as u64 / callers as u64);
            running.push(tokio::spawn(async move {
                let _ = timeout(after, pool.take_in_vain()).await;
            }));
        }
        for caller in running {
            caller.await.expect("no caller panics");
        }
        each(before, callers)
    })
}
