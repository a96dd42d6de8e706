//! Several borrowers on one connection (P-32).

use std::time::{Duration, Instant};

use cenote::{Pool, Shared};
use cenote_redis::redis::{AsyncCommands, ErrorKind, cmd, pipe};
use cenote_redis::{Redis, RedisError};

use super::{abandon, redis, run, server};

async fn one() -> (std::sync::Arc<cenote_testkit::servers::redis::Server>, Pool<Redis>) {
    let server = server().await;
    let pool = Pool::builder(redis(&server)).max_size(1).build_ready().await.unwrap();
    (server, pool)
}

// P-32
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_many_travel_over_one_connection() {
    let (_server, pool) = one().await;
    let tasks: Vec<_> = (0..50_u32)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for turn in 0..20 {
                    let mut shared = pool.share().await.unwrap();
                    let echo: u32 =
                        cmd("ECHO").arg(n * 100 + turn).query_async(&mut *shared).await.unwrap();
                    assert_eq!(echo, n * 100 + turn);
                    let mut atomic = pipe();
                    atomic.atomic().incr(n, 1).get(n);
                    let (now, same): (u32, u32) = atomic.query_async(&mut *shared).await.unwrap();
                    assert_eq!((now, same), (turn + 1, turn + 1));
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
    let (server, pool) = one().await;
    let mut stays = pool.share().await.unwrap();
    for turn in 0..5_u32 {
        let mut leaves = pool.share().await.unwrap();
        assert_eq!(Shared::id(&stays), Shared::id(&leaves));
        server.freeze();
        abandon(leaves.set::<_, _, ()>("k", "late")).await;
        drop(leaves);
        server.thaw();
        let echo: u32 = cmd("ECHO").arg(turn).query_async(&mut *stays).await.unwrap();
        assert_eq!(echo, turn);
    }
    drop(stays);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.get::<_, String>("k").await.unwrap(), "late");
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-32, P-16
#[tokio::test]
async fn what_others_would_notice_is_not_sent_over_a_share() {
    let (server, pool) = one().await;
    let mut one = pool.share().await.unwrap();
    let mut other = pool.share().await.unwrap();
    for line in
        ["MULTI", "WATCH k", "SELECT 5", "AUTH x", "BLPOP k 0", "SUBSCRIBE c", "CLIENT SETNAME x"]
    {
        let mut words = line.split(' ');
        let mut command = cmd(words.next().unwrap());
        words.for_each(|word| _ = command.arg(word));
        let began = Instant::now();
        let error = command.exec_async(&mut *one).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidClientConfig, "{line}");
        let error = RedisError::from(error).to_string();
        assert!(
            error.starts_with(&format!("Redis: {} was not sent", line.split(' ').next().unwrap())),
            "{error}"
        );
        assert!(began.elapsed() < Duration::from_secs(1));
        let _: () = other.set("k", line).await.unwrap();
        assert_eq!(run(&server, "GET k").await, line);
    }
    drop((one, other));
    let mut conn = pool.acquire().await.unwrap();
    let info: String = cmd("CLIENT").arg("INFO").query_async(&mut *conn).await.unwrap();
    assert!(info.contains(" db=0 ") && info.contains(" name=pool "), "{info}");
    assert_eq!(pool.stats().counts.connected, 1);
}
