//! Who watches everything on a list. Each pool and each cluster has one observer of the list's, which passes on what it is
//! told to whoever watches at the moment; so watchers come and go, and pools keep nothing of theirs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cenote::{FromLevel, Level, Observer};

use crate::event::{self, Event};

/// Watches all pools and clusters of a [`Registry`](crate::Registry). It is told from level info on, in the threads in which
/// things happen: it must not block, and it must keep no pool.
pub trait Watcher: Send + Sync + 'static {
    /// Something has happened in a pool, or in the pool of a node.
    fn pool(&self, event: &cenote::Event<'_>);

    /// Something has happened to a node of a cluster.
    fn cluster(&self, event: &Event);
}

impl<W: Watcher + ?Sized> Watcher for Arc<W> {
    fn pool(&self, event: &cenote::Event<'_>) {
        (**self).pool(event);
    }

    fn cluster(&self, event: &Event) {
        (**self).cluster(event);
    }
}

type Watchers = Arc<[Arc<dyn Watcher>]>;

/// Passes on.
#[derive(Default)]
pub(super) struct Hub(Mutex<Option<Watchers>>);

impl Hub {
    fn with<R>(&self, run: impl FnOnce(&mut Option<Watchers>) -> R) -> R {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, tell: impl Fn(&dyn Watcher)) {
        let watchers = self.with(|watchers| watchers.clone());
        watchers.iter().flat_map(|watchers| watchers.iter()).for_each(|watcher| tell(&**watcher));
    }

    pub(super) fn join(hub: &Arc<Hub>, watcher: Arc<dyn Watcher>) -> Watch {
        let _old = hub.with(|watchers| {
            let others = watchers.iter().flat_map(|all| all.iter()).cloned();
            let more = others.chain([Arc::clone(&watcher)]).collect();
            watchers.replace(more)
        });
        Watch { hub: Arc::downgrade(hub), watcher: Some(watcher) }
    }

    fn leave(&self, watcher: &Arc<dyn Watcher>) {
        // Dropped outside the lock: it is somebody else's code.
        let _old = self.with(|watchers| {
            let all = watchers.iter().flat_map(|all| all.iter());
            let rest = all.filter(|other| !Arc::ptr_eq(other, watcher)).cloned().collect();
            watchers.replace(rest)
        });
    }

    /// What a pool has of it.
    pub(super) fn for_pools(hub: &Arc<Hub>) -> Arc<dyn Observer> {
        let hub = Arc::downgrade(hub);
        Arc::new(FromLevel(Level::Info, move |event: &cenote::Event<'_>| {
            if let Some(hub) = hub.upgrade() {
                hub.tell(|watcher| watcher.pool(event));
            }
        }))
    }

    /// What a cluster has of it.
    pub(super) fn for_clusters(hub: &Arc<Hub>) -> event::Observer {
        let hub = Arc::downgrade(hub);
        Arc::new(move |event: &Event| {
            if let Some(hub) = hub.upgrade() {
                hub.tell(|watcher| watcher.cluster(event));
            }
        })
    }
}

/// A watcher's place; made by [`Registry::watch`](crate::Registry::watch). Dropping it ends the watching: calls that are
/// under way in other threads may still end after it.
#[must_use = "dropping it ends the watching"]
pub struct Watch {
    hub: Weak<Hub>,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let (Some(hub), Some(watcher)) = (self.hub.upgrade(), self.watcher.take()) {
            hub.leave(&watcher);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
