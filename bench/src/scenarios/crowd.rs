//! S5: ten thousand tasks wait for 8 connections. What one that waits costs in memory, how long the unluckiest wait, and
//! whether anybody gets nothing at all. A wait that outlasts the measurement is waited for to its end, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::yield_now;

use super::Trial;
use super::queue::SIZE;
use crate::allocations::Count;
use crate::figures::{Metric, Sheet, Unit};
use crate::histogram::Histogram;
use crate::load::{self, End, one_thread, warm, workers};
use crate::subject::{Source, Subject};

pub(crate) const MEMORY: Metric = Metric::new("memory of a waiting task", Unit::Bytes);
pub(crate) const CYCLE: Metric = Metric::new("cycle", Unit::Ns);
pub(crate) const P50: Metric = Metric::new("wait p50", Unit::Ns);
pub(crate) const P99: Metric = Metric::new("wait p99", Unit::Ns);
pub(crate) const LONGEST: Metric = Metric::new("longest wait", Unit::Ns);
pub(crate) const STARVED: Metric = Metric::new("tasks never served", Unit::Count);

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    if !trial.is_long_run() {
        return;
    }
    trial.record(sheet, MEMORY, memory::<S>(trial));
    let runtime = workers(1);
    let pool = runtime.block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        warm(&pool, SIZE).await;
        pool
    });
    let waits = Arc::new(Histogram::new());
    // Enough for everybody to have had twenty, if turns are taken.
    let end = End::Turns(20 * trial.scale.crowd);
    let crowd = load::crowd(&runtime, &pool, trial.scale.crowd, end, Some(&waits));
    trial.record(sheet, CYCLE, crowd.cycle);
    trial.record(sheet, P50, waits.quantile(0.5));
    trial.record(sheet, P99, waits.quantile(0.99));
    trial.record(sheet, LONGEST, waits.quantile(1.0));
    trial.record(sheet, STARVED, crowd.never_served as f64);
    runtime.block_on(async { drop(pool) });
}

/// Bytes allocated for each task that waits, the task itself included: the row without a pool says how much that is.
pub(crate) fn memory<S: Subject>(trial: &Trial) -> f64 {
    let tasks = trial.scale.crowd;
    one_thread().block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        let mut held = Vec::with_capacity(SIZE);
        for _ in 0..SIZE {
            held.push(pool.take().await);
        }
        let waiting = Arc::new(AtomicUsize::new(0));
        let count = Count::begin();
        for _ in 0..tasks {
            let (pool, waiting) = (pool.clone(), Arc::clone(&waiting));
            tokio::spawn(async move {
                waiting.fetch_add(1, Ordering::Relaxed);
                pool.take_in_vain().await;
            });
        }
        while waiting.load(Ordering::Relaxed) < tasks {
            yield_now().await;
        }
        count.live() as f64 / tasks as f64
    })
}
