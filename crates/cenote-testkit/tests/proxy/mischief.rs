//! Random faults come, and go with the future that brings them.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::{ask, client, proxy};

#[tokio::test]
async fn a_network_that_is_bad_at_random_is_good_again_after() {
    let proxy = proxy().await;
    // Until it has cut some and let some pass.
    let load = async {
        let (mut good, mut bad) = (0, 0);
        while good < 50 || bad < 5 {
            let Ok(mut client) = TcpStream::connect(proxy.address()).await else {
                bad += 1;
                // Refused at once: let the proxy's own tasks run.
                tokio::task::yield_now().await;
                continue;
            };
            for _ in 0..10 {
                match tokio::time::timeout(Duration::from_millis(500), ask(&mut client)).await {
                    Ok(Ok(_)) => good += 1,
                    _ => {
                        bad += 1;
                        break;
                    }
                }
            }
        }
    };
    tokio::select! {
        never = proxy.misbehave(7) => match never {},
        () = load => {}
    }
    for _ in 0..20 {
        let mut client = client(&proxy).await;
        ask(&mut client).await.unwrap();
        client.shutdown().await.unwrap();
    }
    proxy.wait_until(|stats| stats.open == 0).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_down_when_it_ends_is_up_again() {
    for seed in 0..20 {
        let proxy = proxy().await;
        // Whatever it does at this moment.
        _ = tokio::time::timeout(Duration::from_secs(5), proxy.misbehave(seed)).await;
        client(&proxy).await;
    }
}
