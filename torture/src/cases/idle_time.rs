//! Connections may rest for 600 ms. One is held for 1.6 s and rests for 200 ms: it must be there when the next
//! caller comes, though it was made, and lent, 1.8 s ago. Left alone for 1.8 s, it must be gone.

use crate::finding::Finding;
use crate::script::Script;
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, sleep};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        let settings = Settings { idle_timeout: Some(ms(600)), ..Settings::max_size(1) };
        let pool = open::<S>(&script, settings).await;
        let lent = pool.take(ms(1_000)).await;
        sleep(ms(1_600)).await;
        drop(lent);
        sleep(ms(200)).await;
        drop(pool.take(ms(1_000)).await);
        let in_use = script.counts().connected;
        sleep(ms(1_800)).await;
        drop(pool.take(ms(1_000)).await);
        let after = script.counts().connected - in_use;
        match (in_use, after) {
            (1, 1) => Finding::holds("kept, later closed"),
            (1, 0) => Finding::breaks("never closed"),
            (1, _) | (0, _) => Finding::breaks("no connection"),
            _ => Finding::breaks("closed after 0.2 s of rest"),
        }
    })
}
