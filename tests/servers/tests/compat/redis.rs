//! The redis crate's own managers for bb8 and r2d2. The one for bb8 says that no connection has ever broken, so only the
//! test, and the error of a request, can find one that has.

use std::sync::Arc;
use std::time::Duration;

use ::redis::{AsyncCommands, Client, Commands, RedisError};
use cenote::blocking::{self, Offload};
use cenote::{Error, Fault, Pool, TestOnAcquire};
use cenote_compat::{Bb8, R2d2};
use cenote_testkit::servers::redis::Server;

use super::{blocking as run_blocking, until};

async fn server() -> Arc<Server> {
    Arc::new(run_blocking(Server::start).await.unwrap())
}

async fn run(server: &Arc<Server>, command: &'static [&'static str]) -> String {
    let server = Arc::clone(server);
    run_blocking(move || server.run(command)).await.unwrap()
}

// P-1, P-15, P-16
#[tokio::test]
async fn rediss_manager_for_bb8_lends_tested_connections() {
    let server = server().await;
    let client = Client::open(server.url()).unwrap();
    let pool = Pool::builder(Bb8::new(client)).max_size(2);
    let pool = pool.test_on_acquire(TestOnAcquire::Always).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    conn.set::<_, _, ()>("stock", 41).await.unwrap();
    assert_eq!(conn.incr::<_, _, i64>("stock", 1).await.unwrap(), 42);
    drop(conn);
    // Its error by `?`, and the connection is kept.
    let wrong = pool.with(async |conn| {
        ::redis::cmd("LPUSH").arg("stock").arg(1).query_async::<()>(conn).await?;
        Ok(())
    });
    let Error::Run(error) = wrong.await.unwrap_err() else { panic!("the request's error") };
    assert_eq!(
        (error.fault(), error.inner().and_then(RedisError::code)),
        (Fault::Query, Some("WRONGTYPE"))
    );
    // Whoever waited for a test may have had another made meanwhile; none was closed.
    let closed = || pool.stats().counts.closes.total();
    assert_eq!(pool.acquire().await.unwrap().get::<_, i64>("stock").await.unwrap(), 42);
    assert_eq!(closed(), 0);
    // What the server has closed fails its test, and the borrower gets another.
    for _ in 0..3 {
        run(&server, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        let mut conn = pool.acquire().await.unwrap();
        assert_eq!(conn.get::<_, i64>("stock").await.unwrap(), 42);
    }
    assert!(closed() > 0);
    assert!(pool.close(Duration::from_secs(5)).await.is_clean());
}

// P-14, P-3, S
#[tokio::test]
async fn what_redis_keeps_to_itself_its_user_says() {
    let client = Client::open("redis://app:hunter2@127.0.0.1:1").unwrap();
    let limit = Duration::from_millis(300);
    // Its error does not show the system's below it; asked by name, it knows.
    let pool = Pool::builder(Bb8::new(client)).classify_with(|error| match error.inner() {
        Some(inner) if inner.is_connection_refusal() => Fault::Host,
        _ => error.fault(),
    });
    let pool = pool.acquire_timeout(limit).build().unwrap();
    let error = pool.acquire().await.map(drop).unwrap_err();
    let Error::Timeout { last: Some(last), .. } = &error else { panic!("a timeout, not {error}") };
    assert_eq!(last.fault(), Fault::Host, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

// P-25, P-8
#[tokio::test]
async fn rediss_manager_for_r2d2_works_on_threads_and_off_them() {
    let server = server().await;
    let url = server.url();
    let pool = Pool::builder(Offload::new(R2d2::new(Client::open(&*url).unwrap()))).max_size(1);
    let pool = pool.test_on_acquire(TestOnAcquire::Never).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    conn.call(|conn| conn.set::<_, _, ()>("stock", 42)).await.unwrap();
    drop(conn);
    // One that broke under its borrower is seen when it comes back (`has_broken`).
    let mut conn = pool.acquire().await.unwrap();
    run(&server, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    assert!(conn.call(|conn| conn.get::<_, i64>("stock")).await.is_err());
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.call(|conn| conn.get::<_, i64>("stock")).await.unwrap(), 42);
    drop(conn);
    pool.close(Duration::from_secs(5)).await;
    until("only the one that counts", || async {
        run(&server, &["CLIENT", "LIST", "TYPE", "normal"]).await.lines().count() == 1
    })
    .await;
    run_blocking(move || {
        let manager = R2d2::new(Client::open(url).unwrap());
        let pool = blocking::Pool::builder(manager).build().unwrap();
        assert_eq!(pool.acquire().unwrap().get::<_, i64>("stock").unwrap(), 42);
        pool.close(Duration::from_secs(5));
    })
    .await;
}
