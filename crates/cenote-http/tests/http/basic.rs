//! What a borrower gets.

use std::time::Duration;

use cenote::{Fault, Lend, Node, Pool, Pooled, TestOnAcquire};
use cenote_http::hyper::{Method, Request};
use cenote_http::{Http, HttpError, Outgoing, success};
use http_body_util::Full;

use super::{LIMIT, get, http, inner, pool, text, until, with};
use crate::service::Service;

// P-1
#[tokio::test]
async fn requests_go_out_and_answers_come_back_over_one_connection() {
    let service = Service::start().await;
    let pool = pool(&service).build().unwrap();
    for _ in 0..5 {
        let mut conn = pool.acquire().await.unwrap();
        assert_eq!(text(&mut conn, "/id").await.unwrap(), "1");
        // Several in one loan.
        let sent = conn.send(Request::post("/echo").body("some text").unwrap()).await.unwrap();
        assert_eq!(sent.into_body().text(LIMIT).await.unwrap(), "some text");
        let streamed = Outgoing::stream(Full::new("piece by piece".into()));
        let sent = conn.send(Request::put("/echo").body(streamed).unwrap()).await.unwrap();
        assert_eq!(sent.into_body().bytes(LIMIT).await.unwrap(), "piece by piece");
        let skipped = conn.send(get("/pieces?3")).await.unwrap().into_body().skip().await;
        assert_eq!(skipped.unwrap(), 3 * 1024);
        let head = conn.send(with(Method::HEAD, "/long?1000")).await.unwrap();
        assert_eq!(head.headers()["content-length"], "1000");
    }
    let seen = service.seen();
    assert_eq!((seen.accepted(), seen.requests()), (1, 25));
}

// P-8, P-14
#[tokio::test]
async fn an_answer_that_is_no_success_leaves_its_connection_well() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    let ask = async |path: &str| {
        let asked = pool.with(async |conn| success(conn.send(get(path)).await?));
        asked.await.map(|answer| answer.status().as_u16())
    };
    for (status, fault) in
        [(404, Fault::Query), (500, Fault::Query), (429, Fault::Overload), (504, Fault::Timeout)]
    {
        let error = inner(ask(&format!("/status?{status}")).await.unwrap_err());
        assert_eq!(error.fault(), fault, "{error}");
        assert!(matches!(error, HttpError::Status { .. }), "{error:?}");
    }
    let same = pool.with(async |conn| text(conn, "/id").await).await.unwrap();
    assert_eq!((same.as_str(), service.seen().accepted()), ("1", 1));
}

// P-24
#[tokio::test]
async fn every_request_carries_what_the_service_wants() {
    let service = Service::start().await;
    let address = service.address();
    let url = format!("http://Aladdin:open%20sesame@{address}/v1/?pool_max_size=3");
    let http = Http::from_url(&url).unwrap().header("x-extra", "one").unwrap();
    let pool = Pool::builder(http.clone()).build().unwrap();
    assert_eq!(pool.status().max, 3);
    let mut conn = pool.acquire().await.unwrap();
    let told = text(&mut conn, "/told?q").await.unwrap();
    assert_eq!(told, format!("{address} q Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== one"));
    // Its own come first; and a URI of this service is as good as a path.
    let own = Request::get(format!("http://{address}/told?q")).header("authorization", "mine");
    let told = conn.send(own.body(()).unwrap()).await.unwrap().into_body().text(LIMIT).await;
    assert_eq!(told.unwrap(), format!("{address} q mine one"));
    let pool = Pool::builder(http.bearer("token").unwrap()).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let told = text(&mut conn, "/told?q").await.unwrap();
    assert_eq!(told, format!("{address} q Bearer token one"));
}

// S
#[tokio::test]
async fn what_can_be_no_request_is_told_and_costs_nothing() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    for (request, says) in [
        (get("http://elsewhere/x?token=hunter2"), "a request for another service than http://127"),
        (with(Method::CONNECT, "elsewhere:80"), "CONNECT makes a connection of its own"),
    ] {
        let error = conn.send(request).await.map(drop).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(text(&mut conn, "/id").await.unwrap(), "1");
    for wrong in ["healthz", "/a b"] {
        assert!(http(service.address()).health(wrong).is_err(), "{wrong}");
    }
    assert!(http(service.address()).header("a b", "x").is_err());
    let error = http(service.address()).bearer("hunter2\n").unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

// S
#[tokio::test]
async fn nothing_that_is_printed_shows_a_secret() {
    let service = Service::start().await;
    let url = format!("http://app:hunter2@{}/hunter2", service.address());
    let http = Http::from_url(&url).unwrap().bearer("hunter2").unwrap();
    let pool = Pool::builder(http.clone()).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let answer = conn.send(get("/hunter2?hunter2")).await.unwrap();
    let shown = format!("{http:?} {pool:?} {conn:?} {:?} {}", answer.body(), http.place());
    let error = success(answer).unwrap_err();
    let shown = format!("{shown} {error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("the service answered 404 Not Found: see its log"), "{shown}");
}

// P-15
#[tokio::test]
async fn a_test_asks_nothing_unless_there_is_a_health_check() {
    let service = Service::start().await;
    let always = |http| Pool::builder(http).max_size(1).test_on_acquire(TestOnAcquire::Always);
    let pool = always(http(service.address())).build().unwrap();
    for _ in 0..3 {
        drop(pool.acquire().await.unwrap());
    }
    assert_eq!((service.seen().requests(), service.seen().accepted()), (0, 1));
    let checked = http(service.address()).health("/healthz").unwrap();
    let pool = always(checked).test_on_create(true).build().unwrap();
    for requests in 1..4 {
        drop(pool.acquire().await.unwrap());
        assert_eq!(service.seen().requests(), requests);
    }
    assert_eq!(service.seen().accepted(), 2);
    // It is not well any more: nobody gets a connection to it.
    service.seen().be_well(false);
    let error = pool.acquire().timeout(Duration::from_millis(300)).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("the service answered 503"), "{error}");
    service.seen().be_well(true);
    drop(pool.acquire().await.unwrap());
}

// P-20
#[tokio::test]
async fn a_closed_pool_leaves_nothing_with_the_service() {
    let service = Service::start().await;
    let pool = pool(&service).min_size(4).build_ready().await.unwrap();
    until("there", || service.seen().open() == 4).await;
    let conn = Pooled::detach(pool.acquire().await.unwrap());
    assert!(pool.close(Duration::from_secs(5)).await.is_clean());
    until("gone but for one", || service.seen().open() == 1).await;
    drop(conn);
    until("gone", || service.seen().open() == 0).await;
}

// C-19
#[tokio::test]
async fn code_for_a_pool_or_a_cluster_takes_it() {
    async fn id(lend: &impl Lend<Manager = Http, Error = cenote::Error<HttpError>>) -> String {
        text(&mut lend.read().await.unwrap(), "/id").await.unwrap()
    }
    let service = Service::start().await;
    let node = Node::new("one", format!("http://{}", service.address()));
    assert_eq!(id(&Pool::builder(Http::to(&node).unwrap()).build().unwrap()).await, "1");
}
