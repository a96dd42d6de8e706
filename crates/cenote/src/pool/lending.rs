//! Lending: every way to get a connection from a pool or put one into it.

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::Pool;
use crate::acquire::{Acquire, AcquireMany, AcquireOwned, One, Want, take_now};
use crate::core::Core;
use crate::error::Error;
use crate::manager::{Ended, Fault, Manager};
use crate::observe::{EventKind, Subject};
use crate::pooled::Pooled;
use crate::settle::Watch;
use crate::shell::Entry;
use crate::stats::State;

impl<M: Manager> Pool<M> {
    /// Borrows a connection: an idle one at once, else the first that comes back or is made.
    ///
    /// First come, first served inside a priority level; one absolute deadline (`acquire_timeout`, or the
    /// call's own) covers waiting, connecting and testing. Cancel-safe: drop the future whenever you like.
    ///
    /// # Errors
    /// [`Error::Timeout`] at the deadline, with the last connect error and the pool's counts;
    /// [`Error::Connect`] at once after a permanent connect error; [`Error::QueueFull`],
    /// [`Error::Paused`], [`Error::Draining`], [`Error::Closed`] and [`Error::RuntimeGone`] as they say.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # use std::time::Duration;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let conn = pool.acquire().await.unwrap();
    /// let urgent = pool.acquire().priority(0).timeout(Duration::from_millis(50)).await.unwrap();
    /// # }
    /// ```
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_, M> {
        Acquire::new(self, Location::caller())
    }

    /// As [`acquire`](Pool::acquire), with a future that holds the pool instead of borrowing it.
    ///
    /// # Errors
    /// Those of [`acquire`](Pool::acquire).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let later = tokio::spawn(pool.acquire_owned());
    /// assert_eq!(later.await.unwrap().unwrap().serial(), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn acquire_owned(&self) -> AcquireOwned<M> {
        AcquireOwned::new(self.clone(), Location::caller())
    }

    /// Takes an idle connection if that needs no lock: what [`acquire`](Pool::acquire) tries first. `None` says nothing of
    /// whether there is one; ask `acquire` then. For code that acquires for somebody else, whose place in the source
    /// reports name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// use std::panic::Location;
    ///
    /// let pool = Pool::builder(Script::new()).build().unwrap();
    /// let conn = match pool.try_fast(Location::caller()) {
    ///     Some(conn) => conn,
    ///     None => pool.acquire().await.unwrap(),
    /// };
    /// assert_eq!(conn.serial(), 1);
    /// # }
    /// ```
    pub fn try_fast(&self, location: &'static Location<'static>) -> Option<Pooled<M>> {
        One.take_fast(&self.shell, location)
    }

    /// Borrows several connections: all of them, or none (P-10). Whoever needs several and takes them one
    /// by one can deadlock with its like; whoever takes them at once cannot.
    ///
    /// Nothing is set aside for the caller: while it is first in the queue, idle connections rest until there
    /// are enough, and nobody behind it passes. Waits as [`acquire`](Pool::acquire) does. For 0 it ends at once.
    ///
    /// # Errors
    /// [`Error::TooMany`] if `n` is more than `max_size`, now or when that is lowered meanwhile; else those of
    /// [`acquire`](Pool::acquire).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let [from, to] = pool.acquire_many(2).await.unwrap().try_into().unwrap();
    /// assert_ne!(from.serial(), to.serial());
    /// # }
    /// ```
    #[track_caller]
    pub fn acquire_many(&self, n: usize) -> AcquireMany<'_, M> {
        AcquireMany::new(self, n, Location::caller())
    }

    /// Borrows an idle connection, or says at once that there is none. It never waits, so it never tests:
    /// only [`Manager::is_closed`] is asked.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if none is idle or others wait; [`Error::Paused`], [`Error::Draining`],
    /// [`Error::Closed`], [`Error::RuntimeGone`] as they say.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<Pooled<M>, Error<M::Error>> {
        take_now(&self.shell, &One, Location::caller())
    }

    /// Borrows a connection, runs the closure with it and gives it back. How the closure ended (a value, an
    /// error of some class, a cancel, a panic) goes to [`Manager::released`], which says what becomes of
    /// the connection; by default it is kept after a value or a [`Fault::Query`], closed after the rest (P-8).
    ///
    /// # Errors
    /// Those of [`acquire`](Pool::acquire), and the closure's own as [`Error::Run`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let id = pool.with(async |conn| Ok(conn.serial())).await.unwrap();
    /// assert_eq!(id, 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn with<F, T>(&self, run: F) -> impl Future<Output = Result<T, Error<M::Error>>>
    where
        F: AsyncFnOnce(&mut M::Connection) -> Result<T, M::Error>,
    {
        let acquire = self.acquire();
        async move {
            let mut conn = acquire.await?;
            Pooled::set_ended(&mut conn, Ended::Cancelled);
            match run(&mut conn).await {
                Ok(value) => {
                    Pooled::set_ended(&mut conn, Ended::Returned);
                    Pooled::tell(&mut conn, Ok(()));
                    Ok(value)
                }
                Err(error) => {
                    let fault = self.shell.classify(&error);
                    Pooled::report_fault(&mut conn, fault);
                    Err(Error::Run(error))
                }
            }
        }
    }

    /// Waits until the minimums are there, or with none until a connection could be made.
    pub(crate) async fn ready(&self) -> Result<(), Error<M::Error>> {
        let shell = &self.shell;
        let began = shell.env.now();
        let options = self.options();
        if options.min_size == 0 && options.min_idle == 0 {
            drop(self.acquire().await?);
            return Ok(());
        }
        let mut watch = Watch::new(Arc::clone(shell));
        let mut sleep =
            std::pin::pin!(shell.env.sleep_until(began + options.acquire_timeout.get()));
        poll_fn(|cx| {
            let filled = watch.poll(cx, |state| {
                let status = state.core.status();
                if state.core.is_runtime_gone() {
                    return Some(Err(Error::RuntimeGone { pool: Arc::clone(&shell.name) }));
                }
                if state.core.is_broken() {
                    return Some(Err(Error::Broken { pool: Arc::clone(&shell.name) }));
                }
                if status.state == State::Closed {
                    return Some(Err(Error::Closed { pool: Arc::clone(&shell.name) }));
                }
                let made = status.available + status.using;
                if made >= options.min_size && made >= options.min_idle {
                    return Some(Ok(()));
                }
                let last = state.last_error.as_ref()?;
                (last.fault() == Fault::Permanent).then(|| {
                    Err(Error::Connect { pool: Arc::clone(&shell.name), error: Arc::clone(last) })
                })
            });
            if filled.is_ready() {
                return filled;
            }
            sleep.as_mut().poll(cx).map(|()| {
                let state = shell.lock();
                Err(Error::Timeout {
                    pool: Arc::clone(&shell.name),
                    waited: shell.env.now().since(began),
                    status: Box::new(state.status()),
                    last: state.last_error.clone(),
                })
            })
        })
        .await
    }

    /// Puts a connection that somebody else made into the pool (P-9).
    ///
    /// # Errors
    /// The connection, if the pool is full, draining or closed.
    pub fn add(&self, conn: M::Connection) -> Result<(), M::Connection> {
        let now = self.shell.env.now();
        let Some(key) = self.shell.run(|state| state.core.make_room(now)) else {
            return Err(conn);
        };
        let entry = Entry::new(conn, key, now);
        let id = Subject::Connection(key.id);
        self.shell.tell(id, EventKind::ConnectionCreated { took: Duration::ZERO });
        let added = |core: &mut Core, key| core.added(key, now);
        self.shell.welcome(Box::new(entry), Duration::ZERO, added);
        Ok(())
    }
}
