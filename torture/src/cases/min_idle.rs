//! One connection is to rest at all times. Three are lent and stay lent; when all connects have ended, which take
//! 30 ms each, no more than one may rest.

use crate::finding::Finding;
use crate::script::{Script, Step};
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, sleep};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        script.connect_always(Step::Slow(ms(30)));
        let settings = Settings { min_idle: 1, ..Settings::max_size(10) };
        let pool = open::<S>(&script, settings).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            match pool.take(ms(1_000)).await {
                Ok(lent) => held.push(lent),
                Err(why) => return Finding::breaks(format!("no connection: {why}")),
            }
        }
        sleep(ms(1_000)).await;
        let idle = script.counts().live - held.len();
        Finding::holds_if(idle <= 1, format!("{idle} idle"))
    })
}
