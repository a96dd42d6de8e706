//! Cases that other pools are tested with, one module for each of them, under their own names where they have
//! one. Where ours differs on purpose the test asserts ours, and a comment says why. The table of all cases is
//! `tests/conformance/README.md`; what is already held by another test is not repeated here.

mod common;

#[path = "conformance/generic_pool.rs"]
mod generic_pool;
#[path = "conformance/lecture.rs"]
mod lecture;
#[path = "conformance/node_mysql.rs"]
mod node_mysql;
#[path = "conformance/sequelize.rs"]
mod sequelize;
#[path = "conformance/tarn.rs"]
mod tarn;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use cenote::Pool;
use cenote_testkit::Script;
use common::{Bench, ms};

/// Callers that borrow again and again: no connection may be with two of them at once, and nobody is left
/// without.
async fn stress(bench: &Bench, pool: &Pool<Script>, callers: u64, rounds: u64) {
    let in_use = Arc::new(Mutex::new(BTreeSet::new()));
    let mut tasks = Vec::new();
    for n in 0..callers {
        let (pool, handle, in_use) = (pool.clone(), bench.sim.handle(), Arc::clone(&in_use));
        tasks.push(bench.sim.spawn(async move {
            handle.sleep(ms(n / 4)).await;
            for _ in 0..rounds {
                let conn = pool.acquire().await.unwrap();
                assert!(in_use.lock().unwrap().insert(conn.serial()), "lent to two at once");
                handle.sleep(ms(1 + n % 3)).await;
                assert!(in_use.lock().unwrap().remove(&conn.serial()));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(pool.stats().counts.acquired, callers * rounds);
}
