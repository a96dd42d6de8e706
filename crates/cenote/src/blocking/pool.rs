//! The handle for threads: each call is the async pool's, waited for on the calling thread.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::{Builder, Direct, Manager, Pooled, Request, Share, Shared};
use crate::config::{Bound, ConfigError, Options, Timeout};
use crate::env::block_on;
use crate::error::Error;
use crate::report::{Holder, Report};
use crate::settle::Clearing;
use crate::stats::{Stats, Status};

/// A pool of connections for threads (P-25).
///
/// Clones are handles of the same pool; two pools share nothing. When the last handle is dropped, idle
/// connections close and lent ones close when they come back (P-33).
pub struct Pool<B: Manager> {
    pub(super) pool: crate::Pool<Direct<B>>,
}

impl<B: Manager> Pool<B> {
    /// Starts to build a pool of this manager's connections.
    pub fn builder(manager: B) -> Builder<B> {
        Builder::new(manager)
    }

    pub(super) fn new(pool: crate::Pool<Direct<B>>) -> Pool<B> {
        Pool { pool }
    }

    /// Borrows a connection: an idle one at once, else the first that comes back or is made.
    ///
    /// First come, first served inside a priority level; one absolute deadline (`acquire_timeout`) covers
    /// waiting, connecting and testing. For another deadline or priority see [`request`](Pool::request).
    ///
    /// # Errors
    /// [`Error::Timeout`] at the deadline, with the last connect error and the pool's counts;
    /// [`Error::Connect`] at once after a permanent connect error; [`Error::QueueFull`],
    /// [`Error::Paused`], [`Error::Draining`] and [`Error::Closed`] as they say.
    #[track_caller]
    pub fn acquire(&self) -> Result<Pooled<B>, Error<B::Error>> {
        block_on(self.pool.acquire())
    }

    /// An acquire with a timeout, a deadline or a priority of its own.
    ///
    /// ```
    /// # use cenote::blocking::Pool;
    /// # use cenote_testkit::Script;
    /// # use std::time::Duration;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let conn = pool.request().priority(0).timeout(Duration::from_millis(50)).acquire().unwrap();
    /// ```
    #[track_caller]
    pub fn request(&self) -> Request<'_, B> {
        Request::new(&self.pool, Location::caller())
    }

    /// Borrows several connections: all of them, or none (P-10). Whoever needs several and takes them one
    /// by one can deadlock with its like; whoever takes them at once cannot.
    ///
    /// # Errors
    /// [`Error::TooMany`] if `n` is more than `max_size`; else those of [`acquire`](Pool::acquire).
    #[track_caller]
    pub fn acquire_many(&self, n: usize) -> Result<Vec<Pooled<B>>, Error<B::Error>> {
        block_on(self.pool.acquire_many(n))
    }

    /// Borrows a share of a connection that carries several requests at once (P-32).
    ///
    /// # Errors
    /// Those of [`acquire`](Pool::acquire).
    #[track_caller]
    pub fn share(&self) -> Result<Shared<B>, Error<B::Error>>
    where
        B: Share,
    {
        block_on(self.pool.share())
    }

    /// A share of a connection that is there now; as [`try_acquire`](Pool::try_acquire) it neither waits nor
    /// tests nor connects.
    ///
    /// # Errors
    /// Those of [`try_acquire`](Pool::try_acquire).
    #[track_caller]
    pub fn try_share(&self) -> Result<Shared<B>, Error<B::Error>>
    where
        B: Share,
    {
        self.pool.try_share()
    }

    /// Borrows an idle connection, or says at once that there is none. It never waits, so it never tests:
    /// only [`Manager::is_closed`] is asked.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if none is idle or others wait; [`Error::Paused`], [`Error::Draining`] and
    /// [`Error::Closed`] as they say.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<Pooled<B>, Error<B::Error>> {
        self.pool.try_acquire()
    }

    /// Borrows a connection, runs the closure with it and gives it back. How the closure ended (a value, an
    /// error of some class, a panic) goes to [`Manager::released`], which says what becomes of the
    /// connection; by default it is kept after a value or a query error, closed after the rest (P-8).
    ///
    /// # Errors
    /// Those of [`acquire`](Pool::acquire), and the closure's own as [`Error::Run`].
    ///
    /// ```
    /// # use cenote::blocking::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// assert_eq!(pool.with(|conn| Ok(conn.serial())).unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn with<F, T>(&self, run: F) -> Result<T, Error<B::Error>>
    where
        F: FnOnce(&mut B::Connection) -> Result<T, B::Error>,
    {
        block_on(self.pool.with(async move |conn| run(conn)))
    }

    /// Puts a connection that somebody else made into the pool (P-9).
    ///
    /// # Errors
    /// The connection, if the pool is full, draining or closed.
    pub fn add(&self, conn: B::Connection) -> Result<(), B::Connection> {
        self.pool.add(conn)
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        self.pool.name()
    }

    /// The manager.
    pub fn manager(&self) -> &B {
        self.pool.manager().get_ref()
    }

    /// The counts, all taken at one instant (P-26).
    pub fn status(&self) -> Status {
        self.pool.status()
    }

    /// Who has which connection now, since when and where it was acquired (P-30); for reports.
    pub fn holders(&self) -> Vec<Holder> {
        self.pool.holders()
    }

    /// What happened so far (P-27).
    pub fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// A handle that does not keep the pool open.
    pub fn downgrade(&self) -> WeakPool<B> {
        WeakPool { pool: self.pool.downgrade() }
    }
}

/// Changing options while the pool runs (P-22).
impl<B: Manager> Pool<B> {
    /// The options as they are now.
    pub fn options(&self) -> Options {
        self.pool.options()
    }

    /// Changes options while the pool runs. Shrinking closes idle connections now and lent ones when they
    /// come back. The number of priority levels stays.
    ///
    /// # Errors
    /// The first rule that the changed options break; then nothing is changed.
    ///
    /// ```
    /// # use cenote::blocking::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// pool.reconfigure(|options| options.min_idle = 2).unwrap();
    /// ```
    pub fn reconfigure(&self, change: impl FnOnce(&mut Options)) -> Result<(), ConfigError> {
        self.pool.reconfigure(change)
    }

    /// Changes [`Options::max_size`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_max_size(&self, max_size: impl Into<Bound>) -> Result<(), ConfigError> {
        self.pool.set_max_size(max_size)
    }

    /// Changes [`Options::min_size`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_min_size(&self, min_size: usize) -> Result<(), ConfigError> {
        self.pool.set_min_size(min_size)
    }

    /// Changes [`Options::min_idle`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_min_idle(&self, min_idle: usize) -> Result<(), ConfigError> {
        self.pool.set_min_idle(min_idle)
    }

    /// Changes [`Options::max_idle`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_max_idle(&self, max_idle: impl Into<Bound>) -> Result<(), ConfigError> {
        self.pool.set_max_idle(max_idle)
    }

    /// Changes [`Options::max_waiting`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_max_waiting(&self, max_waiting: impl Into<Bound>) -> Result<(), ConfigError> {
        self.pool.set_max_waiting(max_waiting)
    }

    /// Changes [`Options::acquire_timeout`] for acquires that begin from now on.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_acquire_timeout(&self, timeout: impl Into<Timeout>) -> Result<(), ConfigError> {
        self.pool.set_acquire_timeout(timeout)
    }
}

/// Pausing, clearing and ending (P-18, P-21). Each call changes the state at once and returns when what
/// follows has settled. Who must not wait calls it on a thread of its own, with a clone of the handle.
impl<B: Manager> Pool<B> {
    /// Ends the present generation: idle connections close now, lent ones when they come back, connects under
    /// way on arrival. Waits until the idle ones are closed, for `close_timeout` at most: what is stuck then
    /// is not in the report.
    pub fn clear(&self) -> Report<B::Error> {
        self.cleared(self.pool.clear())
    }

    /// Closes the idle connections for which `choose` returns true, and waits as [`clear`](Pool::clear) does.
    /// A panic in `choose` counts as true.
    pub fn clear_where(&self, choose: impl FnMut(&B::Connection) -> bool) -> Report<B::Error> {
        self.cleared(self.pool.clear_where(choose))
    }

    fn cleared(&self, clearing: Clearing<Direct<B>>) -> Report<B::Error> {
        let env = &*self.pool.shell.env;
        let patience = env.now() + self.options().close_timeout.get();
        let mut sleep = pin!(env.sleep_until(patience));
        let tally = clearing.tally.clone();
        let mut clearing = pin!(clearing);
        block_on(poll_fn(|cx| match clearing.as_mut().poll(cx) {
            Poll::Ready(report) => Poll::Ready(report),
            Poll::Pending => sleep.as_mut().poll(cx).map(|()| tally.report()),
        }))
    }

    /// Stops lending: callers queue, their deadlines running; what comes back rests; minimums are kept. Lent
    /// connections stay lent.
    pub fn pause(&self) {
        block_on(self.pool.pause());
    }

    /// As [`pause`](Pool::pause), but newcomers fail with [`Error::Paused`].
    pub fn pause_and_refuse(&self) {
        block_on(self.pool.pause_and_refuse());
    }

    /// Lends again after a pause.
    pub fn resume(&self) {
        block_on(self.pool.resume());
    }

    /// Takes no new callers; those that wait are still served. Returns when nobody waits or holds a
    /// connection, or after `deadline`, naming the holders. Follow it by a close.
    pub fn drain(&self, deadline: Duration) -> Report<B::Error> {
        block_on(self.pool.drain(deadline))
    }

    /// Closes the pool: those that wait fail, idle connections close, borrowers may finish within
    /// `deadline`. What is not back then leaves the books: the report names who holds it, and a late return
    /// only closes it.
    ///
    /// ```
    /// # use cenote::blocking::Pool;
    /// # use cenote_testkit::Script;
    /// # use std::time::Duration;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let report = pool.close(Duration::from_secs(5));
    /// assert!(report.is_clean(), "{report}");
    /// ```
    pub fn close(&self, deadline: Duration) -> Report<B::Error> {
        block_on(self.pool.close(deadline))
    }

    /// Closes the pool without waiting for borrowers: what they hold leaves the books at once. Returns when
    /// the idle connections are closed, after `close_timeout` at most.
    pub fn close_now(&self) -> Report<B::Error> {
        block_on(self.pool.close_now())
    }
}

impl<B: Manager> Clone for Pool<B> {
    fn clone(&self) -> Pool<B> {
        Pool { pool: self.pool.clone() }
    }
}

impl<B: Manager> fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

/// A handle that does not keep its pool open; made by [`Pool::downgrade`].
pub struct WeakPool<B: Manager> {
    pool: crate::WeakPool<Direct<B>>,
}

impl<B: Manager> WeakPool<B> {
    /// The pool, if a handle of it is still there.
    pub fn upgrade(&self) -> Option<Pool<B>> {
        self.pool.upgrade().map(Pool::new)
    }
}

impl<B: Manager> Clone for WeakPool<B> {
    fn clone(&self) -> WeakPool<B> {
        WeakPool { pool: self.pool.clone() }
    }
}

impl<B: Manager> fmt::Debug for WeakPool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}
