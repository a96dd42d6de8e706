//! A service with too much to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Ended, Fault, Manager, Membership, Pool, Role};
use cenote_http::hyper::Method;
use cenote_http::{Fetch, Http, HttpError, Version, success};

use super::{get, http, inner, pool, text, until, with};
use crate::service::Service;

// P-14
#[tokio::test]
async fn too_much_to_do_is_overload_with_its_time_and_the_connection_is_kept() {
    let service = Service::start().await;
    let pool = pool(&service).max_size(1).build().unwrap();
    let asked = pool.with(async |conn| success(conn.send(get("/full")).await?)).await;
    let error = inner(asked.map(drop).unwrap_err());
    assert_eq!(
        (error.fault(), error.retry_after()),
        (Fault::Overload, Some(Duration::from_secs(7)))
    );
    let place = format!("http://{}", service.address());
    assert_eq!(
        error.to_string(),
        format!("{place}: the service answered 503 Service Unavailable: come again in 7s")
    );
    let asked = pool.with(async |conn| success(conn.send(get("/status?429")).await?)).await;
    let error = inner(asked.map(drop).unwrap_err());
    assert_eq!((error.fault(), error.retry_after()), (Fault::Overload, None));
    assert!(error.to_string().ends_with("it has too much to do, ask less"), "{error}");
    assert_eq!(pool.with(async |conn| text(conn, "/id").await).await.unwrap(), "1");
}

/// Counts what a cluster would be told.
#[derive(Default)]
struct Told {
    well: AtomicU64,
    overloaded: AtomicU64,
    cancelled: AtomicU64,
    lost: AtomicU64,
}

impl Told {
    fn counts(&self) -> [u64; 4] {
        [&self.well, &self.overloaded, &self.cancelled, &self.lost]
            .map(|count| count.load(Ordering::SeqCst))
    }
}

impl Membership for Told {
    fn node(&self) -> &str {
        "one"
    }

    fn role(&self) -> Option<Role> {
        None
    }

    fn lent(&self) -> u32 {
        0
    }

    fn returned(&self, _: u32, how: Ended, died: bool) {
        assert!(!died, "nobody died");
        if how == Ended::Cancelled {
            self.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn connected(&self) {}

    fn connect_failed(&self, fault: Fault, _: &(dyn std::error::Error + 'static), _: bool) {
        panic!("{fault}");
    }

    fn reported(&self, _: u32, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => _ = self.well.fetch_add(1, Ordering::SeqCst),
            Err(Fault::Overload) => _ = self.overloaded.fetch_add(1, Ordering::SeqCst),
            Err(Fault::Connection) => _ = self.lost.fetch_add(1, Ordering::SeqCst),
            Err(fault) => panic!("{fault}"),
        }
    }
}

// C-15, C-8
#[tokio::test]
async fn the_cluster_hears_of_it_from_a_fetch_and_nothing_of_one_that_was_given_up() {
    async fn hears<V: Version>(service: Service, http: Http<V>)
    where
        Pool<Http<V>>: Fetch,
    {
        let told = Arc::new(Told::default());
        let membership = Arc::clone(&told) as Arc<dyn Membership>;
        let pool = Pool::builder(http).max_size(1).membership(membership).build().unwrap();
        for path in ["/full", "/status?429", "/status?404", "/id"] {
            drop(pool.fetch(get(path)).await.unwrap());
        }
        assert_eq!((told.counts(), service.seen().accepted()), ([2, 2, 0, 0], 1));
        let asking = pool.clone();
        let given_up =
            tokio::spawn(async move { asking.fetch(get("/slow?60000")).await.map(drop) });
        until("runs", || service.seen().running() == 1).await;
        given_up.abort();
        until("is given back", || told.counts() == [2, 2, 1, 0]).await;
        until("is over", || service.seen().running() == 0).await;
        // What was lost is told, and not sent again, since it may have been carried out.
        let asking = pool.clone();
        let lost =
            tokio::spawn(
                async move { asking.fetch(with(Method::POST, "/slow?60000")).await.map(drop) },
            );
        until("runs again", || service.seen().running() == 1).await;
        service.die().await;
        assert!(lost.await.unwrap().is_err());
        assert_eq!(told.counts(), [2, 2, 1, 1]);
    }
    let one = Service::start().await;
    let http = http(one.address());
    hears(one, http).await;
    let two = Service::two().await;
    let http = super::http(two.address()).http2();
    hears(two, http).await;
}

// P-14
#[test]
fn who_knows_better_says_so() {
    let http = cenote_http::Http::from_url("http://orders").unwrap();
    let builder = Pool::builder(http.clone()).classify_with(|error| match error {
        HttpError::Status { status, .. } if status.as_u16() == 502 => Fault::Overload,
        _ => error.fault(),
    });
    drop(builder);
    let wrong = cenote_http::Http::from_url("").unwrap_err();
    assert_eq!(http.classify(&wrong), Fault::Permanent);
}
