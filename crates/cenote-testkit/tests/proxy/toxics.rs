//! Toxics on real sockets. Their times are held exactly where they are virtual, beside the proxy's code; here they are
//! bounds.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use cenote_testkit::proxy::{Direction, Proxy, Toxic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{ask, client, echo, end, proxy};

const DOWN: Direction = Direction::Downstream;
const UP: Direction = Direction::Upstream;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test]
async fn latency_is_for_its_direction_and_goes_when_it_is_removed() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    let mut took = async || {
        let began = Instant::now();
        ask(&mut client).await.unwrap();
        began.elapsed()
    };
    let up = proxy.add(UP, Toxic::Latency { latency: ms(60), jitter: ms(10) });
    assert!(took().await >= ms(50));
    let down = proxy.add(DOWN, Toxic::Latency { latency: ms(60), jitter: ms(0) });
    assert!(took().await >= ms(110));
    assert!(proxy.remove(up) && proxy.remove(down) && !proxy.remove(down));
    // As often as it takes on a machine that is busy: it is not slow each time.
    while took().await >= ms(50) {}
}

#[tokio::test]
async fn bandwidth_bounds_what_comes_through() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    proxy.add(DOWN, Toxic::Bandwidth { bytes_per_second: 100_000 });
    let began = Instant::now();
    client.write_all(&[1; 20_000]).await.unwrap();
    client.read_exact(&mut vec![0; 20_000]).await.unwrap();
    assert!(began.elapsed() >= ms(190), "{:?}", began.elapsed());
}

#[tokio::test]
async fn sliced_bytes_are_the_same_bytes() {
    let proxy = proxy().await;
    for direction in [UP, DOWN] {
        proxy.add(
            direction,
            Toxic::Slicer { average_size: 100, size_variation: 90, delay: Duration::ZERO },
        );
    }
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let sent: Vec<u8> = (0..50_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut read, mut write) = client.split();
    let mut heard = vec![0; sent.len()];
    let (wrote, read) = tokio::join!(write.write_all(&sent), read.read_exact(&mut heard));
    assert!(wrote.is_ok() && read.is_ok());
    assert!(heard == sent);
}

#[tokio::test]
async fn a_black_hole_answers_nothing_and_its_removal_closes() {
    let proxy = proxy().await;
    let mut before = client(&proxy).await;
    let hole = proxy.add(UP, Toxic::Timeout { after: None });
    // One that comes later is taken too, and is not answered either.
    let mut after = TcpStream::connect(proxy.address()).await.unwrap();
    for client in [&mut before, &mut after] {
        assert!(tokio::time::timeout(ms(100), ask(client)).await.is_err());
    }
    assert_eq!(proxy.stats().upstream_bytes, 1);
    proxy.remove(hole);
    assert_eq!((end(&mut before).await, end(&mut after).await), (Ok(()), Ok(())));
    assert_eq!(proxy.wait_until(|stats| stats.open == 0).await.cut, 2);
}

#[tokio::test]
async fn a_hole_with_a_time_closes_after_it() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    let began = Instant::now();
    proxy.add(DOWN, Toxic::Timeout { after: Some(ms(80)) });
    assert_eq!(end(&mut client).await, Ok(()));
    assert!(began.elapsed() >= ms(80));
}

#[tokio::test]
async fn reset_peer_resets_idle_connections_and_new_ones() {
    let proxy = proxy().await;
    let mut idle = client(&proxy).await;
    proxy.add(DOWN, Toxic::ResetPeer { after: Duration::ZERO });
    assert_eq!(end(&mut idle).await, Err(ErrorKind::ConnectionReset));
    // It may be reset before the system has told the client that it is connected.
    if let Ok(mut new) = TcpStream::connect(proxy.address()).await {
        assert_eq!(end(&mut new).await, Err(ErrorKind::ConnectionReset));
    }
    assert_eq!(proxy.wait_until(|stats| stats.open == 0 && stats.accepted == 2).await.cut, 2);
}

#[tokio::test]
async fn slow_close_lets_the_client_wait_for_the_end() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    proxy.add(DOWN, Toxic::SlowClose { delay: ms(120) });
    let began = Instant::now();
    client.shutdown().await.unwrap();
    assert_eq!(end(&mut client).await, Ok(()));
    assert!(began.elapsed() >= ms(120));
    assert_eq!(proxy.wait_until(|stats| stats.open == 0).await.cut, 0);
}

#[tokio::test]
async fn limited_data_is_all_that_comes() {
    let proxy = proxy().await;
    let mut client = client(&proxy).await;
    proxy.add(DOWN, Toxic::LimitData { bytes: 5 });
    client.write_all(b"hello world").await.unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"hello");
    assert_eq!(proxy.wait_until(|stats| stats.open == 0).await.cut, 1);
}

#[tokio::test]
async fn a_share_of_the_connections_is_drawn_from_the_seed() {
    let server = echo().await;
    let spared = async |seed| {
        let proxy = Proxy::seeded(server, seed).await.unwrap();
        proxy.add_to(0.5, DOWN, Toxic::LimitData { bytes: 0 });
        let mut spared = Vec::new();
        for _ in 0..40 {
            let mut client = TcpStream::connect(proxy.address()).await.unwrap();
            spared.push(ask(&mut client).await.is_ok());
        }
        spared
    };
    let first = spared(1).await;
    let n = first.iter().filter(|spared| **spared).count();
    assert!((8..=32).contains(&n), "{n} of 40");
    assert_eq!(first, spared(1).await);
    assert_ne!(first, spared(2).await);
}

#[tokio::test]
async fn clear_removes_all() {
    let proxy = proxy().await;
    proxy.add(UP, Toxic::Latency { latency: Duration::from_secs(3600), jitter: ms(0) });
    proxy.add(DOWN, Toxic::Latency { latency: Duration::from_secs(3600), jitter: ms(0) });
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"?").await.unwrap();
    proxy.wait_until(|stats| stats.open == 1).await;
    proxy.clear();
    assert_eq!(client.read_u8().await.unwrap(), b'?');
}
