//! The handle. Cloning it is cheap and shares the pool; dropping the last one closes it. What it can do
//! stands in one file for each kind of call.

mod ending;
mod lending;
mod limits;
mod sharing;
mod weak;

pub use weak::WeakPool;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::builder::Builder;
use crate::env::Errand;
use crate::manager::Manager;
use crate::shell::Shell;
use crate::stats::{Stats, Status};
use crate::time::Time;

/// A pool of connections.
///
/// Clones are handles of the same pool; two pools share nothing. When the last handle is dropped, idle
/// connections close and lent ones close when they come back (P-33).
pub struct Pool<M: Manager> {
    pub(crate) shell: Arc<Shell<M>>,
}

impl<M: Manager> Pool<M> {
    /// Starts to build a pool of this manager's connections.
    pub fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }

    pub(crate) fn start(shell: Arc<Shell<M>>) -> Pool<M> {
        let pool = Pool { shell };
        // Carries out what filling the minimums ordered.
        pool.shell.run(|_| ());
        let upkeep = crate::upkeep::task(Arc::clone(&pool.shell));
        pool.shell.env.spawn_for(Errand::Upkeep, upkeep);
        pool
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.shell.name
    }

    /// The manager.
    pub fn manager(&self) -> &M {
        &self.shell.manager
    }

    /// The counts, all taken at one instant (P-26).
    pub fn status(&self) -> Status {
        self.shell.status()
    }

    /// What happened so far (P-27).
    pub fn stats(&self) -> Stats {
        let mut counts = *self.shell.lock().core.counts();
        counts.clamped = self.shell.clamped.load(Ordering::Relaxed);
        Stats {
            wait: self.shell.wait.snapshot(counts.hits),
            hold: self.shell.hold.snapshot(0),
            connect: self.shell.connect.snapshot(0),
            counts,
        }
    }

    /// A handle that does not keep the pool open.
    pub fn downgrade(&self) -> WeakPool<M> {
        WeakPool { shell: Arc::downgrade(&self.shell) }
    }
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Pool<M> {
        self.shell.handles.fetch_add(1, Ordering::Relaxed);
        Pool { shell: Arc::clone(&self.shell) }
    }
}

impl<M: Manager> Drop for Pool<M> {
    fn drop(&mut self) {
        if self.shell.handles.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        self.shell.orphaned.store(true, Ordering::Release);
        let now = self.shell.env.now();
        self.shell.run(|state| state.core.close(Time::NEVER, now));
        self.shell.upkeep.raise();
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.shell.name)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
