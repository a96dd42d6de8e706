//! What the user puts in the way of a pool for threads, and who is told what happens: plain closures. Those that
//! have the connection in hand may block where the pool's threads run them (`after_connect`, `before_close`).

use std::future::ready;

use super::{Builder, Manager, Pool};
use crate::hooks::{AcquireRequest, Choice, ClosedConnection, ConnectionInfo};
use crate::manager::Fault;
use crate::observe::{Level, Observer, Subscription};

impl<B: Manager> Builder<B> {
    /// Sets up each new connection's session before anybody gets it (P-28). An error closes the connection
    /// and counts as a failed connect.
    ///
    /// ```
    /// # use cenote::blocking::Pool;
    /// # use cenote_testkit::Script;
    /// let builder = Pool::builder(Script::new()).after_connect(|conn| {
    ///     conn.note("SET TIME ZONE 'UTC'");
    ///     Ok(())
    /// });
    /// ```
    pub fn after_connect<F>(self, hook: F) -> Self
    where
        F: Fn(&mut B::Connection) -> Result<(), B::Error> + Send + Sync + 'static,
    {
        self.map(|builder| builder.after_connect(move |conn| Box::pin(ready(hook(conn)))))
    }

    /// Sees each connection off before it is closed; see [`Builder::before_close`](crate::Builder::before_close).
    pub fn before_close<F>(self, hook: F) -> Self
    where
        F: Fn(&mut B::Connection) -> Result<(), B::Error> + Send + Sync + 'static,
    {
        self.map(|builder| builder.before_close(move |conn| Box::pin(ready(hook(conn)))))
    }

    /// May refuse a caller; see [`Builder::on_acquire`](crate::Builder::on_acquire).
    pub fn on_acquire<F>(self, hook: F) -> Self
    where
        F: Fn(&AcquireRequest) -> Result<(), String> + Send + Sync + 'static,
    {
        self.map(|builder| builder.on_acquire(hook))
    }

    /// May drop a connection that is about to be lent; see
    /// [`Builder::before_acquire`](crate::Builder::before_acquire).
    pub fn before_acquire<F>(self, hook: F) -> Self
    where
        F: Fn(&mut B::Connection, &ConnectionInfo) -> Choice + Send + Sync + 'static,
    {
        self.map(|builder| builder.before_acquire(hook))
    }

    /// May drop a connection that comes back; see [`Builder::after_release`](crate::Builder::after_release).
    pub fn after_release<F>(self, hook: F) -> Self
    where
        F: Fn(&mut B::Connection) -> Choice + Send + Sync + 'static,
    {
        self.map(|builder| builder.after_release(hook))
    }

    /// Hears of each connection that was closed; see [`Builder::after_close`](crate::Builder::after_close).
    pub fn after_close<F>(self, hook: F) -> Self
    where
        F: Fn(&ClosedConnection<'_>) + Send + Sync + 'static,
    {
        self.map(|builder| builder.after_close(hook))
    }

    /// Replaces the manager's judgement of errors (P-14).
    pub fn classify_with<F>(self, classify: F) -> Self
    where
        F: Fn(&B::Error) -> Fault + Send + Sync + 'static,
    {
        self.map(|builder| builder.classify_with(classify))
    }

    /// Tells an observer what happens, from the beginning on (P-29).
    pub fn observer(self, observer: impl Observer) -> Self {
        self.map(|builder| builder.observer(observer))
    }

    /// Whether the pool writes a log; see [`Builder::log`](crate::Builder::log).
    pub fn log(self, log: bool) -> Self {
        self.map(|builder| builder.log(log))
    }

    /// Writes the pool's log with this; see [`Builder::log_with`](crate::Builder::log_with).
    pub fn log_with(self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Self {
        self.map(|builder| builder.log_with(log))
    }

    /// Passes events on to `tracing` (P-31).
    #[cfg(feature = "tracing")]
    pub fn tracing(self) -> Self {
        self.map(crate::Builder::tracing)
    }

    /// Passes numbers on to the `metrics` facade (P-31).
    #[cfg(feature = "metrics")]
    pub fn metrics(self) -> Self {
        self.map(crate::Builder::metrics)
    }
}

impl<B: Manager> Pool<B> {
    /// Tells an observer what happens from now on, for as long as the subscription lives (P-29).
    pub fn observe(&self, observer: impl Observer) -> Subscription {
        self.pool.observe(observer)
    }
}
