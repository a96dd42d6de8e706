//! The driver for HTTP against a real server, hyper's own in the test's process, and against some that are none: what a
//! borrower gets, what the next one finds, and what happens when the service or the way to it is not well.

mod basic;
mod cluster;
mod dying;
mod fetching;
mod misbehaving;
mod overload;
mod refusals;
mod service;
#[cfg(feature = "tls")]
mod tls;
mod two;
mod unread;

use std::net::SocketAddr;
use std::time::Duration;

use cenote::{Builder, Error, Pool};
use cenote_http::hyper::body::Bytes;
use cenote_http::hyper::{Method, Request};
use cenote_http::{Http, HttpConnection, HttpError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use service::Service;

/// What a body may be long here.
const LIMIT: usize = 1 << 20;

fn http(address: SocketAddr) -> Http {
    Http::from_url(&format!("http://{address}")).unwrap()
}

fn pool(service: &Service) -> Builder<Http> {
    Pool::builder(http(service.address())).max_size(4)
}

fn get(path: &str) -> Request<Bytes> {
    Request::get(path).body(Bytes::new()).unwrap()
}

fn with(method: Method, path: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(path).body(Bytes::from_static(b"7")).unwrap()
}

async fn text(conn: &mut HttpConnection, path: &str) -> Result<String, HttpError> {
    conn.send(get(path)).await?.into_body().text(LIMIT).await
}

/// Waits until it is so, for 20 s at most.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        sleep(Duration::from_millis(2)).await;
    }
}

/// The driver's error in one of the pool's.
fn inner(error: Error<HttpError>) -> HttpError {
    match error {
        Error::Run(error) => error,
        error => panic!("an error of the request's, not: {error}"),
    }
}

/// Somebody who takes connections and does with them as he likes.
async fn stranger<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
    address
}

/// Reads one request without a long body; false if there is none.
async fn read_request(socket: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut piece = [0; 1024];
    while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
        match socket.read(&mut piece).await {
            Ok(0) | Err(_) => return false,
            Ok(n) => seen.extend_from_slice(&piece[..n]),
        }
    }
    true
}

async fn write(socket: &mut TcpStream, text: &str) {
    // Whoever has gone needs no answer.
    _ = socket.write_all(text.as_bytes()).await;
}
