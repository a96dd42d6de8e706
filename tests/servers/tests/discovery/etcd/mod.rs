//! etcd as the source, and services that register themselves: a real server that is killed, frozen, started again,
//! compacted and emptied.

mod following;
mod living;
mod registering;
mod secured;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::Node;
use cenote_cluster::{Cluster, Route};
use cenote_etcd::{Etcd, EtcdSource};
use cenote_testkit::Script;
use cenote_testkit::servers::etcd::Server;
use tokio::task::JoinHandle;

use crate::world::until;

/// This server, asked with the patience that a busy machine wants: a login is a hash that is meant to be slow.
fn etcd(server: &Server) -> Etcd {
    Etcd::new([server.url()]).unwrap().answer_timeout(Duration::from_secs(10))
}

/// Puts a node with this weight below `/n/`.
fn put(server: &Server, key: &str, weight: u32) {
    let value = format!("{{\"address\": \"{key}\", \"weight\": {weight}}}");
    server.run(&["put", &format!("/n/{key}"), &value]).unwrap();
}

/// Takes a node away.
fn remove(server: &Server, key: &str) {
    server.run(&["del", &format!("/n/{key}")]).unwrap();
}

/// A cluster that follows a source, with borrowers who never rest and never may fail. Its connections are the testkit's.
struct Followed {
    cluster: Cluster<Script>,
    log: Arc<Mutex<Vec<String>>>,
    ends: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    borrower: JoinHandle<()>,
}

impl Followed {
    /// Follows it, once it has these nodes.
    async fn start(source: EtcdSource, nodes: &str) -> Followed {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&log);
        let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
            .name("shop")
            .discover(source)
            .log_with(move |_, line| lines.lock().unwrap().push(line.to_owned()))
            .build_ready()
            .await
            .unwrap();
        let (ends, served) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (own, end, count) = (cluster.clone(), Arc::clone(&ends), Arc::clone(&served));
        let borrower = tokio::spawn(async move {
            while !end.load(Ordering::Relaxed) {
                own.route(Route::any()).await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let followed = Followed { cluster, log, ends, served, borrower };
        followed.until(nodes).await;
        followed
    }

    /// The nodes with their weights, as in "a1 b2", by name: who went and came back is the cluster's last.
    fn nodes(&self) -> String {
        let nodes = self.cluster.nodes();
        let node = |n: &Arc<Node>| format!("{}{}", n.key(), n.configured_weight());
        let mut nodes: Vec<String> = nodes.iter().map(node).collect();
        nodes.sort();
        nodes.join(" ")
    }

    /// Waits until these are its nodes.
    async fn until(&self, nodes: &str) {
        until(nodes, || self.nodes() == nodes).await;
    }

    /// Why not everything is done that the source says.
    fn reasons(&self) -> String {
        self.cluster.status().sources[0].reasons().join("; ")
    }

    /// Waits until this is among the reasons.
    async fn told(&self, reason: &str) {
        until(reason, || self.reasons().contains(reason)).await;
    }

    /// Waits until the log says so. It does a moment after the status.
    async fn logged(&self, line: &str) {
        until(line, || self.log().contains(line)).await;
    }

    /// Waits until there is no reason any more.
    async fn well(&self) {
        until("all is well", || self.reasons().is_empty()).await;
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Ends it. Nobody has failed in all this, and somebody was served.
    async fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        self.borrower.await.unwrap();
        assert!(self.served.load(Ordering::Relaxed) > 0);
        self.cluster.close_now().await;
    }
}
