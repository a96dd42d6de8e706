//! A list of the pools and clusters of a process, to look at all of them, to steer them and to close them all. It keeps
//! none of them alive: whatever is dropped is gone from the list.

mod closed;
mod cluster;
mod error;
mod pool;
mod watcher;

pub use closed::Closed;
pub use cluster::{ClusterLook, ListedCluster};
pub use error::ListError;
pub use pool::{ListedPool, PoolLook};
pub use watcher::{Watch, Watcher};

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cenote::{Manager, Pool, Status};

use crate::cluster::Cluster;
use crate::watch::all;
use closed::Closing;
use watcher::Hub;

/// One entry.
#[derive(Clone)]
enum Entry {
    Pool(ListedPool),
    Cluster(ListedCluster),
}

impl Entry {
    fn is(&self, other: &Entry) -> bool {
        match (self, other) {
            (Entry::Pool(one), Entry::Pool(other)) => one.is(other),
            (Entry::Cluster(one), Entry::Cluster(other)) => one.is(other),
            _ => false,
        }
    }

    fn is_there(&self) -> bool {
        match self {
            Entry::Pool(pool) => pool.is_there(),
            Entry::Cluster(cluster) => cluster.is_there(),
        }
    }

    fn status(&self) -> Option<(String, Status)> {
        match self {
            Entry::Pool(pool) => Some((pool.name().to_owned(), pool.status()?)),
            Entry::Cluster(cluster) => Some((cluster.name().to_owned(), cluster.total()?)),
        }
    }

    fn close(&self, deadline: Duration) -> Option<Closing> {
        match self {
            Entry::Pool(pool) => pool.close(deadline),
            Entry::Cluster(cluster) => cluster.close(deadline),
        }
    }

    fn watch(&self, hub: &Arc<Hub>) {
        match self {
            Entry::Pool(pool) => pool.watch(hub),
            Entry::Cluster(cluster) => cluster.watch(hub),
        }
    }
}

#[derive(Default)]
struct List {
    entries: Vec<Entry>,
    /// Somebody watches, or has watched: whoever comes is watched from the start.
    hub: Option<Arc<Hub>>,
}

/// The pools and clusters of a process, by name (C-1).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote::Pool;
/// # use cenote_cluster::Registry;
/// # use cenote_testkit::Script;
/// # use std::time::Duration;
/// let registry = Registry::new();
/// let pool = Pool::builder(Script::new()).name("orders").build().unwrap();
/// registry.pool(&pool);
/// assert_eq!(registry.status()[0].0, "orders");
///
/// // Whatever its connections are.
/// let listed = &registry.pools()[0];
/// listed.set_max_size(20.into()).unwrap();
/// assert_eq!(listed.look().unwrap().status.max, 20);
///
/// assert_eq!(registry.close_all(Duration::from_secs(5)).await.len(), 1);
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    list: Arc<Mutex<List>>,
}

impl Registry {
    /// An empty list.
    pub fn new() -> Registry {
        Registry::default()
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a pool.
    pub fn pool<M: Manager>(&self, pool: &Pool<M>) {
        self.add(Entry::Pool(ListedPool::new(pool)));
    }

    /// Adds a cluster.
    pub fn cluster<M: Manager>(&self, cluster: &Cluster<M>) {
        self.add(Entry::Cluster(ListedCluster::new(cluster)));
    }

    fn add(&self, entry: Entry) {
        let mut list = self.lock();
        list.entries.push(entry.clone());
        let hub = list.hub.clone();
        drop(list);
        if let Some(hub) = hub {
            entry.watch(&hub);
        }
    }

    /// Those that are still there. What is gone is forgotten.
    ///
    /// Nothing is asked of them under the list's lock: whoever asks may be the last to hold a pool, which is closed then and
    /// told of, and a watcher may look at the list.
    fn entries(&self) -> Vec<Entry> {
        let all = self.lock().entries.clone();
        let (there, gone): (Vec<Entry>, Vec<Entry>) = all.into_iter().partition(Entry::is_there);
        if !gone.is_empty() {
            self.lock().entries.retain(|entry| !gone.iter().any(|gone| gone.is(entry)));
        }
        there
    }

    /// The names and counts of those that are still there, in the order in which they were added.
    pub fn status(&self) -> Vec<(String, Status)> {
        self.entries().iter().filter_map(Entry::status).collect()
    }

    /// The pools that are still there, in the order in which they were added; without those of clusters.
    pub fn pools(&self) -> Vec<ListedPool> {
        let pool = |entry| match entry {
            Entry::Pool(pool) => Some(pool),
            Entry::Cluster(_) => None,
        };
        self.entries().into_iter().filter_map(pool).collect()
    }

    /// The clusters that are still there, in the order in which they were added.
    pub fn clusters(&self) -> Vec<ListedCluster> {
        let cluster = |entry| match entry {
            Entry::Pool(_) => None,
            Entry::Cluster(cluster) => Some(cluster),
        };
        self.entries().into_iter().filter_map(cluster).collect()
    }

    /// Tells somebody what happens to all of them, from level info on, until the watch is dropped (P-29, C-17): to the
    /// pools, to the clusters and to the pools of their nodes, to those that are there and to those that come.
    /// Hits cost what they cost without it.
    pub fn watch(&self, watcher: impl Watcher) -> Watch {
        let mut list = self.lock();
        let unwatched = if list.hub.is_none() { list.entries.clone() } else { Vec::new() };
        let hub = Arc::clone(list.hub.get_or_insert_default());
        drop(list);
        // Whoever was added before has seen no hub, and whoever comes after sees it: each is watched once.
        unwatched.iter().for_each(|entry| entry.watch(&hub));
        Hub::join(&hub, Arc::new(watcher))
    }

    /// Closes all of them at once; borrowers may finish within `deadline`. The closing begins with this call; the future
    /// ends when the last has settled.
    pub fn close_all(
        &self,
        deadline: Duration,
    ) -> impl Future<Output = Vec<Closed>> + Send + use<> {
        let closing: Vec<Closing> =
            self.entries().iter().filter_map(|entry| entry.close(deadline)).collect();
        all(closing)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("entries", &self.lock().entries.len())
            .finish_non_exhaustive()
    }
}
