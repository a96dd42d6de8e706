//! S4: 64 tasks share 8 connections, so that nearly every acquire waits for a release. What a queue costs, and whether
//! it is one: a pool that lets whoever runs take what others wait for has more cycles, and longer waits.

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::task::yield_now;

use super::Trial;
use crate::allocations::Count;
use crate::figures::{Metric, Sheet, Unit};
use crate::histogram::Histogram;
use crate::load::{self, End, one_thread, warm, workers};
use crate::subject::{Source, Subject};

pub(crate) const CYCLE: Metric = Metric::new("cycle, one worker", Unit::Ns);
pub(crate) const CYCLE_TWO: Metric = Metric::new("cycle, two workers", Unit::Ns);
pub(crate) const P50: Metric = Metric::new("wait p50", Unit::Ns);
pub(crate) const P99: Metric = Metric::new("wait p99", Unit::Ns);
pub(crate) const P999: Metric = Metric::new("wait p99.9", Unit::Ns);
/// Where most are passed over for good, so few of the waits are theirs that no quantile shows them.
pub(crate) const LONGEST: Metric = Metric::new("longest wait", Unit::Ns);
pub(crate) const TURNS: Metric =
    Metric::new("turns of the last when the first had 100", Unit::Count);
pub(crate) const INSTRUCTIONS: Metric = Metric::new("instructions", Unit::Instructions);
pub(crate) const ALLOCATIONS: Metric = Metric::new("allocations", Unit::Allocations);

pub(crate) const TASKS: usize = 64;
pub(crate) const SIZE: usize = 8;

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    let window = End::After(trial.scale.window);
    let two = workers(2);
    let pool = open::<S>(&two, trial);
    trial.record(sheet, CYCLE_TWO, load::crowd(&two, &pool, TASKS, window, None).cycle);
    two.block_on(async { drop(pool) });
    drop(two);

    let one = workers(1);
    let pool = open::<S>(&one, trial);
    trial.record(sheet, CYCLE, load::crowd(&one, &pool, TASKS, window, None).cycle);
    let waits = Arc::new(Histogram::new());
    load::crowd(&one, &pool, TASKS, window, Some(&waits));
    trial.record(sheet, P50, waits.quantile(0.5));
    trial.record(sheet, P99, waits.quantile(0.99));
    trial.record(sheet, P999, waits.quantile(0.999));
    trial.record(sheet, LONGEST, waits.quantile(1.0));
    one.block_on(async { drop(pool) });
    drop(one);

    let turns = one_thread().block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        warm(&pool, SIZE).await;
        load::turns_of_the_last(&pool, TASKS, 100).await
    });
    trial.record(sheet, TURNS, turns as f64);

    trial.record(sheet, ALLOCATIONS, allocations::<S>(trial));
}

fn open<S: Subject>(runtime: &Runtime, trial: &Trial) -> S {
    runtime.block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        warm(&pool, SIZE).await;
        pool
    })
}

/// So many cycles in all, by all tasks together.
async fn together<S: Subject>(pool: &S, n: u64) {
    let mut running = Vec::with_capacity(TASKS);
    for _ in 0..TASKS {
        let pool = pool.clone();
        running.push(tokio::spawn(async move {
            for _ in 0..n / TASKS as u64 {
                let guard = pool.take().await;
                yield_now().await;
                drop(guard);
            }
        }));
    }
    for task in running {
        task.await.expect("no task panics");
    }
}

/// Of one cycle: of a longer run those beyond a shorter one's, so that tasks and the first waits do not count.
pub(crate) fn allocations<S: Subject>(trial: &Trial) -> f64 {
    const TURNS: u64 = 20 * TASKS as u64;
    one_thread().block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        together(&pool, TURNS).await;
        let count = Count::begin();
        together(&pool, TURNS).await;
        let short = count.made();
        together(&pool, 2 * TURNS).await;
        let long = count.made() - short;
        long.saturating_sub(short) as f64 / TURNS as f64
    })
}

pub(crate) fn cycles<S: Subject>(trial: &Trial, n: u64) {
    one_thread().block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        together(&pool, n).await;
    });
}
