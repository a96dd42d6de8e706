//! What the next borrower finds (P-16), under each reset.

use std::time::Duration;

use cenote::{CloseReason, Pool, Pooled, TestOnAcquire};
use cenote_redis::redis::{AsyncCommands, ErrorKind, RedisResult, cmd, pipe};
use cenote_redis::{Redis, RedisConnection, RedisError, Reset};
use cenote_testkit::servers::redis::Server;

use super::{abandon, redis, run, server, until};

const RESETS: [Reset; 2] = [Reset::Undo, Reset::Full];

/// A pool of one connection, so that the next borrower gets what the one before had.
async fn one(server: &Server, reset: Reset) -> Pool<Redis> {
    Pool::builder(redis(server).reset(reset)).max_size(1).build_ready().await.unwrap()
}

async fn exec(conn: &mut RedisConnection, line: &str) -> RedisResult<()> {
    let mut words = line.split(' ');
    let mut command = cmd(words.next().unwrap());
    words.for_each(|word| _ = command.arg(word));
    command.exec_async(conn).await
}

/// What the server says of this client.
async fn info(conn: &mut RedisConnection) -> String {
    cmd("CLIENT").arg("INFO").query_async(conn).await.unwrap()
}

/// In no transaction, with no key watched, in the database 0.
async fn is_as_new(pool: &Pool<Redis>, case: &str) -> u64 {
    let mut conn = pool.acquire().await.unwrap();
    assert!(!conn.in_transaction(), "{case}");
    let info = info(&mut conn).await;
    for field in [" multi=-1 ", " db=0 ", " sub=0 ", " name=pool ", " user=default "] {
        assert!(info.contains(field), "{case}: {field} {info}");
    }
    info.split([' ', '=']).nth(1).unwrap().parse().unwrap()
}

// P-16
#[tokio::test]
async fn what_a_borrower_left_is_undone() {
    let server = server().await;
    for reset in RESETS {
        let pool = one(&server, reset).await;
        let id = is_as_new(&pool, "new").await;
        let left: [&[&str]; 8] = [
            &["MULTI", "SET k 1"],
            &["MULTI", "SET k 1", "MULTI"],
            &["SELECT 5"],
            &["SELECT 5", "MULTI", "SELECT 6"],
            &["WATCH a b"],
            &["WATCH a", "MULTI", "GET"],
            &["MULTI", "GET", "EXEC"],
            &["SELECT 99"],
        ];
        for lines in left {
            let mut conn = pool.acquire().await.unwrap();
            for line in lines {
                // Some of them fail, on purpose.
                let _ = exec(&mut conn, line).await;
            }
            drop(conn);
            let case = format!("{reset:?} {lines:?}");
            assert_eq!(is_as_new(&pool, &case).await, id, "{case}: it was replaced");
        }
        assert_eq!(run(&server, "EXISTS k").await, "0", "no transaction was carried out");
    }
}

// P-16
#[tokio::test]
async fn a_key_that_was_watched_does_not_fail_the_next_transaction() {
    let server = server().await;
    for reset in RESETS {
        let pool = one(&server, reset).await;
        exec(&mut pool.acquire().await.unwrap(), "WATCH k").await.unwrap();
        run(&server, "SET k theirs").await;
        let mut conn = pool.acquire().await.unwrap();
        let mut set = pipe();
        set.atomic().set("k", "ours");
        let done: Option<(String,)> = set.query_async(&mut *conn).await.unwrap();
        assert!(done.is_some(), "{reset:?}");
    }
}

// P-16
#[tokio::test]
async fn what_cannot_be_undone_costs_the_connection_or_is_begun_anew() {
    let server = server().await;
    run(&server, "ACL SETUSER app on >secret ~* +@all").await;
    for reset in RESETS {
        let pool = one(&server, reset).await;
        for line in ["AUTH app secret", "CLIENT SETNAME other", "CLIENT NO-EVICT on", "HELLO 3"] {
            let id = is_as_new(&pool, line).await;
            exec(&mut pool.acquire().await.unwrap(), line).await.unwrap();
            let after = is_as_new(&pool, line).await;
            assert_eq!(after == id, reset == Reset::Full, "{reset:?} {line}");
        }
    }
    let pool = one(&server, Reset::Undo).await;
    exec(&mut pool.acquire().await.unwrap(), "QUIT").await.unwrap();
    is_as_new(&pool, "QUIT").await;
}

// P-16
#[tokio::test]
async fn what_a_hook_set_up_stays() {
    let server = server().await;
    let pool = Pool::builder(redis(&server))
        .max_size(1)
        .after_connect(|conn: &mut RedisConnection| {
            Box::pin(async move {
                cmd("CLIENT").arg("NO-EVICT").arg("on").exec_async(conn).await?;
                conn.keep_state();
                Ok::<(), RedisError>(())
            })
        })
        .build_ready()
        .await
        .unwrap();
    for _ in 0..3 {
        let mut conn = pool.acquire().await.unwrap();
        assert!(info(&mut conn).await.contains(" flags=e "));
    }
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-16
#[tokio::test]
async fn without_a_reset_the_session_is_as_it_was_left() {
    let server = server().await;
    let pool = one(&server, Reset::None).await;
    let mut conn = pool.acquire().await.unwrap();
    exec(&mut conn, "SELECT 4").await.unwrap();
    exec(&mut conn, "MULTI").await.unwrap();
    server.freeze();
    abandon(exec(&mut conn, "INCR n")).await;
    drop(conn);
    server.thaw();
    let mut conn = pool.acquire().await.unwrap();
    assert!(conn.in_transaction());
    let done: Vec<u32> = cmd("EXEC").query_async(&mut *conn).await.unwrap();
    assert_eq!(done, [1], "the transaction went on");
    assert!(info(&mut conn).await.contains(" db=4 "));
}

// P-16
#[tokio::test]
async fn nobody_gets_the_answer_of_one_who_did_not_wait() {
    let server = server().await;
    for reset in [Reset::None, Reset::Undo, Reset::Full] {
        let pool = one(&server, reset).await;
        run(&server, "SET k late").await;
        for turn in 0..5_u32 {
            let mut conn = pool.acquire().await.unwrap();
            server.freeze();
            abandon(conn.get::<_, String>("k")).await;
            abandon(exec(&mut conn, "LPUSH k 1")).await;
            drop(conn);
            server.thaw();
            let mut conn = pool.acquire().await.unwrap();
            let echo: u32 = cmd("ECHO").arg(turn).query_async(&mut *conn).await.unwrap();
            assert_eq!(echo, turn, "{reset:?}");
        }
        assert_eq!(pool.stats().counts.connected, 1, "{reset:?}: it was never replaced");
    }
}

// P-16
#[tokio::test]
async fn a_transaction_that_was_half_begun_is_discarded() {
    let server = server().await;
    for reset in RESETS {
        let pool = one(&server, reset).await;
        let id = is_as_new(&pool, "new").await;
        let mut conn = pool.acquire().await.unwrap();
        server.freeze();
        abandon(exec(&mut conn, "MULTI")).await;
        abandon(exec(&mut conn, "SET k 1")).await;
        drop(conn);
        server.thaw();
        assert_eq!(is_as_new(&pool, "MULTI").await, id);
        let mut conn = pool.acquire().await.unwrap();
        server.freeze();
        abandon(exec(&mut conn, "SELECT 5")).await;
        drop(conn);
        server.thaw();
        assert_eq!(is_as_new(&pool, "SELECT").await, id);
    }
    assert_eq!(run(&server, "EXISTS k").await, "0");
}

// P-16, P-20
#[tokio::test]
async fn a_connection_that_waits_on_the_server_is_closed_and_stops_waiting() {
    let server = server().await;
    for reset in [Reset::None, Reset::Undo, Reset::Full] {
        let pool = one(&server, reset).await;
        let mut conn = pool.acquire().await.unwrap();
        let waits = conn.blpop::<_, (String, String)>("jobs", 0.0);
        assert!(tokio::time::timeout(Duration::from_millis(50), waits).await.is_err());
        drop(conn);
        let began = tokio::time::Instant::now();
        is_as_new(&pool, "BLPOP").await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(pool.stats().counts.closes.get(CloseReason::NotKept), 1, "{reset:?}");
        until("nobody waits", || async {
            run(&server, "INFO clients").await.contains("blocked_clients:0")
        })
        .await;
        // Nobody takes it away.
        run(&server, "LPUSH jobs one").await;
        let mut conn = pool.acquire().await.unwrap();
        let job: Option<String> = conn.lpop("jobs", None).await.unwrap();
        assert_eq!(job.as_deref(), Some("one"));
    }
}

// P-16
#[tokio::test]
async fn what_would_mix_up_answers_is_not_sent() {
    let server = server().await;
    let pool = one(&server, Reset::None).await;
    let id = is_as_new(&pool, "new").await;
    let mut conn = pool.acquire().await.unwrap();
    for line in ["SUBSCRIBE news", "PSUBSCRIBE *", "MONITOR", "CLIENT REPLY OFF", "UNSUBSCRIBE"] {
        let error = exec(&mut conn, line).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidClientConfig, "{line}");
        let error = RedisError::from(error);
        assert_eq!(error.fault(), cenote::Fault::Query);
        assert!(error.to_string().contains("was not sent, since"), "{error}");
    }
    let mut silent = cmd("SET");
    silent.arg("k").arg(1).set_no_response(true);
    silent.exec_async(&mut *conn).await.unwrap_err();
    let mut among = pipe();
    among.cmd("GET").arg("k").cmd("SUBSCRIBE").arg("news");
    among.exec_async(&mut *conn).await.unwrap_err();
    drop(conn);
    run(&server, "PUBLISH news now").await;
    assert_eq!(is_as_new(&pool, "after").await, id);
    assert_eq!(run(&server, "EXISTS k").await, "0");
}

// P-16, P-2
#[tokio::test]
async fn a_clean_connection_is_known_to_be_clean_without_asking() {
    let server = server().await;
    for reset in [Reset::None, Reset::Undo, Reset::Full] {
        let pool = Pool::builder(redis(&server).reset(reset));
        let pool = pool.max_size(1).test_on_acquire(TestOnAcquire::Never).build_ready().await;
        let pool = pool.unwrap();
        let mut conn = pool.acquire().await.unwrap();
        if reset != Reset::Full {
            // All that a borrower does, well and badly.
            for line in
                ["SET k 1", "LPUSH k 1", "SELECT 3", "SELECT 0", "WATCH k", "MULTI", "GET k"]
            {
                let _ = exec(&mut conn, line).await;
            }
            exec(&mut conn, "EXEC").await.unwrap();
            let mut atomic = pipe();
            atomic.atomic().incr("n", 1).get("k");
            let _: (u32, u32) = atomic.query_async(&mut *conn).await.unwrap();
        }
        drop(conn);
        // Now nobody could answer.
        server.freeze();
        let again = tokio::time::timeout(Duration::from_secs(5), pool.acquire()).await;
        assert!(again.unwrap().is_ok(), "{reset:?}");
        assert_eq!(pool.stats().counts.connected, 1);
        server.thaw();
    }
}

// P-16
#[tokio::test]
async fn whoever_panics_or_taints_costs_the_connection() {
    let server = server().await;
    let pool = one(&server, Reset::Full).await;
    let id = is_as_new(&pool, "new").await;
    let mut conn = pool.acquire().await.unwrap();
    Pooled::taint(&mut conn);
    drop(conn);
    assert_ne!(is_as_new(&pool, "tainted").await, id);
}
