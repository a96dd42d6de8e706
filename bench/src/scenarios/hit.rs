//! S1: one task takes a connection and gives it back, and there is always one. What a pool costs where it is not
//! needed at the moment, which is most of the time.

use std::time::Instant;

use super::Trial;
use crate::allocations::Count;
use crate::figures::{Metric, Sheet, Unit};
use crate::load::{self, one_thread, warm};
use crate::subject::{Source, Subject};

pub(crate) const CYCLE: Metric = Metric::new("cycle", Unit::Ns);
pub(crate) const INSTRUCTIONS: Metric = Metric::new("instructions", Unit::Instructions);
pub(crate) const ALLOCATIONS: Metric = Metric::new("allocations", Unit::Allocations);

const SIZE: usize = 10;
/// Between two looks at the clock.
const BATCH: u64 = 1000;

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    let cycle = one_thread().block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        warm(&pool, 1).await;
        let (began, mut done) = (Instant::now(), 0);
        loop {
            load::cycles(&pool, BATCH).await;
            done += BATCH;
            let took = began.elapsed();
            if took >= trial.scale.window {
                return load::per_cycle(took, done);
            }
        }
    });
    trial.record(sheet, CYCLE, cycle);
    trial.record(sheet, ALLOCATIONS, allocations::<S>(trial));
}

/// Of one cycle, once the pool is warm.
pub(crate) fn allocations<S: Subject>(trial: &Trial) -> f64 {
    one_thread().block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        load::cycles(&pool, BATCH).await;
        let count = Count::begin();
        load::cycles(&pool, BATCH).await;
        count.made() as f64 / BATCH as f64
    })
}

pub(crate) fn cycles<S: Subject>(trial: &Trial, n: u64) {
    one_thread().block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        load::cycles(&pool, n).await;
    });
}
