//! One acquire with wishes of its own, before it is made.

use std::fmt;
use std::panic::Location;
use std::time::Instant;

use super::{Direct, Manager, Pooled, Share, Shared};
use crate::acquire::{Acquire, AcquireMany, AcquireShare};
use crate::config::Timeout;
use crate::env::block_on;
use crate::error::Error;

/// An acquire to be made; from [`Pool::request`](super::Pool::request).
#[must_use = "a request does nothing until it acquires"]
pub struct Request<'a, B: Manager> {
    pool: &'a crate::Pool<Direct<B>>,
    location: &'static Location<'static>,
    level: Option<u8>,
    patience: Option<Patience>,
}

/// How long the caller is willing to wait, if not as long as the pool says.
#[derive(Clone, Copy)]
enum Patience {
    For(Timeout),
    Until(Instant),
}

/// A future of the async pool's with the wishes of the request.
macro_rules! granted {
    ($request:expr, $acquire:expr) => {{
        let mut acquire = $acquire;
        if let Some(level) = $request.level {
            acquire = acquire.priority(level);
        }
        match $request.patience {
            None => acquire,
            Some(Patience::For(timeout)) => acquire.timeout(timeout),
            Some(Patience::Until(deadline)) => acquire.deadline(deadline),
        }
    }};
}

impl<'a, B: Manager> Request<'a, B> {
    pub(super) fn new(
        pool: &'a crate::Pool<Direct<B>>,
        location: &'static Location<'static>,
    ) -> Request<'a, B> {
        Request { pool, location, level: None, patience: None }
    }

    /// Waits at most this long, instead of `acquire_timeout`; [`Timeout::Never`] waits for ever.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.patience = Some(Patience::For(timeout.into()));
        self
    }

    /// Waits until this moment at most, instead of for `acquire_timeout`.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.patience = Some(Patience::Until(deadline));
        self
    }

    /// Waits in this priority level: 0 is the most urgent, the default is the middle one. A level beyond
    /// the last is served as the last, and counted (P-4).
    pub fn priority(mut self, level: u8) -> Self {
        self.level = Some(level);
        self
    }

    /// Borrows a connection.
    ///
    /// # Errors
    /// As [`Pool::acquire`](super::Pool::acquire).
    pub fn acquire(self) -> Result<Pooled<B>, Error<B::Error>> {
        block_on(granted!(self, Acquire::new(self.pool, self.location)))
    }

    /// Borrows several connections: all of them, or none.
    ///
    /// # Errors
    /// As [`Pool::acquire_many`](super::Pool::acquire_many).
    pub fn acquire_many(self, n: usize) -> Result<Vec<Pooled<B>>, Error<B::Error>> {
        block_on(granted!(self, AcquireMany::new(self.pool, n, self.location)))
    }

    /// Borrows a share of a connection.
    ///
    /// # Errors
    /// As [`Pool::acquire`](super::Pool::acquire).
    pub fn share(self) -> Result<Shared<B>, Error<B::Error>>
    where
        B: Share,
    {
        block_on(granted!(self, AcquireShare::new(self.pool, self.location)))
    }
}

impl<B: Manager> fmt::Debug for Request<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("pool", &self.pool.name()).finish_non_exhaustive()
    }
}
