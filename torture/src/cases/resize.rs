//! A pool of ten is made a pool of one, with none, two or all ten of its connections made before. Ten callers
//! then come at once and keep what they get: one of them may get a connection.

use crate::finding::Finding;
use crate::script::Script;
use crate::subject::{Resize, Settings, hold, open};
use crate::world::{block_on, ms, settle};

pub(crate) fn run<S: Resize>() -> Finding {
    block_on(async {
        let mut lent = Vec::new();
        for idle in [0, 2, 10] {
            let pool = open::<S>(&Script::default(), Settings::max_size(10)).await;
            drop(hold(&pool, idle, ms(1_000)).await);
            settle().await;
            pool.resize(1).await;
            lent.push(hold(&pool, 10, ms(300)).await.len());
        }
        Finding::holds_if(lent.iter().all(|&n| n == 1), format!("{} lent", commas(&lent)))
    })
}

fn commas(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
