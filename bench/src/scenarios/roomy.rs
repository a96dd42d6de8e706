//! S3: 64 tasks and as many connections, on two workers. Nobody waits, but many are lent at once.

use super::Trial;
use crate::figures::{Metric, Sheet, Unit};
use crate::load::{self, End, warm, workers};
use crate::subject::{Source, Subject};

pub(crate) const CYCLE: Metric = Metric::new("cycle", Unit::Ns);

pub(crate) const TASKS: usize = 64;

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    let runtime = workers(2);
    let pool = runtime.block_on(async {
        let pool = S::open(Source::instant(), trial.settings(TASKS)).await;
        warm(&pool, TASKS).await;
        pool
    });
    let crowd = load::crowd(&runtime, &pool, TASKS, End::After(trial.scale.window), None);
    trial.record(sheet, CYCLE, crowd.cycle);
    runtime.block_on(async { drop(pool) });
}
