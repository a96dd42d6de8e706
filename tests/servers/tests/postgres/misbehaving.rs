//! Full load through a proxy that misbehaves at random. It takes some 70 s; see `cenote_server_tests::misbehaving`.

use std::time::Duration;

use cenote::Fault;
use cenote_postgres::{PostgresConnection, PostgresError};
use cenote_server_tests::dice::Dice;
use cenote_server_tests::misbehaving::{Done, Rough, nothing_leaks};
use tokio::time::timeout;

use super::{Here, counted, server, sql};

// P-20, P-16, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_through_a_proxy_that_misbehaves() {
    let server = server().await;
    sql(&server, "CREATE TABLE account (id int PRIMARY KEY, cents bigint)").await;
    sql(&server, "INSERT INTO account SELECT id, 1000 FROM generate_series(0, 9) AS id").await;
    nothing_leaks(Here(server)).await;
}

impl Rough for Here {
    const SECONDS: u64 = 60;
    const FAULTS: &'static [Fault] = &[Fault::Connection, Fault::Host, Fault::Timeout];
    const LIFETIME: Duration = Duration::from_secs(4);
    const DISCARDS: u64 = 40;

    fn is_clean(conn: &PostgresConnection) -> bool {
        !conn.in_transaction()
    }

    async fn work(
        conn: &mut PostgresConnection,
        dice: &mut Dice,
        limit: Duration,
    ) -> Result<Done, PostgresError> {
        match dice.below(10) {
            0 => {
                let patience = Duration::from_millis(dice.below(20));
                let slow = conn.query_one("SELECT 'late', pg_sleep(0.05)::text", &[]);
                match timeout(patience, slow).await {
                    Err(_) => Ok(Done::Abandoned),
                    Ok(done) => done.map(|_| Done::Answered),
                }
            }
            1 => {
                let (from, to) = (dice.below(10) as i32, dice.below(10) as i32);
                let run = conn.transaction().timeout(limit).run(async |tx| {
                    // In one order, so that nobody waits for each other.
                    for (id, cents) in [(from.min(to), 5_i64), (from.max(to), -5)] {
                        let add = "UPDATE account SET cents = cents + $2 WHERE id = $1";
                        tx.execute(add, &[&id, &cents]).await?;
                    }
                    Ok::<(), PostgresError>(())
                });
                run.await.map(|()| Done::Moved)
            }
            // Left open.
            2 => {
                let open = "BEGIN; UPDATE account SET cents = 0 WHERE id = 99";
                conn.batch_execute(open).await.map(|()| Done::Answered)
            }
            _ => {
                let nonce = dice.below(u64::MAX / 2) as i64;
                let length = dice.below(4000) as i32;
                let echo = "SELECT $1::bigint, repeat('x', $2)";
                let row = conn.query_one(echo, &[&nonce, &length]).await?;
                assert_eq!(row.get::<_, i64>(0), nonce, "the answer of another");
                assert_eq!(row.get::<_, &str>(1).len(), length as usize);
                Ok(Done::Answered)
            }
        }
    }

    async fn left(&self) -> usize {
        counted(&self.0).await
    }

    async fn cents(&self) -> i64 {
        sql(&self.0, "SELECT sum(cents) FROM account").await.parse().unwrap()
    }
}
