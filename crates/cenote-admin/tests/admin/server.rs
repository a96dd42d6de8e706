//! The server of its own, on loopback sockets: names, and clients that hang.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use cenote::Pool;
use cenote_testkit::Script;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::common::{House, TOKEN, until};

async fn serve(house: &House) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let admin = house.admin.clone();
    tokio::spawn(async move { admin.serve(listener).await });
    address
}

/// Sends this and reads until the other side closes; "" if it says nothing.
async fn say(address: SocketAddr, text: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    // It may be closed before all is written.
    let _ = socket.write_all(text).await;
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, host: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").into_bytes()
}

// section S
#[tokio::test]
async fn on_a_loopback_address_it_answers_to_loopback_names_only() {
    let house = House::locked().await;
    let address = serve(&house).await;
    let own = address.to_string();
    for host in ["localhost", "127.0.0.1", "[::1]:80", own.as_str(), "LOCALHOST:9"] {
        let answer = say(address, &get("/status", host)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{host}: {answer}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""]
    {
        for path in ["/status", "/", "/live", "/metrics", "/assets/x"] {
            let answer = say(address, &get(path, host)).await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{path} of {host}: {answer}");
        }
    }
    let bare = say(address, b"GET /status HTTP/1.0\r\n\r\n").await;
    assert!(bare.starts_with("HTTP/1.0 403"), "{bare}");
    let body = r#"{"op": "pause", "target": "orders"}"#;
    let post = format!(
        "POST /operations HTTP/1.1\r\nhost: evil.example\r\norigin: http://evil.example\r\nauthorization: Bearer {TOKEN}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(say(address, post.as_bytes()).await.starts_with("HTTP/1.1 403"));
    let post = post.replace("evil.example", "localhost");
    assert!(say(address, post.as_bytes()).await.starts_with("HTTP/1.1 200"));
}

// section S
#[tokio::test]
async fn bytes_that_are_no_request_are_answered_or_cut_off_and_others_are_served() {
    let house = House::locked().await;
    let address = serve(&house).await;
    let long =
        format!("GET /status HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let many: String = (0..500).map(|n| format!("x{n}: y\r\n")).collect();
    let many = format!("GET /status HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    for bytes in [
        b"\0\0\0\0\r\n\r\n".as_slice(),
        b"GET\r\n\r\n",
        b"GET /status HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET http://evil.example/status HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
        b"POST /operations HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabc",
        long.as_bytes(),
        many.as_bytes(),
    ] {
        let answer = say(address, bytes).await;
        assert!(!answer.contains(" 200 ") && !answer.contains(TOKEN), "{answer}");
    }
    assert!(say(address, &get("/healthz", "localhost")).await.ends_with("ok\n"));
}

/// The clock is virtual: as soon as nobody can go on, time passes.
// section S
#[tokio::test(start_paused = true)]
async fn whoever_sends_half_a_request_is_cut_off_or_answered_after_ten_seconds() {
    let house = House::locked().await;
    let address = serve(&house).await;
    let began = tokio::time::Instant::now();
    assert!(!say(address, b"").await.contains(" 200 "));
    assert!(!say(address, b"GET /status HTTP/1.1\r\nhost: loc").await.contains(" 200 "));
    let half = format!(
        "POST /operations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\
         content-length: 100\r\n\r\n{{\"op\":"
    );
    let answer = say(address, half.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("did not come in time"), "{answer}");
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(30) && took < Duration::from_secs(60), "{took:?}");
}

/// As above.
// section S
#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_nothing_is_cut_off_and_holds_up_nobody() {
    let house = House::locked().await;
    let long = Pool::builder(Script::new()).name("x".repeat(50_000)).build().unwrap();
    house.registry.pool(&long);
    let address = serve(&house).await;
    // So that his buffers are full soon.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stuck = socket.connect(address).await.unwrap();
    stuck.write_all(&get("/live", "localhost")).await.unwrap();
    let streams = async || house.metric("cenote_admin_streams").await;
    until(async || streams().await == 1.0).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        if streams().await == 0.0 {
            break;
        }
    }
    assert_eq!(streams().await, 0.0, "his place is free");
    // And so is his connection: what is left in it ends in the middle. While a thread reads, no time passes.
    let mut stuck = stuck.into_std().unwrap();
    stuck.set_nonblocking(false).unwrap();
    stuck.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        let end = std::io::Read::read_to_end(&mut stuck, &mut rest).map_err(|error| error.kind());
        (rest, end)
    });
    let (rest, end) = read.await.unwrap();
    assert_ne!(end, Err(std::io::ErrorKind::WouldBlock), "{} bytes and no end", rest.len());
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "it was cut off, not ended");
    assert_eq!(house.get("/healthz").await.code, StatusCode::OK);
}
