//! Full load through a proxy that misbehaves at random. It takes some 20 s; see `cenote_server_tests::misbehaving`.

use std::time::Duration;

use cenote::{CloseReason, Counts, Fault};
use cenote_mysql::{MysqlConnection, MysqlError};
use cenote_server_tests::dice::Dice;
use cenote_server_tests::misbehaving::{Done, Rough, nothing_leaks};
use tokio::time::timeout;

use super::{Here, counted, server, sql};

// P-20, P-16, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_through_a_proxy_that_misbehaves() {
    let server = server().await;
    sql(&server, "CREATE TABLE account (id int PRIMARY KEY, cents bigint)").await;
    sql(&server, "INSERT INTO account SELECT seq, 1000 FROM seq_0_to_9").await;
    nothing_leaks(Here::new(server)).await;
}

impl Rough for Here {
    const SECONDS: u64 = 15;
    const FAULTS: &'static [Fault] = &[Fault::Connection, Fault::Host, Fault::Timeout];
    const LIFETIME: Duration = Duration::from_secs(30);
    const DISCARDS: u64 = 16_000;

    fn is_clean(conn: &MysqlConnection) -> bool {
        !conn.in_transaction()
    }

    async fn work(
        conn: &mut MysqlConnection,
        dice: &mut Dice,
        limit: Duration,
    ) -> Result<Done, MysqlError> {
        match dice.below(40) {
            0 => {
                let patience = Duration::from_millis(dice.below(20));
                let slow = conn.query_drop("SELECT 'late', COUNT(*) FROM seq_1_to_1000000");
                match timeout(patience, slow).await {
                    Err(_) => Ok(Done::Abandoned),
                    Ok(done) => done.map(|()| Done::Answered),
                }
            }
            1..6 => {
                let (from, to) = (dice.below(10), dice.below(10));
                let run = conn.transaction().timeout(limit).run(async |tx| {
                    // In one order, so that nobody waits for each other.
                    for (id, cents) in [(from.min(to), 5_i64), (from.max(to), -5)] {
                        let add = "UPDATE account SET cents = cents + ? WHERE id = ?";
                        tx.exec_drop(add, (cents, id)).await?;
                    }
                    Ok::<(), MysqlError>(())
                });
                run.await.map(|()| Done::Moved)
            }
            // Left open.
            6..10 => {
                let open = "BEGIN; UPDATE account SET cents = 0 WHERE id = 99";
                conn.query_drop(open).await.map(|()| Done::Answered)
            }
            _ => {
                let nonce = dice.below(u64::MAX / 2);
                let length = dice.below(4000) as usize;
                let echo = "SELECT ?, REPEAT('x', ?)";
                let row = conn.exec_first::<(u64, String), _, _>(echo, (nonce, length)).await?;
                let (answered, text) = row.unwrap();
                assert_eq!(answered, nonce, "the answer of another");
                assert_eq!(text.len(), length);
                Ok(Done::Answered)
            }
        }
    }

    /// Nobody answers a goodbye, and a close that failed may be one. A connection that was given up in the middle of a
    /// request is no excuse: its slot is free when the server has ended it.
    fn goodbyes(counts: &Counts) -> u64 {
        let given_up = counts.closes.get(CloseReason::NotKept);
        counts.close_failures + counts.closes.total() - given_up
    }

    async fn left(&self) -> usize {
        counted(&self.server).await
    }

    async fn cents(&self) -> i64 {
        sql(&self.server, "SELECT SUM(cents) FROM account").await.parse().unwrap()
    }
}
