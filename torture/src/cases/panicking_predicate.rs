//! One connection is lent, one rests, and the user's function that is to choose among the idle ones panics. The
//! lent one must go back and the next caller must get one, without a further panic.

use std::sync::Arc;

use crate::finding::Finding;
use crate::script::Script;
use crate::subject::{Settings, Sweep, open};
use crate::world::{block_on, ms, panics, settle};

pub(crate) fn run<S: Sweep>() -> Finding {
    block_on(async {
        let pool = open::<S>(&Script::default(), Settings::max_size(2)).await;
        let lent = pool.take(ms(1_000)).await;
        drop(pool.take(ms(1_000)).await);
        settle().await;
        let sweeping = Arc::clone(&pool);
        let through = tokio::spawn(async move { sweeping.sweep_with_a_panic().await }).await;
        let dropped = panics(move || drop(lent));
        let next = Arc::clone(&pool);
        let next = tokio::spawn(async move { next.take(ms(1_000)).await.is_ok() }).await;
        match (dropped, next) {
            (false, Ok(true)) if through.is_err() => {
                Finding::holds("its caller panics, nobody else")
            }
            (false, Ok(true)) => Finding::holds("caught"),
            (true, Err(_)) => Finding::breaks("return and next get panic"),
            (true, Ok(_)) => Finding::breaks("return panics"),
            (false, Err(_)) => Finding::breaks("next get panics"),
            (false, Ok(false)) => Finding::breaks("next get fails"),
        }
    })
}
