//! A service that cannot be reached: each case has its class and its sentence, comes before the deadline, and shows no
//! password.

use std::time::{Duration, Instant};

use cenote::{Error, Fault, Pool};
use cenote_http::Http;
use cenote_testkit::proxy::{Direction, Proxy, Toxic};
use tokio::net::TcpListener;

use super::{get, http, inner, read_request, stranger, text, write};
use crate::service::Service;

const SECRET: &str = "hunter2";

/// The class and the sentence of a connect that fails, within its deadline.
pub(crate) async fn refused(http: Http) -> (Fault, String) {
    let limit = Duration::from_millis(600);
    let pool = Pool::builder(http).acquire_timeout(limit).connect_timeout(limit / 3);
    let pool = pool.build().unwrap();
    let began = Instant::now();
    let error = pool.acquire().await.unwrap_err();
    let took = began.elapsed();
    assert!(took < limit + Duration::from_millis(500), "{took:?}: {error}");
    for shown in [format!("{error}"), format!("{error:?}"), format!("{pool:?}")] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let last = match &error {
        Error::Connect { error, .. } => error,
        Error::Timeout { last: Some(last), .. } => last,
        error => panic!("a connect error, not: {error}"),
    };
    // What cannot succeed is told at once, the rest at the deadline.
    let permanent = last.fault() == Fault::Permanent;
    assert_eq!(matches!(error, Error::Connect { .. }), permanent, "{error}");
    (last.fault(), error.to_string())
}

fn secret(address: impl std::fmt::Display) -> Http {
    Http::from_url(&format!("http://app:{SECRET}@{address}")).unwrap()
}

// P-14, S
#[tokio::test]
async fn a_refused_port_is_tried_until_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (fault, says) = refused(secret(address)).await;
    assert_eq!(fault, Fault::Host);
    assert!(
        says.contains(&format!("http://{address}: nothing listens there: start the service")),
        "{says}"
    );
}

// P-14, S
#[tokio::test]
async fn a_host_without_an_address_is_named() {
    let (fault, says) = refused(secret("no.such.host.invalid")).await;
    assert!(
        fault == Fault::Host && says.contains("http://no.such.host.invalid:80: the name"),
        "{says}"
    );
}

// P-3, P-14, S
#[tokio::test]
async fn a_black_hole_is_left_at_the_deadline() {
    let service = Service::start().await;
    let proxy = Proxy::start(service.address()).await.unwrap();
    proxy.add(Direction::Downstream, Toxic::Timeout { after: None });
    // It takes connections and answers nothing.
    let limit = Duration::from_millis(200);
    let hole = secret(proxy.address()).answer_timeout(limit);
    let pool = Pool::builder(hole.clone()).build().unwrap();
    let began = Instant::now();
    let asked = pool.with(async |conn| conn.send(get("/id")).await);
    let error = inner(asked.await.map(drop).unwrap_err());
    assert!(began.elapsed() < limit * 5, "{:?}", began.elapsed());
    assert_eq!(error.fault(), Fault::Timeout);
    assert!(error.to_string().contains("no answer within 200ms"), "{error}");
    // Nobody gets a connection whose test has no answer.
    let pool = Pool::builder(hole.health("/healthz").unwrap()).test_on_create(true);
    let pool = pool.acquire_timeout(limit * 2).test_timeout(limit / 2).build().unwrap();
    let began = Instant::now();
    let error = pool.acquire().await.map(drop).unwrap_err();
    assert!(began.elapsed() < limit * 5, "{:?}", began.elapsed());
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(!error.to_string().contains(SECRET), "{error}");
}

// P-14, S
#[tokio::test]
async fn a_stranger_is_named() {
    let address = stranger(async |mut socket| {
        read_request(&mut socket).await;
        write(&mut socket, "220 mail.example.org ESMTP\r\n").await;
    })
    .await;
    let pool = Pool::builder(http(address)).build().unwrap();
    let error = inner(pool.with(async |conn| text(conn, "/").await).await.unwrap_err());
    assert_eq!(error.fault(), Fault::Connection);
    assert!(error.to_string().contains("speaks another protocol"), "{error}");
}

// P-14, S
#[cfg(feature = "tls")]
#[tokio::test]
async fn a_service_without_tls_is_named() {
    let service = Service::start().await;
    let https = Http::from_url(&format!("https://app:{SECRET}@{}", service.address())).unwrap();
    // Whoever is trusted is asked for first; here it does not come to that.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nobody.pem");
    let (fault, says) = refused(https.clone().root_cert(&path)).await;
    assert!(
        fault == Fault::Permanent && says.contains("nobody.pem\" does not exist: give"),
        "{says}"
    );
    std::fs::write(&path, crate::tls::Certificate::new("localhost").pem()).unwrap();
    let (fault, says) = refused(https.root_cert(&path)).await;
    assert!(fault == Fault::Permanent && says.contains("the TLS handshake failed"), "{says}");
}
