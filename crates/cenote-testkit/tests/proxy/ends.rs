//! How connections end, and what is counted.

use std::io::ErrorKind;

use cenote_testkit::proxy::Proxy;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::{ask, client, end, proxy};

#[tokio::test]
async fn what_passes_is_counted_both_ways() {
    let proxy = proxy().await;
    assert!(proxy.address().ip().is_loopback());
    let mut one = client(&proxy).await;
    ask(&mut one).await.unwrap();
    let two = client(&proxy).await;
    let stats = proxy.wait_until(|stats| stats.downstream_bytes == 3).await;
    assert_eq!((stats.open, stats.accepted, stats.cut, stats.refused), (2, 2, 0, 0));
    assert_eq!(stats.upstream_bytes, 3);
    // A good-bye reaches the server, and its answer the client.
    one.shutdown().await.unwrap();
    assert_eq!(end(&mut one).await, Ok(()));
    drop((one, two));
    let stats = proxy.wait_until(|stats| stats.open == 0).await;
    assert_eq!((stats.accepted, stats.cut), (2, 0));
}

#[tokio::test]
async fn a_cut_is_a_reset_of_all_that_are_open() {
    let proxy = proxy().await;
    let mut clients = [client(&proxy).await, client(&proxy).await, client(&proxy).await];
    assert!(proxy.cut_one().await);
    assert_eq!((proxy.stats().open, proxy.stats().cut), (2, 1));
    assert_eq!(proxy.cut().await, 2);
    assert_eq!((proxy.stats().open, proxy.stats().cut), (0, 3));
    for client in &mut clients {
        assert_eq!(end(client).await, Err(ErrorKind::ConnectionReset));
    }
    assert_eq!((proxy.cut().await, proxy.cut_one().await), (0, false));
    // It goes on.
    client(&proxy).await;
}

#[tokio::test]
async fn a_proxy_that_is_down_refuses_and_keeps_its_port() {
    let proxy = proxy().await;
    let address = proxy.address();
    let mut before = client(&proxy).await;
    for _ in 0..3 {
        proxy.down().await.unwrap();
        proxy.down().await.unwrap();
        let refused = TcpStream::connect(address).await.unwrap_err().kind();
        assert_eq!(refused, ErrorKind::ConnectionRefused);
        assert!(TcpListener::bind(address).await.is_err(), "the port is kept");
        proxy.up().unwrap();
        proxy.up().unwrap();
        client(&proxy).await;
    }
    assert_eq!(end(&mut before).await, Ok(()));
    assert_eq!(proxy.address(), address);
}

#[tokio::test]
async fn a_server_that_refuses_is_a_reset_for_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::start(nobody).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(end(&mut client).await, Err(ErrorKind::ConnectionReset));
    let stats = proxy.wait_until(|stats| stats.open == 0).await;
    assert_eq!((stats.refused, stats.cut), (1, 0));
}

#[tokio::test]
async fn a_reset_by_one_side_reaches_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(end(&mut client).await, Err(ErrorKind::ConnectionReset));
    let stats = proxy.wait_until(|stats| stats.open == 0).await;
    assert_eq!(stats.cut, 0);
}

#[tokio::test]
async fn a_server_that_ends_first_can_still_be_written_to() {
    use tokio::io::AsyncReadExt;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(end(&mut client).await, Ok(()));
    client.write_all(b"late").await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = String::new();
    server.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "late");
    proxy.wait_until(|stats| stats.open == 0).await;
}

#[tokio::test]
async fn dropping_the_proxy_ends_its_connections_and_frees_its_port() {
    let proxy = proxy().await;
    let address = proxy.address();
    let mut client = client(&proxy).await;
    drop(proxy);
    assert_eq!(end(&mut client).await, Ok(()));
    // The task that listens ends a moment later.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_runtime_that_ends_takes_the_connections_along() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    };
    let (first, other) = (runtime(), runtime());
    let (proxy, client) = first.block_on(async {
        let proxy = proxy().await;
        let client = client(&proxy).await;
        (proxy, client)
    });
    drop(client);
    drop(first);
    assert_eq!(proxy.stats().open, 0);
    other.block_on(async { assert!(TcpStream::connect(proxy.address()).await.is_err()) });
}
