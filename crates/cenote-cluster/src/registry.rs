//! A list of the pools and clusters of a process, to look at all of them and to close them all. It keeps none of them
//! alive.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cenote::{Holder, Lend, Manager, Pool, Report, Status};

use crate::cluster::Cluster;
use crate::watch::all;

type Closing = Pin<Box<dyn Future<Output = Closed> + Send>>;

/// What the list knows of one entry.
struct Entry {
    name: String,
    status: Box<dyn Fn() -> Option<Status> + Send + Sync>,
    close: Box<dyn Fn(Duration) -> Option<Closing> + Send + Sync>,
}

/// How one pool or cluster closed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Closed {
    /// Its name.
    pub name: String,
    /// Connections that were closed.
    pub closed: usize,
    /// The closes that failed, a sentence each.
    pub errors: Vec<String>,
    /// Who still held a connection.
    pub holders: Vec<Holder>,
}

impl Closed {
    fn new<E: fmt::Display>(name: String, report: Report<E>) -> Closed {
        let errors = report.errors.iter().map(|error| error.to_string()).collect();
        Closed { name, closed: report.closed, errors, holders: report.holders }
    }
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
/// assert_eq!(registry.close_all(Duration::from_secs(5)).await.len(), 1);
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Registry {
    /// An empty list.
    pub fn new() -> Registry {
        Registry::default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a pool.
    pub fn pool<M: Manager>(&self, pool: &Pool<M>) {
        let name = pool.name().to_owned();
        let (for_status, for_close) = (pool.downgrade(), pool.downgrade());
        self.lock().push(Entry {
            name: name.clone(),
            status: Box::new(move || for_status.upgrade().map(|pool| pool.status())),
            close: Box::new(move |deadline| {
                let settling = for_close.upgrade()?.close(deadline);
                let name = name.clone();
                Some(Box::pin(async move { Closed::new(name, settling.await) }))
            }),
        });
    }

    /// Adds a cluster.
    pub fn cluster<M: Manager>(&self, cluster: &Cluster<M>) {
        let name = cluster.name().to_owned();
        let (for_status, for_close) =
            (Arc::downgrade(&cluster.core), Arc::downgrade(&cluster.core));
        self.lock().push(Entry {
            name: name.clone(),
            status: Box::new(move || {
                let cluster = Cluster { core: for_status.upgrade()? };
                Some(Lend::status(&cluster))
            }),
            close: Box::new(move |deadline| {
                let settling = Cluster { core: for_close.upgrade()? }.close(deadline);
                let name = name.clone();
                Some(Box::pin(async move { Closed::new(name, settling.await) }))
            }),
        });
    }

    /// The names and counts of those that are still there, in the order in which they were added.
    pub fn status(&self) -> Vec<(String, Status)> {
        let mut entries = self.lock();
        let mut all = Vec::new();
        entries.retain(|entry| {
            let status = (entry.status)();
            all.extend(status.map(|status| (entry.name.clone(), status)));
            status.is_some()
        });
        all
    }

    /// Closes all of them at once; borrowers may finish within `deadline`. The closing begins with this call; the future
    /// ends when the last has settled.
    pub fn close_all(
        &self,
        deadline: Duration,
    ) -> impl Future<Output = Vec<Closed>> + Send + use<> {
        let closing: Vec<Closing> =
            self.lock().iter().filter_map(|entry| (entry.close)(deadline)).collect();
        all(closing)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("entries", &self.lock().len()).finish_non_exhaustive()
    }
}
