//! A connect takes 150 ms and the caller waits for 50 ms. It comes again after 450 ms, three times in all: the
//! first try may fail, the second must find the connection that the first one began.

use crate::finding::Finding;
use crate::script::{Script, Step};
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, sleep};

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let script = Script::default();
        script.connect_always(Step::Slow(ms(150)));
        let pool = open::<S>(&script, Settings::max_size(4)).await;
        let mut tries = Vec::new();
        for _ in 0..3 {
            tries.push(pool.take(ms(50)).await.is_ok());
            sleep(ms(450)).await;
        }
        let of_three = tries.iter().filter(|&&well| well).count();
        let connects = script.counts().begun;
        let seen = format!("{of_three} of 3 tries, connects: {connects}");
        Finding::holds_if(tries[1] && tries[2], seen)
    })
}
