//! S10, and what S1 to S4 are for a pool that blocks: threads instead of tasks. The switches between threads are part
//! of it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use super::{Scenario, Trial, hit, queue, roomy, two_threads};
use crate::figures::{Metric, Sheet, Unit};
use crate::histogram::Histogram;
use crate::load::{self, Held};
use crate::subject::{Blocking, Source};

pub(crate) const HIT: Metric = Metric::new("cycle, one thread over 10", Unit::Ns);
pub(crate) const QUEUE: Metric = Metric::new("cycle, 64 threads over 8", Unit::Ns);
pub(crate) const QUEUE_P99: Metric = Metric::new("wait p99, 64 threads over 8", Unit::Ns);

pub(crate) fn measure<S: Blocking>(trial: &Trial, sheet: &mut Sheet) {
    match trial.scenario {
        Scenario::S1 => trial.record(sheet, hit::CYCLE, alone::<S>(trial)),
        Scenario::S2 => {
            trial.record(sheet, two_threads::CYCLE, many::<S>(trial, 10, 2, Held::Briefly));
        }
        Scenario::S3 => {
            let cycle = many::<S>(trial, roomy::TASKS, roomy::TASKS, Held::OverAYield);
            trial.record(sheet, roomy::CYCLE, cycle);
        }
        Scenario::S4 => {
            trial.record(sheet, queue::CYCLE_TWO, queued::<S>(trial));
            let waits = waits::<S>(trial);
            trial.record(sheet, queue::P50, waits.quantile(0.5));
            trial.record(sheet, queue::P99, waits.quantile(0.99));
            trial.record(sheet, queue::P999, waits.quantile(0.999));
            trial.record(sheet, queue::LONGEST, waits.quantile(1.0));
        }
        Scenario::S10 => {
            trial.record(sheet, HIT, alone::<S>(trial));
            trial.record(sheet, QUEUE, queued::<S>(trial));
            trial.record(sheet, QUEUE_P99, waits::<S>(trial).quantile(0.99));
        }
        _ => {}
    }
}

fn alone<S: Blocking>(trial: &Trial) -> f64 {
    const BATCH: u64 = 1000;
    let pool = S::open(Source::instant(), trial.settings(10));
    drop(pool.take());
    let (began, mut done) = (Instant::now(), 0);
    loop {
        cycle(&pool, BATCH);
        done += BATCH;
        let took = began.elapsed();
        if took >= trial.scale.window {
            return load::per_cycle(took, done);
        }
    }
}

fn cycle<S: Blocking>(pool: &S, n: u64) {
    for _ in 0..n {
        let guard = pool.take();
        black_box(&guard);
        drop(guard);
    }
}

fn open<S: Blocking>(trial: &Trial, size: usize) -> Arc<S> {
    let pool = S::open(Source::instant(), trial.settings(size));
    let held: Vec<_> = (0..size).map(|_| pool.take()).collect();
    drop(held);
    Arc::new(pool)
}

fn many<S: Blocking>(trial: &Trial, size: usize, threads: usize, held: Held) -> f64 {
    load::threads(&open::<S>(trial, size), threads, trial.scale.window, held, None)
}

fn queued<S: Blocking>(trial: &Trial) -> f64 {
    many::<S>(trial, queue::SIZE, queue::TASKS, Held::OverAYield)
}

fn waits<S: Blocking>(trial: &Trial) -> Arc<Histogram> {
    let waits = Arc::new(Histogram::new());
    let pool = open::<S>(trial, queue::SIZE);
    let (threads, window) = (queue::TASKS, trial.scale.window);
    load::threads(&pool, threads, window, Held::OverAYield, Some(&waits));
    waits
}

/// So many cycles of S1, and nothing else.
#[cfg(feature = "peers")]
pub(crate) fn cycles<S: Blocking>(trial: &Trial, n: u64) {
    cycle(&S::open(Source::instant(), trial.settings(10)), n);
}
