//! Six callers come one after the other, each when the one before has given its connection back: one connect is
//! enough for all.

use crate::finding::Finding;
use crate::script::Script;
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, settle};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        let pool = open::<S>(&script, Settings::max_size(6)).await;
        for _ in 0..6 {
            drop(pool.take(ms(1_000)).await);
            settle().await;
        }
        let made = script.counts().connected;
        Finding::holds_if(made == 1, format!("connects: {made}"))
    })
}
