//! Connections may rest for 600 ms. One that is used every 200 ms never does, so it must live through 1.2 s of
//! this; left alone for 1.8 s, it must be gone when the next caller comes.

use crate::finding::Finding;
use crate::script::Script;
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, sleep};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        let settings = Settings { idle_timeout: Some(ms(600)), ..Settings::max_size(1) };
        let pool = open::<S>(&script, settings).await;
        for _ in 0..7 {
            if let Err(why) = pool.take(ms(1_000)).await {
                return Finding::breaks(format!("no connection: {why}"));
            }
            sleep(ms(200)).await;
        }
        let in_use = script.counts().connected;
        sleep(ms(1_800)).await;
        drop(pool.take(ms(1_000)).await);
        let after = script.counts().connected - in_use;
        if in_use == 1 && after == 0 {
            return Finding::breaks("never closed");
        }
        Finding::holds_if(in_use == 1, format!("{in_use} connects"))
    })
}
