//! A service with too much to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Ended, Fault, Manager, Membership, Pool, Role};
use cenote_http::{Fetch, HttpError, success};

use super::{get, http, inner, pool, text};
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

    fn returned(&self, _: u32, _: Ended, _: bool) {}

    fn connected(&self) {}

    fn connect_failed(&self, fault: Fault, _: &(dyn std::error::Error + 'static), _: bool) {
        panic!("{fault}");
    }

    fn reported(&self, _: u32, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => _ = self.well.fetch_add(1, Ordering::SeqCst),
            Err(Fault::Overload) => _ = self.overloaded.fetch_add(1, Ordering::SeqCst),
            Err(fault) => panic!("{fault}"),
        }
    }
}

// C-15
#[tokio::test]
async fn the_cluster_hears_of_it_from_a_fetch() {
    let service = Service::start().await;
    let told = Arc::new(Told::default());
    let builder = Pool::builder(http(service.address())).max_size(1);
    let pool = builder.membership(Arc::clone(&told) as Arc<dyn Membership>).build().unwrap();
    for path in ["/full", "/status?429", "/status?404", "/id"] {
        drop(pool.fetch(get(path)).await.unwrap());
    }
    let (well, overloaded) = (&told.well, &told.overloaded);
    assert_eq!((well.load(Ordering::SeqCst), overloaded.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(service.seen().accepted(), 1);
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
