//! HTTP/2: many requests over one connection.

use std::time::Duration;

use cenote::{Builder, Fault, Pool, Shared};
use cenote_http::hyper::Method;
use cenote_http::{Fetch, Http, HttpHandle, Two};
use cenote_testkit::proxy::{Direction, Proxy, Toxic};

use super::{LIMIT, get, http, inner, read_request, stranger, until, with, write};
use crate::service::Service;

fn pool(service: &Service) -> Builder<Http<Two>> {
    Pool::builder(http(service.address()).http2()).max_size(2)
}

async fn text(handle: &HttpHandle, path: &str) -> String {
    handle.send(get(path)).await.unwrap().into_body().text(LIMIT).await.unwrap()
}

// P-32
#[tokio::test]
async fn many_share_one_connection_and_what_the_server_does_not_take_waits() {
    let service = Service::two().await;
    let pool = pool(&service).max_sharers(16).build().unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let share = pool.share().await.unwrap();
                assert_eq!(text(&share, &format!("/slow?{}", 5 + n)).await, (5 + n).to_string());
                Shared::id(&share)
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let seen = service.seen();
    assert_eq!((seen.accepted(), seen.requests()), (1, 16));
    assert!((2..=3).contains(&seen.most_running()), "it takes three: {}", seen.most_running());
    // And one alone.
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(super::text(&mut conn, "/id").await.unwrap(), "1");
}

// P-24
#[tokio::test]
async fn every_request_carries_what_the_service_wants() {
    let service = Service::two().await;
    let address = service.address();
    let url = format!("http://Aladdin:open%20sesame@{address}/v1/");
    let http = Http::from_url(&url).unwrap().header("x-extra", "one").unwrap().http2();
    let pool = Pool::builder(http).build().unwrap();
    let told = text(&pool.share().await.unwrap(), "/told?q").await;
    assert_eq!(told, format!("{address} q Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== one"));
}

// P-32, P-8
#[tokio::test]
async fn what_one_sharer_gives_up_costs_the_others_nothing() {
    let service = Service::two().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    let (one, other) = (pool.share().await.unwrap(), pool.share().await.unwrap());
    let late = tokio::time::timeout(Duration::from_millis(20), one.send(get("/slow?60000")));
    assert!(late.await.is_err());
    let stuck = one.send(get("/stuck")).await.unwrap();
    until("streams", || service.seen().streaming() == 1).await;
    drop(stuck);
    until("told to stop", || service.seen().running() + service.seen().streaming() == 0).await;
    assert_eq!(text(&other, "/id").await, "1");
    drop((one, other));
    // An answer may be longer there than its share.
    let answer = pool.fetch(get("/pieces?100")).await.unwrap();
    assert_eq!(pool.status().sharers, 1);
    assert_eq!(answer.into_body().bytes(LIMIT).await.unwrap().len(), 100 * 1024);
    assert_eq!((pool.status().sharers, service.seen().accepted()), (0, 1));
}

// P-32, P-19, C-14
#[tokio::test]
async fn a_server_that_goes_away_finishes_what_runs_and_the_next_request_goes_elsewhere() {
    let service = Service::two().await;
    let pool = pool(&service).build().unwrap();
    let asking = pool.clone();
    let running = tokio::spawn(async move {
        asking.fetch(get("/slow?150")).await.unwrap().into_body().text(LIMIT).await
    });
    until("runs", || service.seen().running() == 1).await;
    service.go_away();
    // A POST, which would not be sent again if anybody could have carried it out.
    for _ in 0..4 {
        let answer = pool.fetch(with(Method::POST, "/echo")).await.unwrap();
        assert_eq!(answer.into_body().text(LIMIT).await.unwrap(), "7");
    }
    assert_eq!(running.await.unwrap().unwrap(), "150");
    assert_eq!((service.seen().accepted(), service.seen().requests()), (2, 5));
    until("closed", || service.seen().open() == 1).await;
}

// P-19
#[tokio::test]
async fn a_connection_that_was_closed_while_it_rested_is_never_lent() {
    let service = Service::two().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    for id in 1..5 {
        assert_eq!(text(&pool.share().await.unwrap(), "/id").await, id.to_string());
        service.go_away();
        until("closed", || service.seen().open() == 0).await;
        until("heard", || pool.try_share().is_err() || service.seen().accepted() > id).await;
    }
}

// P-19, P-3
#[tokio::test]
async fn a_ping_finds_a_connection_that_nobody_answers_on() {
    let service = Service::two().await;
    let proxy = Proxy::start(service.address()).await.unwrap();
    let http = http(proxy.address()).http2().ping_every(Duration::from_millis(50));
    let pool = Pool::builder(http).max_size(1).build().unwrap();
    let share = pool.share().await.unwrap();
    assert_eq!(text(&share, "/id").await, "1");
    proxy.add(Direction::Downstream, Toxic::Timeout { after: None });
    let error = share.send(get("/slow?1")).await.map(drop).unwrap_err();
    assert_eq!(error.fault(), Fault::Timeout, "{error}");
    drop(share);
    proxy.clear();
    assert_eq!(text(&pool.share().await.unwrap(), "/id").await, "2");
}

// P-14, S
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_another_version_is_named() {
    const ANSWER: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let hangs_up = stranger(async |mut socket| {
        read_request(&mut socket).await;
        write(&mut socket, ANSWER).await;
    });
    let stays = stranger(async |mut socket| {
        read_request(&mut socket).await;
        write(&mut socket, ANSWER).await;
        read_request(&mut socket).await;
    });
    let hurries = stranger(async |mut socket| {
        write(&mut socket, ANSWER).await;
        read_request(&mut socket).await;
    });
    for address in [hangs_up.await, stays.await, hurries.await] {
        // Each way to ask, and often: how far the request has come when the connection breaks differs.
        for _ in 0..50 {
            let pool = Pool::builder(http(address).http2()).build().unwrap();
            let fetched = inner(pool.fetch(get("/")).await.map(drop).unwrap_err());
            let share = pool.share().await.unwrap();
            let shared = share.send(get("/")).await.map(drop).unwrap_err();
            for error in [fetched, shared] {
                let told = error.to_string();
                assert_eq!(error.fault(), Fault::Connection, "{error}");
                assert!(told.contains("if it speaks no HTTP/2, leave out http2()"), "{error}");
            }
        }
    }
}
