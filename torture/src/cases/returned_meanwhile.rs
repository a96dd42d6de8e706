//! One of two connections is lent, the other is being made, which takes 600 ms. The lent one comes back after
//! 20 ms: the caller that waits must take it, and have it within 200 ms.

use std::sync::Arc;

use tokio::time::Instant;

use crate::finding::Finding;
use crate::script::{Script, Step};
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, sleep};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        let pool = open::<S>(&script, Settings::max_size(2)).await;
        let lent = pool.take(ms(1_000)).await;
        script.connect_always(Step::Slow(ms(600)));
        let began = Instant::now();
        let waits = Arc::clone(&pool);
        let waiter = tokio::spawn(async move {
            let got = waits.take(ms(3_000)).await;
            (got.is_ok(), began.elapsed())
        });
        sleep(ms(20)).await;
        drop(lent);
        match waiter.await {
            Ok((true, after)) => {
                Finding::holds_if(after < ms(200), format!("after {} ms", after.as_millis()))
            }
            Ok((false, after)) => Finding::breaks(format!("none in {} ms", after.as_millis())),
            Err(_) => Finding::breaks("the caller panics"),
        }
    })
}
