//! S2: two tasks, each alone on its thread, and a connection for both. What is left is the fight of two processors
//! over the same line of memory.

use super::Trial;
use crate::figures::{Metric, Sheet, Unit};
use crate::load::{self, warm, workers};
use crate::subject::{Source, Subject};

pub(crate) const CYCLE: Metric = Metric::new("cycle", Unit::Ns);

const SIZE: usize = 10;

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    let runtime = workers(2);
    let pool = runtime.block_on(async {
        let pool = S::open(Source::instant(), trial.settings(SIZE)).await;
        warm(&pool, 2).await;
        pool
    });
    let cycle = load::side_by_side(&runtime, &pool, 2, trial.scale.window);
    trial.record(sheet, CYCLE, cycle);
    runtime.block_on(async { drop(pool) });
}
