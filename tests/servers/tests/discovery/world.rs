//! Three servers, a file that lists them, a cluster that follows it, and a load on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::Pooled;
use cenote_cluster::balance::StaticWeight;
use cenote_cluster::{Cluster, Route, discovery};
use cenote_postgres::Postgres;
use cenote_testkit::servers::postgres::Server;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How long anything is waited for that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many borrowers there are at a time.
const BORROWERS: usize = 4;
/// The most connections to each server.
pub(crate) const SIZE: usize = 8;

pub(crate) struct World {
    pub(crate) cluster: Cluster<Postgres>,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    servers: BTreeMap<&'static str, Server>,
    folder: TempDir,
}

impl World {
    /// With servers `a`, `b` and `c`; the file begins with what `listed` says, as in "a1 b2".
    pub(crate) async fn start(listed: &str) -> World {
        let start = |key| (key, Server::start().unwrap());
        let servers: BTreeMap<_, _> = ["a", "b", "c"].map(start).into();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nodes.toml");
        fs::write(&file, listing(&servers, listed)).unwrap();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&log);
        let cluster = Cluster::builder(Postgres::to)
            .name("shop")
            .discover(discovery::file(&file))
            .balance(StaticWeight)
            .pool(|pool| pool.max_size(SIZE).min_size(SIZE))
            .log_with(move |_, line| lines.lock().unwrap().push(line.to_owned()))
            .build_ready()
            .await
            .unwrap();
        World { cluster, log, servers, folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("nodes.toml")
    }

    /// Another list, renamed into place.
    pub(crate) fn list(&self, listed: &str) {
        self.write(&listing(&self.servers, listed));
    }

    /// Another content, renamed into place.
    pub(crate) fn write(&self, content: &str) {
        let beside = self.folder.path().join("beside");
        fs::write(&beside, content).unwrap();
        fs::rename(&beside, self.file()).unwrap();
    }

    /// The nodes with their weights, as in "a1 b2".
    pub(crate) fn nodes(&self) -> String {
        let nodes = self.cluster.nodes();
        let node = |n: &Arc<cenote::Node>| format!("{}{}", n.key(), n.configured_weight());
        nodes.iter().map(node).collect::<Vec<_>>().join(" ")
    }

    /// Sessions of ours on a server, by its own word.
    pub(crate) fn sessions(&self, key: &str) -> usize {
        let question = "SELECT count(*) FROM pg_stat_activity \
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        self.servers[key].run_sql(question).unwrap().trim().parse().unwrap()
    }

    /// Connections that were closed so far, of these nodes.
    pub(crate) fn closed(&self, keys: &[&str]) -> u64 {
        let of = |key: &&str| self.cluster.pool(key).unwrap().stats().counts.closes.total();
        keys.iter().map(of).sum()
    }

    pub(crate) async fn end(self) {
        self.cluster.close(Duration::from_secs(5)).await;
    }
}

/// A node file of what a text like "a1 b2" names.
fn listing(servers: &BTreeMap<&'static str, Server>, listed: &str) -> String {
    let node = |word: &str| {
        let (key, weight) = word.split_at(1);
        let url = servers[key].url();
        format!("[[nodes]]\nkey = \"{key}\"\naddress = \"{url}\"\nweight = {weight}\n\n")
    };
    listed.split_whitespace().map(node).collect()
}

/// Waits until it is so; returns how long that took.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

#[derive(Default)]
struct Served {
    by: BTreeMap<String, u64>,
    errors: Vec<String>,
}

/// Borrowers that query as long as it lives.
pub(crate) struct Load {
    served: Arc<Mutex<Served>>,
    ends: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    pub(crate) fn begin(cluster: &Cluster<Postgres>) -> Load {
        let (served, ends) = (Arc::<Mutex<Served>>::default(), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for _ in 0..BORROWERS {
            let (cluster, served, ends) = (cluster.clone(), Arc::clone(&served), Arc::clone(&ends));
            tasks.spawn(async move {
                while !ends.load(Ordering::Relaxed) {
                    let one = one(&cluster).await;
                    let mut served = served.lock().unwrap();
                    match one {
                        // The connection is still lent: when the server counts it no more, it is counted here.
                        Ok(conn) => {
                            let node = Pooled::node(&conn).unwrap_or_default().to_owned();
                            *served.by.entry(node).or_default() += 1;
                        }
                        Err(error) => served.errors.push(error),
                    }
                }
            });
        }
        Load { served, ends, tasks }
    }

    /// How many requests this node has served.
    pub(crate) fn served_by(&self, key: &str) -> u64 {
        self.served.lock().unwrap().by.get(key).copied().unwrap_or(0)
    }

    /// Waits until each of these has served so many more.
    pub(crate) async fn more(&self, keys: &[&str], n: u64) {
        let goal: Vec<u64> = keys.iter().map(|key| self.served_by(key) + n).collect();
        until("each serves", || keys.iter().zip(&goal).all(|(key, n)| self.served_by(key) >= *n))
            .await;
    }

    /// No more requests; what failed.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.ends.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.unwrap();
        }
        std::mem::take(&mut self.served.lock().unwrap().errors)
    }
}

/// One request, and the connection that it went over.
async fn one(cluster: &Cluster<Postgres>) -> Result<Pooled<Postgres>, String> {
    let conn = cluster.route(Route::any()).await.map_err(|error| error.to_string())?;
    let row = conn.query_one("SELECT pg_sleep(0.002)", &[]).await;
    row.map_err(|error| error.to_string())?;
    Ok(conn)
}
