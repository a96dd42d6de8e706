//! The first two connects of a pool of two panic. Afterwards two callers must be able to hold a connection each.

use crate::finding::Finding;
use crate::script::{Script, Step};
use crate::subject::{Settings, Subject, hold, open};
use crate::world::{block_on, ms};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        script.connects([Step::Panic, Step::Panic]);
        let pool = open::<S>(&script, Settings::max_size(2)).await;
        drop(hold(&pool, 2, ms(500)).await);
        let held = hold(&pool, 2, ms(3_000)).await.len();
        Finding::holds_if(held == 2, format!("{held} of 2 lent"))
    })
}
