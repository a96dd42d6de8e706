//! `fetch`: the connection goes back with the end of the answer, and nothing is sent twice that may have been carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cenote::{Error, Fault, Pool};
use cenote_http::hyper::Method;
use cenote_http::{Fetch, success};
use tokio::net::TcpStream;

use super::{LIMIT, get, http, inner, pool, read_request, stranger, text, until, with, write};
use crate::service::Service;

// P-1, P-8
#[tokio::test]
async fn the_connection_goes_back_with_the_end_of_the_answer() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    let answer = pool.fetch(get("/pieces?200")).await.unwrap();
    assert_eq!(pool.status().using, 1);
    assert_eq!(answer.into_body().bytes(LIMIT).await.unwrap().len(), 200 * 1024);
    until("back", || pool.status().using == 0).await;
    // Nothing is to be read: it is back with the head.
    let answer = pool.fetch(with(Method::HEAD, "/long?9")).await.unwrap();
    until("back", || pool.status().using == 0).await;
    drop(answer);
    // Dropped unread.
    drop(pool.fetch(get("/long?9")).await.unwrap());
    let answer = pool.fetch(get("/id")).await.unwrap();
    assert_eq!(answer.into_body().text(LIMIT).await.unwrap(), "1");
    let error = success(pool.fetch(get("/full")).await.unwrap()).unwrap_err();
    assert_eq!(
        (error.fault(), error.retry_after()),
        (Fault::Overload, Some(Duration::from_secs(7)))
    );
}

/// A server that answers the first request of each connection, and closes it when the second one has come. It counts the
/// requests that it read.
async fn one_each(requests: Arc<AtomicUsize>) -> std::net::SocketAddr {
    stranger(move |mut socket: TcpStream| {
        let requests = Arc::clone(&requests);
        async move {
            if read_request(&mut socket).await {
                requests.fetch_add(1, Ordering::SeqCst);
                write(&mut socket, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            }
            if read_request(&mut socket).await {
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await
}

// C-14, P-14
#[tokio::test]
async fn a_request_that_met_a_closing_connection_is_sent_again_if_it_may_be() {
    let requests = Arc::new(AtomicUsize::new(0));
    let address = one_each(Arc::clone(&requests)).await;
    let pool = Pool::builder(http(address)).max_size(1).build().unwrap();
    let fetch = async |method| {
        let answer = pool.fetch(with(method, "/")).await?;
        answer.into_body().text(LIMIT).await.map_err(Error::Run)
    };
    assert_eq!(fetch(Method::GET).await.unwrap(), "ok");
    // The first time it is lost, the second time it goes over a new connection.
    assert_eq!(fetch(Method::GET).await.unwrap(), "ok");
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    assert_eq!(fetch(Method::PUT).await.unwrap(), "ok");
    assert_eq!(requests.load(Ordering::SeqCst), 5);
    // Who knows whether this one was carried out.
    let error = inner(fetch(Method::POST).await.unwrap_err());
    assert_eq!(requests.load(Ordering::SeqCst), 6);
    assert_eq!(error.fault(), Fault::Connection);
    assert!(
        error.to_string().contains("whether the request was carried out is not known"),
        "{error}"
    );
    assert!(error.may_repeat(&Method::GET) && !error.may_repeat(&Method::POST));
}

// C-14
#[tokio::test]
async fn what_is_lost_twice_is_not_sent_a_third_time() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let address = stranger(move |mut socket: TcpStream| {
        let counted = Arc::clone(&counted);
        async move {
            if read_request(&mut socket).await {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let pool = Pool::builder(http(address)).max_size(1).build().unwrap();
    let error = inner(pool.fetch(get("/")).await.map(drop).unwrap_err());
    assert_eq!(requests.load(Ordering::SeqCst), 2, "{error}");
}

// C-14
#[tokio::test]
async fn what_was_not_sent_is_sent_again_whatever_it_is() {
    let service = Service::start().await;
    let pool = pool(&service).min_size(4).build_ready().await.unwrap();
    for round in 1..10 {
        until("whole", || pool.status().available == 4 && service.seen().open() == 4).await;
        let before = service.seen().requests();
        service.go_away();
        // In the very moment: some of the connections do not know it yet.
        let posts: Vec<_> = (0..4)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.fetch(with(Method::POST, "/echo")).await })
            })
            .collect();
        let mut done = 0;
        for post in posts {
            match post.await.unwrap() {
                Ok(answer) => {
                    assert_eq!(answer.into_body().text(LIMIT).await.unwrap(), "7");
                    done += 1;
                }
                Err(error) => assert!(error.to_string().contains("is not known"), "{error}"),
            }
        }
        let requests = service.seen().requests() - before;
        assert!((done..=4).contains(&requests), "round {round}: {done} done, {requests} seen");
    }
}

// P-3
#[tokio::test]
async fn all_of_it_has_one_deadline_for_its_waits() {
    let service = Service::start().await;
    let patience = Duration::from_millis(100);
    let pool = pool(&service).max_size(1).acquire_timeout(patience).build().unwrap();
    let mut held = pool.acquire().await.unwrap();
    let began = std::time::Instant::now();
    let error = pool.fetch(get("/id")).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(began.elapsed() < patience * 5, "{:?}", began.elapsed());
    assert_eq!(text(&mut held, "/id").await.unwrap(), "1");
}

// P-23
#[tokio::test]
async fn a_fetch_that_is_dropped_costs_its_connection_only() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    let late = tokio::time::timeout(Duration::from_millis(20), pool.fetch(get("/slow?60000")));
    assert!(late.await.is_err());
    let task = tokio::spawn(async move { pool.fetch(get("/id")).await.unwrap() });
    assert_eq!(task.await.unwrap().into_body().text(LIMIT).await.unwrap(), "2");
}
