//! Connections and services that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Error, Fault, Pool, TestOnAcquire};
use cenote_http::hyper::Method;
use cenote_http::{Http, HttpError};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{get, http, inner, pool, read_request, stranger, text, until, with, write};
use crate::service::Service;

// P-19
#[tokio::test]
async fn connections_that_the_service_closed_while_they_rested_are_never_lent() {
    let service = Service::start().await;
    // No test could find them.
    let builder = pool(&service).min_size(4).test_on_acquire(TestOnAcquire::Never);
    let pool = builder.build_ready().await.unwrap();
    for _ in 0..20 {
        until("whole", || pool.status().available == 4 && service.seen().open() == 4).await;
        service.go_away();
        until("closed", || service.seen().open() < 4).await;
        until("all", || service.seen().open() == 0 || pool.status().available < 4).await;
        // What has come is heard by the connections' tasks.
        for _ in 0..20 {
            yield_now().await;
        }
        for _ in 0..8 {
            let mut conn = pool.acquire().await.unwrap();
            // One that is not sent again.
            let answer = conn.send(with(Method::POST, "/echo")).await;
            answer.unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

// P-19, P-8
#[tokio::test]
async fn a_servers_last_answer_is_taken_at_its_word() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    for id in 1..4 {
        let mut conn = pool.acquire().await.unwrap();
        assert_eq!(text(&mut conn, "/id").await.unwrap(), id.to_string());
        assert_eq!(text(&mut conn, "/close").await.unwrap(), "last");
        // In the same loan too.
        let error = text(&mut conn, "/id").await.unwrap_err();
        assert!(matches!(error, HttpError::Closed { .. }), "{error}");
    }
}

// P-19
#[tokio::test]
async fn a_connection_is_not_lent_in_the_moment_in_which_the_server_closes_it() {
    // Says that it waits for a second; here it would wait longer.
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).test_on_acquire(TestOnAcquire::Never).build().unwrap();
    assert_eq!(pool.with(async |conn| text(conn, "/impatient").await).await.unwrap(), "x");
    assert_eq!(pool.with(async |conn| text(conn, "/id").await).await.unwrap(), "1");
    let rested = Instant::now();
    until("half a second", || rested.elapsed() > Duration::from_millis(500)).await;
    assert_eq!(pool.with(async |conn| text(conn, "/id").await).await.unwrap(), "2");
}

// P-14
#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_costs_the_connection() {
    let address = stranger(async |mut socket| {
        read_request(&mut socket).await;
        write(&mut socket, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it").await;
    })
    .await;
    let pool = Pool::builder(http(address)).max_size(1).build().unwrap();
    let error = inner(pool.with(async |conn| text(conn, "/").await).await.unwrap_err());
    assert_eq!(error.fault(), Fault::Connection);
    assert!(error.to_string().contains("the answer broke off"), "{error}");
    assert!(!error.may_repeat(&Method::GET), "some of it was there");
    until("gone", || pool.status().size == 0).await;
}

#[derive(Default)]
struct Load {
    over: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
}

impl Load {
    async fn run(self: Arc<Load>, pool: Pool<Http>, patience: Duration) {
        while !self.over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let done = pool.with(async |conn| text(conn, "/slow?1").await).await;
            let took = asked.elapsed();
            assert!(took < patience + Duration::from_secs(1), "{took:?}");
            match done {
                Ok(_) => _ = self.done.fetch_add(1, Ordering::Relaxed),
                // Only those that were out when it died.
                Err(Error::Run(error)) => {
                    assert!([Fault::Connection, Fault::Host].contains(&error.fault()), "{error}");
                    self.failed.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("no caller waits past its deadline: {error}"),
            }
        }
    }
}

// P-13, P-18, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_restarts_under_load_costs_those_who_were_served() {
    const SIZE: usize = 4;
    const PATIENCE: Duration = Duration::from_secs(10);
    let mut service = Service::start().await;
    let builder = pool(&service).max_size(SIZE).acquire_timeout(PATIENCE);
    let pool = builder.build_ready().await.unwrap();
    let load = Arc::new(Load::default());
    let tasks: Vec<_> =
        (0..12).map(|_| tokio::spawn(Arc::clone(&load).run(pool.clone(), PATIENCE))).collect();
    let done = || load.done.load(Ordering::Relaxed);
    for restart in 1..4 {
        let before = done();
        until("busy", || done() > before + 200).await;
        service.die().await;
        let failed = pool.stats().counts.connect_failures.total();
        until("missed", || pool.stats().counts.connect_failures.total() > failed).await;
        service = service.again().await;
        let back = Instant::now();
        let before = done();
        until("at work again", || done() > before + 50).await;
        assert!(back.elapsed() < Duration::from_secs(2), "{:?}", back.elapsed());
        // One error for each connection that was in use.
        let failed = load.failed.load(Ordering::Relaxed);
        assert!(failed <= restart * SIZE as u64, "{failed} after {restart}");
    }
    load.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(service.seen().open() <= SIZE);
}

// P-22, P-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_never_counts_more_requests_than_connections() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(3).build().unwrap();
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    pool.with(async |conn| text(conn, "/slow?1").await).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let seen = service.seen();
    assert_eq!((seen.most_running(), seen.accepted(), seen.requests()), (3, 3, 600));
}

// P-3
#[tokio::test]
async fn a_service_that_answers_nothing_is_left_at_the_deadline() {
    let service = Service::start().await;
    let hasty = http(service.address()).answer_timeout(Duration::from_millis(50));
    let pool = Pool::builder(hasty).max_size(1).build().unwrap();
    let asked = pool.with(async |conn| conn.send(get("/slow?60000")).await);
    let error = inner(asked.await.map(drop).unwrap_err());
    assert_eq!(error.fault(), Fault::Timeout);
    assert!(error.to_string().contains("no answer within 50ms"), "{error}");
    assert!(!error.may_repeat(&Method::GET), "it takes as long again");
    assert_eq!(pool.with(async |conn| text(conn, "/id").await).await.unwrap(), "2");
}
