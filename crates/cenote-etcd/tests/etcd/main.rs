//! The source and the registration against gateways in the test's own process: one that does what etcd does, with faults
//! that a real one cannot be asked for, and some that are none. Real servers are in `tests/servers`.

mod fake;
mod following;
mod hostile;
mod registering;
mod servers;
mod tokens;

use std::time::Duration;

use cenote::env::Tokio;
use cenote_cluster::discovery::{Discovery, Update};
use cenote_etcd::{Etcd, EtcdSource};
use tokio::time::{Instant, sleep, timeout};

use fake::Fake;

/// How long anything is waited for that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// These servers, asked with the patience that a busy machine wants.
fn etcd(servers: &[&Fake]) -> Etcd {
    let urls: Vec<String> = servers.iter().map(|server| server.url()).collect();
    Etcd::new(urls).unwrap().answer_timeout(Duration::from_secs(15))
}

/// What is said next.
async fn next(source: &mut EtcdSource) -> Update {
    let env = Tokio::current().unwrap();
    timeout(PATIENCE, source.next(&env)).await.expect("it says something").unwrap()
}

/// The keys of a whole list.
fn keys(update: &Update) -> Vec<&str> {
    let nodes = update.nodes().unwrap_or_else(|| panic!("{update:?}"));
    nodes.iter().map(|node| node.key()).collect()
}

/// Waits until it is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(2)).await;
    }
}
