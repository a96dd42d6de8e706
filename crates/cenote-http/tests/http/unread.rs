//! Answers that nobody reads to their end: their connection is never lent as it is.

use std::time::{Duration, Instant};

use cenote::{FreeSlot, Pool};
use cenote_http::hyper::body::Body as _;
use cenote_http::{Http, HttpError};

use super::{LIMIT, get, http, inner, pool, text, until};
use crate::service::Service;

/// Asks, leaves the answer unread, and says which connection the next borrower gets.
async fn next_after(pool: &Pool<Http>, path: &str) -> String {
    drop(pool.acquire().await.unwrap().send(get(path)).await.unwrap());
    pool.with(async |conn| text(conn, "/id").await).await.unwrap()
}

// P-16
#[tokio::test]
async fn what_is_little_is_read_and_what_is_long_costs_the_connection() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    assert_eq!(next_after(&pool, "/long?0").await, "1");
    assert_eq!(next_after(&pool, "/long?60000").await, "1");
    assert_eq!(next_after(&pool, "/pieces?60").await, "1", "also if nobody knew how long it is");
    assert_eq!(next_after(&pool, "/long?70000").await, "2");
    assert_eq!(next_after(&pool, "/pieces?1000").await, "3");
    let began = Instant::now();
    assert_eq!(next_after(&pool, "/stuck").await, "4", "and what does not come");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

// P-16
#[tokio::test]
async fn the_bound_is_the_users() {
    let service = Service::start().await;
    let strict = http(service.address()).drain(0);
    let pool = Pool::builder(strict).max_size(1).build().unwrap();
    assert_eq!(next_after(&pool, "/long?0").await, "1", "nothing is left of nothing");
    assert_eq!(next_after(&pool, "/long?1").await, "2");
    let generous = http(service.address()).drain(1 << 20);
    let pool = Pool::builder(generous).max_size(1).build().unwrap();
    assert_eq!(next_after(&pool, "/long?500000").await, "3");
    assert_eq!(next_after(&pool, "/long?500000").await, "3");
}

// P-8, P-16
#[tokio::test]
async fn half_an_answer_is_nobodys_else() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    // Some of it is read.
    let mut conn = pool.acquire().await.unwrap();
    let mut answer = conn.send(get("/pieces?40")).await.unwrap().into_body();
    let first = std::future::poll_fn(|cx| std::pin::Pin::new(&mut answer).poll_frame(cx)).await;
    assert!(first.unwrap().unwrap().is_data());
    drop(answer);
    drop(conn);
    assert_eq!(pool.with(async |conn| text(conn, "/id").await).await.unwrap(), "1");
    // A request is given up before its answer.
    let mut conn = pool.acquire().await.unwrap();
    let late = tokio::time::timeout(Duration::from_millis(20), conn.send(get("/slow?60000")));
    assert!(late.await.is_err());
    let next = conn.send(get("/id")).await.map(drop).unwrap_err();
    assert!(matches!(next, HttpError::Closed { .. }), "{next}");
    drop(conn);
    assert_eq!(pool.with(async |conn| text(conn, "/id").await).await.unwrap(), "2");
    until("stopped", || service.seen().running() == 0).await;
}

// P-8
#[tokio::test]
async fn an_answer_may_be_read_after_its_loan_and_nobody_shares_its_connection() {
    let service = Service::start().await;
    let pool = pool(&service).build().unwrap();
    let answer = pool.with(async |conn| conn.send(get("/pieces?500")).await).await.unwrap();
    let other = pool.with(async |conn| text(conn, "/id").await).await.unwrap();
    assert_eq!(other, "2", "the first one is still being read");
    let all = answer.into_body().bytes(LIMIT).await.unwrap();
    assert_eq!(all.len(), 500 * 1024);
    until("closed when it was read", || service.seen().open() == 1).await;
}

// P-20
#[tokio::test]
async fn a_connection_whose_answer_is_still_being_read_counts_where_closing_ones_do() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).free_slot(FreeSlot::WhenClosed).build().unwrap();
    let answer = pool.with(async |conn| conn.send(get("/pieces?500")).await).await.unwrap();
    let next = pool.clone();
    let next =
        tokio::spawn(async move { next.with(async |conn| text(conn, "/id").await).await.unwrap() });
    until("waits", || pool.status().waiting == 1).await;
    assert_eq!(answer.into_body().bytes(LIMIT).await.unwrap().len(), 500 * 1024);
    assert_eq!(next.await.unwrap(), "2");
    // Our end is closed before the next one is made; the service hears of it a moment later.
    assert!(service.seen().most_open() <= 2);
    until("gone", || service.seen().open() == 1).await;
}

// P-8
#[tokio::test]
async fn the_next_request_of_a_loan_waits_for_no_answer() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let answer = conn.send(get("/pieces?40")).await.unwrap();
    let busy = conn.send(get("/id")).await.map(drop).unwrap_err();
    assert!(busy.to_string().contains("still being read: read it to its end"), "{busy}");
    assert!(matches!(busy, HttpError::Busy { .. }));
    drop(answer);
    assert_eq!(text(&mut conn, "/id").await.unwrap(), "1", "what was dropped is read away");
}

// S
#[tokio::test]
async fn an_answer_has_a_limit() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    for path in ["/long?1001", "/pieces?1"] {
        let asked =
            pool.with(async |conn| conn.send(get(path)).await?.into_body().text(1000).await);
        let error = inner(asked.await.unwrap_err());
        assert!(error.to_string().contains("longer than 1000 bytes"), "{error}");
    }
    let asked =
        pool.with(async |conn| conn.send(get("/long?1000")).await?.into_body().text(1000).await);
    assert_eq!(asked.await.unwrap().len(), 1000);
}
