//! The only connection of a pool is tested before it is lent, and the test hangs for 300 ms. Three callers in turn
//! give up after 30 ms. When tests are quick again, the next caller must get a connection, this one or a new one.

use crate::finding::Finding;
use crate::script::{Script, Step};
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, settle};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        let pool = open::<S>(&script, Settings { check: true, ..Settings::max_size(1) }).await;
        drop(pool.take(ms(1_000)).await);
        settle().await;
        let before = script.counts().checks;
        script.check_always(Step::Slow(ms(300)));
        for _ in 0..3 {
            drop(pool.take(ms(30)).await);
        }
        if script.counts().checks == before {
            return Finding::breaks("no test run");
        }
        script.check_always(Step::Well);
        let next = pool.take(ms(2_000)).await.is_ok();
        let made = script.counts().connected;
        let kept = if made == 1 { "same connection" } else { "a new connection" };
        if next { Finding::holds(kept) } else { Finding::breaks("slot lost") }
    })
}
