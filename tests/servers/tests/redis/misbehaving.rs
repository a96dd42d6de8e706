//! Full load through a proxy that misbehaves at random. It takes some 30 s; see `cenote_server_tests::misbehaving`.

use std::time::Duration;

use cenote::Fault;
use cenote_redis::redis::{AsyncCommands, RedisResult, cmd, pipe};
use cenote_redis::{RedisConnection, RedisError};
use cenote_server_tests::dice::Dice;
use cenote_server_tests::misbehaving::{Done, Rough, nothing_leaks};
use tokio::time::timeout;

use super::{Here, counted, run, server};

// P-20, P-16, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_through_a_proxy_that_misbehaves() {
    let server = server().await;
    for account in 0..10 {
        run(&server, format!("SET account:{account} 1000")).await;
    }
    nothing_leaks(Here(server)).await;
}

impl Rough for Here {
    const SECONDS: u64 = 20;
    const FAULTS: &'static [Fault] = &[Fault::Connection];
    const LIFETIME: Duration = Duration::from_secs(4);
    const DISCARDS: u64 = 40;

    fn is_clean(conn: &RedisConnection) -> bool {
        !conn.in_transaction()
    }

    /// Nothing here ends by itself at a limit.
    async fn work(
        conn: &mut RedisConnection,
        dice: &mut Dice,
        _limit: Duration,
    ) -> Result<Done, RedisError> {
        Ok(work(conn, dice).await?)
    }

    async fn left(&self) -> usize {
        counted(&self.0).await
    }

    async fn cents(&self) -> i64 {
        assert_eq!(run(&self.0, "EXISTS never").await, "0", "it was left, and was carried out");
        let mut sum = 0;
        for account in 0..10 {
            sum += run(&self.0, format!("GET account:{account}")).await.parse::<i64>().unwrap();
        }
        sum
    }
}

async fn work(conn: &mut RedisConnection, dice: &mut Dice) -> RedisResult<Done> {
    match dice.below(10) {
        // Given up while it waits on the server, or just before the answer.
        0 => {
            let patience = Duration::from_millis(dice.below(20));
            let waits = conn.blpop::<_, Option<(String, String)>>("none", 0.01);
            match timeout(patience, waits).await {
                Err(_) => Ok(Done::Abandoned),
                Ok(done) => done.map(|_| Done::Answered),
            }
        }
        1 => {
            let (from, to) = (dice.below(10), dice.below(10));
            let mut both = pipe();
            both.atomic().decr(format!("account:{from}"), 5).incr(format!("account:{to}"), 5);
            both.exec_async(conn).await.map(|()| Done::Moved)
        }
        // Left open, with more than that.
        2 => {
            cmd("SELECT").arg(7).exec_async(conn).await?;
            cmd("WATCH").arg("account:0").exec_async(conn).await?;
            cmd("MULTI").exec_async(conn).await?;
            conn.set::<_, _, ()>("never", 1).await.map(|()| Done::Answered)
        }
        3 => {
            let patience = Duration::from_micros(dice.below(500));
            match timeout(patience, conn.get::<_, String>("account:0")).await {
                Err(_) => Ok(Done::Abandoned),
                Ok(done) => done.map(|_| Done::Answered),
            }
        }
        _ => {
            let (nonce, length) = (dice.below(u64::MAX / 2), dice.below(4000) as usize);
            let sent = format!("{nonce}:{}", "x".repeat(length));
            let echo: String = cmd("ECHO").arg(&sent).query_async(conn).await?;
            assert!(echo == sent, "the answer of another");
            Ok(Done::Answered)
        }
    }
}
