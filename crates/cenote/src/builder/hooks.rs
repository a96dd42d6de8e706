//! The setters of hooks (P-28), in the order in which they meet a connection.

use super::Builder;
use crate::hooks::{AcquireRequest, Choice, ClosedConnection, ConnectionInfo, HookFuture};
use crate::manager::{Fault, Manager};

impl<M: Manager> Builder<M> {
    /// Asks before anything else whether this caller may have a connection at all. `Err` with a reason
    /// ends the acquire with [`Error::Refused`](crate::Error::Refused); a panic refuses too (P-28).
    ///
    /// It runs on every acquire, so it must be quick: a look at a flag, a budget, a tenant's quota.
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// let busy = Arc::new(AtomicBool::new(false)); // somebody else sets it
    /// let builder = Pool::builder(Script::new()).on_acquire(move |request| {
    ///     match request.priority > 0 && busy.load(Ordering::Relaxed) {
    ///         true => Err("only urgent requests while the report runs".to_owned()),
    ///         false => Ok(()),
    ///     }
    /// });
    /// ```
    pub fn on_acquire<F>(mut self, hook: F) -> Self
    where
        F: Fn(&AcquireRequest) -> Result<(), String> + Send + Sync + 'static,
    {
        self.hooks.on_acquire = Some(Box::new(hook));
        self
    }

    /// Sets up each new connection's session before anybody gets it (P-28). An error closes the connection
    /// and counts as a failed connect; `connect_timeout` covers the hook too.
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// let builder = Pool::builder(Script::new())
    ///     .after_connect(|conn| Box::pin(async move {
    ///         conn.note("SET TIME ZONE 'UTC'");
    ///         Ok(())
    ///     }));
    /// ```
    pub fn after_connect<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut M::Connection) -> HookFuture<'c, M::Error> + Send + Sync + 'static,
    {
        self.hooks.after_connect = Some(Box::new(hook));
        self
    }

    /// Looks at a connection just before its borrower gets it. [`Choice::Drop`] closes it, and the caller goes
    /// on with another one under its ticket and its deadline; a panic does the same (P-28).
    ///
    /// It runs on the caller's path and must not block. A hook that drops every connection makes
    /// every caller wait until its deadline.
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// use cenote::Choice;
    ///
    /// let builder = Pool::builder(Script::new()).before_acquire(|conn, info| {
    ///     conn.note(format!("lent {} times before", info.uses));
    ///     if conn.notes().len() > 100 { Choice::Drop } else { Choice::Keep }
    /// });
    /// ```
    pub fn before_acquire<F>(mut self, hook: F) -> Self
    where
        F: Fn(&mut M::Connection, &ConnectionInfo) -> Choice + Send + Sync + 'static,
    {
        self.hooks.before_acquire = Some(Box::new(hook));
        self
    }

    /// Looks at a connection that its borrower gives back, after the manager has decided to keep or reset
    /// it. [`Choice::Drop`] closes it; a panic does the same (P-28). It runs in the borrower's thread and must
    /// not block.
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// use cenote::Choice;
    ///
    /// let builder = Pool::builder(Script::new()).after_release(|conn| {
    ///     if conn.notes().is_empty() { Choice::Keep } else { Choice::Drop }
    /// });
    /// ```
    pub fn after_release<F>(mut self, hook: F) -> Self
    where
        F: Fn(&mut M::Connection) -> Choice + Send + Sync + 'static,
    {
        self.hooks.after_release = Some(Box::new(hook));
        self
    }

    /// Says something to a connection before the manager closes it; `close_timeout` covers both. An error or
    /// a panic is counted and told, and the manager closes the connection all the same (P-28).
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// let builder = Pool::builder(Script::new())
    ///     .before_close(|conn| Box::pin(async move {
    ///         conn.note("UNLISTEN *");
    ///         Ok(())
    ///     }));
    /// ```
    pub fn before_close<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut M::Connection) -> HookFuture<'c, M::Error> + Send + Sync + 'static,
    {
        self.hooks.before_close = Some(Box::new(hook));
        self
    }

    /// Hears that a connection is gone: which, why, and whether closing it failed (P-28).
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// let builder = Pool::builder(Script::new()).after_close(|closed| {
    ///     println!("connection {} is gone: {}", closed.id, closed.reason);
    /// });
    /// ```
    pub fn after_close<F>(mut self, hook: F) -> Self
    where
        F: Fn(&ClosedConnection<'_>) + Send + Sync + 'static,
    {
        self.hooks.after_close = Some(Box::new(hook));
        self
    }

    /// Replaces the manager's judgement of errors (P-14).
    pub fn classify_with<F>(mut self, classify: F) -> Self
    where
        F: Fn(&M::Error) -> Fault + Send + Sync + 'static,
    {
        self.hooks.classify = Some(Box::new(classify));
        self
    }
}
