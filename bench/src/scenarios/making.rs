//! S6, first part: 64 tasks come to an empty pool of 64 whose connects take 5 ms; 64 to one of 8 that take 20 ms; and two
//! to one of 8 with one idle connection, which the first gives back after 1 ms while a connect takes 20.
//!
//! The runtime's timers tick once a millisecond, so 5 ms come out as 6 and 20 as 21, for everybody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::time::sleep;

use super::Trial;
use crate::figures::{Metric, Sheet, Unit};
use crate::load::{one_thread, warm};
use crate::subject::{Source, Subject};

pub(crate) const COLD: Metric = Metric::new("cold start: all 64 served", Unit::Ns);
pub(crate) const HERD: Metric = Metric::new("herd: all 64 served", Unit::Ns);
pub(crate) const HERD_CONNECTS: Metric = Metric::new("herd: connects", Unit::Count);
pub(crate) const RACE: Metric = Metric::new("race: both served", Unit::Ns);
pub(crate) const RACE_CONNECTS: Metric = Metric::new("race: connects", Unit::Count);

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    trial.record(sheet, COLD, cold::<S>(trial));
    let (served, connects) = herd::<S>(trial);
    trial.record(sheet, HERD, served);
    trial.record(sheet, HERD_CONNECTS, connects);
    let (served, connects) = race::<S>(trial);
    trial.record(sheet, RACE, served);
    trial.record(sheet, RACE_CONNECTS, connects);
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Nobody gives back before all have one.
fn cold<S: Subject>(trial: &Trial) -> f64 {
    const TASKS: usize = 64;
    one_thread().block_on(async {
        let pool = S::open(Source::slow(ms(5)), trial.settings(TASKS)).await;
        let all = Arc::new(Barrier::new(TASKS + 1));
        let began = Instant::now();
        for _ in 0..TASKS {
            let (pool, all) = (pool.clone(), Arc::clone(&all));
            tokio::spawn(async move {
                let guard = pool.take().await;
                all.wait().await;
                drop(guard);
            });
        }
        all.wait().await;
        ns(began)
    })
}

fn herd<S: Subject>(trial: &Trial) -> (f64, f64) {
    let source = Source::slow(ms(20));
    one_thread().block_on(async {
        let pool = S::open(source.clone(), trial.settings(8)).await;
        let served = together(&pool, 64).await;
        (served, source.begun() as f64)
    })
}

fn race<S: Subject>(trial: &Trial) -> (f64, f64) {
    let source = Source::slow(ms(20));
    one_thread().block_on(async {
        let pool = S::open(source.clone(), trial.settings(8)).await;
        warm(&pool, 1).await;
        let before = source.begun();
        let served = together(&pool, 2).await;
        (served, (source.begun() - before) as f64)
    })
}

/// So many tasks at once, each holds its connection for 1 ms: the time until all have had one.
async fn together<S: Subject>(pool: &S, tasks: usize) -> f64 {
    let began = Instant::now();
    let mut running = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        let pool = pool.clone();
        running.push(tokio::spawn(async move {
            let guard = pool.take().await;
            let served = ns(began);
            sleep(ms(1)).await;
            drop(guard);
            served
        }));
    }
    let mut last = 0.0_f64;
    for task in running {
        last = last.max(task.await.expect("no task panics"));
    }
    last
}

fn ns(began: Instant) -> f64 {
    began.elapsed().as_nanos() as f64
}
