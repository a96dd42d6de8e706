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
use crate::error::ConnectError;
use crate::manager::Manager;
use crate::observe::{EventKind, Observer, Subject, Subscription, Watched};
use crate::report::Holder;
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
        pool.shell.tell(Subject::Pool, EventKind::PoolCreated);
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

    /// The last connect error, while no connect has succeeded since: why there may be no connection.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// drop(pool.acquire().await.unwrap());
    /// assert!(pool.connect_error().is_none());
    /// # }
    /// ```
    pub fn connect_error(&self) -> Option<Arc<ConnectError<M::Error>>> {
        self.shell.lock().last_error.clone()
    }

    /// Who has which connection now, since when and where it was acquired (P-30). It walks over all connections
    /// under the lock: for reports, not for every request.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let conn = pool.acquire().await.unwrap();
    /// for holder in pool.holders() {
    ///     println!("{holder}"); // connection 1, held for 0.0ns, acquired at src/main.rs:12:17
    /// }
    /// # assert_eq!(pool.holders().len(), 1);
    /// # }
    /// ```
    pub fn holders(&self) -> Vec<Holder> {
        let now = self.shell.env.now();
        self.shell.lock().borrowers(&self.shell.lane, now)
    }

    /// What happened so far (P-27).
    pub fn stats(&self) -> Stats {
        let mut counts = *self.shell.lock().core.counts();
        let marks = &self.shell.watch.marks;
        for (count, mark) in [
            (&mut counts.clamped, &marks.clamped),
            (&mut counts.refused, &marks.refused),
            (&mut counts.slow, &marks.slow),
            (&mut counts.leaked, &marks.leaked),
            (&mut counts.hook_failures, &marks.hook_failures),
            (&mut counts.hook_panics, &marks.hook_panics),
            (&mut counts.observer_panics, &marks.observer_panics),
        ] {
            *count = mark.load(Ordering::Relaxed);
        }
        Stats {
            wait: self.shell.wait.snapshot(counts.hits),
            hold: self.shell.hold.snapshot(0),
            connect: self.shell.connect.snapshot(0),
            counts,
        }
    }

    /// Adds an observer while the pool runs (P-29). It is told everything from now on until the
    /// subscription is dropped, or as long as the pool exists after
    /// [`forget`](Subscription::forget).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote_testkit::Script;
    /// use cenote::{Event, Pool};
    ///
    /// let pool = Pool::builder(Script::new()).build().unwrap();
    /// let lines = pool.observe(|event: &Event<'_>| println!("{event}"));
    /// drop(pool.acquire().await.unwrap());
    /// drop(lines);
    /// # }
    /// ```
    pub fn observe(&self, observer: impl Observer) -> Subscription {
        let id = self.shell.watch.join(Arc::new(observer));
        // The fast lane, if it is open, was opened for a pool without observers.
        drop(self.shell.lock());
        let shell: Arc<dyn Watched> = Arc::<Shell<M>>::clone(&self.shell);
        Subscription::new(Arc::downgrade(&shell), id)
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
        self.shell.run(|state| {
            state.change(&self.shell.watch, |core| core.close(Time::NEVER, now));
        });
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
