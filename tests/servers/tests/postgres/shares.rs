//! Several borrowers on one connection (P-32).

use std::time::{Duration, Instant};

use cenote::{CloseReason, Pool, Shared};
use cenote_postgres::Postgres;

use super::{postgres, server, until};

async fn one() -> (std::sync::Arc<cenote_testkit::servers::postgres::Server>, Pool<Postgres>) {
    let server = server().await;
    let pool = Pool::builder(postgres(&server)).max_size(1).build_ready().await.unwrap();
    (server, pool)
}

// P-32
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_many_travel_over_one_connection() {
    let (_server, pool) = one().await;
    let tasks: Vec<_> = (0..50_i32)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for turn in 0..20 {
                    let shared = pool.share().await.unwrap();
                    let row = shared.query_one("SELECT $1::int", &[&(n * 100 + turn)]).await;
                    assert_eq!(row.unwrap().get::<_, i32>(0), n * 100 + turn);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-32
#[tokio::test]
async fn nobody_gets_the_answer_of_one_who_left() {
    let (_server, pool) = one().await;
    let stays = pool.share().await.unwrap();
    let leaves = pool.share().await.unwrap();
    assert_eq!(Shared::id(&stays), Shared::id(&leaves));
    let slow = leaves.query_one("SELECT 'late', pg_sleep(1)::text", &[]);
    assert!(tokio::time::timeout(Duration::from_millis(50), slow).await.is_err());
    drop(leaves);
    // It is not stopped, since that could hit another's; who stays waits for it.
    let row = stays.query_one("SELECT 'mine'", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "mine");
    drop(stays);
    let conn = pool.acquire().await.unwrap();
    assert_eq!(conn.query_one("SELECT 'mine'", &[]).await.unwrap().get::<_, &str>(0), "mine");
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-32, P-16
#[tokio::test]
async fn a_transaction_that_a_sharer_left_open_ends_with_the_connection() {
    let (_server, pool) = one().await;
    let one = pool.share().await.unwrap();
    let id = Shared::id(&one);
    one.batch_execute("BEGIN; CREATE TEMP TABLE mine (id int)").await.unwrap();
    drop(one);
    let began = Instant::now();
    let next = pool.acquire().await.unwrap();
    assert!(!next.in_transaction() && cenote::Pooled::id(&next) != id);
    assert!(began.elapsed() < Duration::from_secs(3));
    until("closed", || async { pool.stats().counts.closes.get(CloseReason::Died) == 1 }).await;
}
