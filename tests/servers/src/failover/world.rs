//! The servers `a`, a primary, `b` and `c`, which follow it; the cluster over them; and what can be done to them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cenote::Node;
use cenote_cluster::{Cluster, ClusterBuilder, NodeStatus};
use cenote_testkit::servers::ServerError;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::Trouble;
use crate::figure::Measured;
use crate::kind::{Kind, NAME};
use crate::load::Request;

/// How many connections each node keeps.
const KEPT: usize = 4;
/// How long the news of a death may take on a busy machine: the system knows it, and the tasks that read are to be woken.
const NEWS: Duration = Duration::from_millis(20);
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// From when to when something was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// A server's death: whoever had a connection of it then has lost it.
pub(crate) type Death = (&'static str, Span);

pub(crate) struct World<K: Kind> {
    pub(crate) cluster: Cluster<K::Manager>,
    servers: [(&'static str, Arc<K::Server>); 3],
}

impl<K: Kind> World<K> {
    /// Starts the servers and the cluster, and waits until every node has its connections and its role.
    pub(crate) async fn start(
        events: bool,
        shape: impl FnOnce(ClusterBuilder<K::Manager>) -> ClusterBuilder<K::Manager>,
    ) -> Result<World<K>, Trouble> {
        let [a, b, c] = spawn_blocking(K::start).await??.map(Arc::new);
        let servers = [("a", a), ("b", b), ("c", c)];
        let nodes = servers.iter().map(|(key, server)| Node::new(*key, K::url(server)));
        let began = Instant::now();
        let builder = Cluster::builder(K::manager)
            .name(NAME)
            .nodes(nodes)
            .pool(|pool| pool.max_size(10).min_size(KEPT))
            .acquire_timeout(PATIENCE / 2)
            .probe_roles()
            .observe(move |event| {
                if events {
                    println!("{:8.3} s  {event}", began.elapsed().as_secs_f64());
                }
            });
        let cluster = shape(builder).build_ready().await?;
        let world = World { cluster, servers };
        until("every node is there", async || {
            let is_there = |node: &NodeStatus| node.role.is_some() && node.pool.available >= KEPT;
            world.cluster.status().nodes.iter().all(is_there)
        })
        .await?;
        Ok(world)
    }

    fn server(&self, key: &str) -> Result<Arc<K::Server>, Trouble> {
        let known = self.servers.iter().find(|(known, _)| *known == key);
        known.map(|(_, server)| Arc::clone(server)).ok_or_else(|| format!("no server {key}").into())
    }

    /// Does what blocks to a server.
    pub(crate) async fn to<T: Send + 'static>(
        &self,
        key: &str,
        run: impl FnOnce(&K::Server) -> Result<T, ServerError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let server = self.server(key)?;
        Ok(spawn_blocking(move || run(&server)).await??)
    }

    pub(crate) fn url(&self, key: &str) -> Result<String, Trouble> {
        Ok(K::url(&*self.server(key)?))
    }

    pub(crate) async fn kill(&self, key: &'static str) -> Result<Death, Trouble> {
        let kill = |server: &K::Server| {
            let from = Instant::now();
            K::kill(server);
            Ok(Span { from, to: Instant::now() + NEWS })
        };
        Ok((key, self.to(key, kill).await?))
    }

    pub(crate) async fn start_again(&self, key: &str) -> Result<(), Trouble> {
        self.to(key, K::start_again).await
    }

    pub(crate) async fn promote(&self, key: &str) -> Result<(), Trouble> {
        self.to(key, K::promote).await
    }

    pub(crate) async fn follow(&self, key: &str, primary: &str) -> Result<(), Trouble> {
        let primary = self.server(primary)?;
        self.to(key, move |server| K::follow(server, &primary)).await
    }

    /// The cluster's connections to these servers, by the servers' own words.
    pub(crate) async fn sessions(&self, keys: &[&str]) -> Result<BTreeSet<String>, Trouble> {
        let mut sessions = BTreeSet::new();
        for key in keys {
            let listed = self.to(key, K::sessions).await?;
            sessions.extend(listed.iter().map(|one| format!("{key} {one}")));
        }
        Ok(sessions)
    }

    pub(crate) async fn end(self) {
        self.cluster.close(Duration::from_secs(5)).await;
        // Servers end when they are dropped, which blocks.
        _ = spawn_blocking(move || drop(self.servers)).await;
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) -> Result<(), Trouble> {
    let began = Instant::now();
    while !so().await {
        if began.elapsed() > PATIENCE {
            return Err(format!("{what}: not within {PATIENCE:?}").into());
        }
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// What every case holds of failures: nobody fails but those whose connection was lent when its server died.
pub(crate) fn failures(requests: &[Request], deaths: &[Death]) -> Vec<Measured> {
    let lost = |one: &Request| deaths.iter().any(|(node, span)| one.held(node, *span));
    let failed: Vec<&Request> = requests.iter().filter(|one| one.error.is_some()).collect();
    for one in failed.iter().filter(|one| !lost(one)) {
        println!("failed without a reason: {one:?}");
    }
    let lent = requests.iter().filter(|one| lost(one)).count();
    vec![
        Measured::count(
            "failed reads; the bound is the connections that were lent by a server as it died",
            failed.iter().filter(|one| !one.writes()).count(),
            lent,
        ),
        Measured::count(
            "failed writes; the bound is the same",
            failed.iter().filter(|one| one.writes()).count(),
            lent,
        ),
        Measured::count(
            "requests that failed on no such connection",
            failed.iter().filter(|one| !lost(one)).count(),
            0,
        ),
    ]
}
