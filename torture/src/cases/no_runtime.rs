//! A connection is lent inside a runtime and given back by a thread that has none, as a destructor may do. This must
//! not panic, and the next caller must get the same connection.

use std::sync::Arc;

use crate::finding::Finding;
use crate::script::Script;
use crate::subject::{Settings, Subject, open};
use crate::world::{ms, panics, runtime, settle};

pub(crate) fn run<S: Subject>() -> Finding {
    let runtime = runtime();
    let script = Script::default();
    let (pool, lent) = runtime.block_on(async {
        let pool = open::<S>(&script, Settings::max_size(1)).await;
        let lent = pool.take(ms(1_000)).await;
        (pool, lent)
    });
    let Ok(lent) = lent else { return Finding::breaks("no connection") };
    if panics(move || drop(lent)) {
        return Finding::breaks("return panics");
    }
    runtime.block_on(async {
        settle().await;
        let next = Arc::clone(&pool);
        let next = tokio::spawn(async move { next.take(ms(1_000)).await.is_ok() }).await;
        match (next, script.counts().connected) {
            (Ok(true), 1) => Finding::holds("lent again"),
            (Ok(true), _) => Finding::breaks("connection lost"),
            _ => Finding::breaks("next get fails"),
        }
    })
}
