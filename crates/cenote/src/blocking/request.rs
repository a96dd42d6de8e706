//! One acquire with wishes of its own, before it is made.

use std::fmt;
use std::time::Instant;

use super::{Direct, Manager, Pooled};
use crate::acquire::Acquire;
use crate::config::Timeout;
use crate::env::block_on;
use crate::error::Error;

/// An acquire to be made; from [`Pool::request`](super::Pool::request).
#[must_use = "a request does nothing until it acquires"]
pub struct Request<'a, B: Manager> {
    pub(super) acquire: Acquire<'a, Direct<B>>,
}

impl<B: Manager> Request<'_, B> {
    /// Waits at most this long, instead of `acquire_timeout`; [`Timeout::Never`] waits for ever.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.acquire = self.acquire.timeout(timeout);
        self
    }

    /// Waits until this moment at most, instead of for `acquire_timeout`.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.acquire = self.acquire.deadline(deadline);
        self
    }

    /// Waits in this priority level: 0 is the most urgent, the default is the middle one. A level beyond
    /// the last is served as the last, and counted (P-4).
    pub fn priority(mut self, level: u8) -> Self {
        self.acquire = self.acquire.priority(level);
        self
    }

    /// Borrows a connection.
    ///
    /// # Errors
    /// As [`Pool::acquire`](super::Pool::acquire).
    pub fn acquire(self) -> Result<Pooled<B>, Error<B::Error>> {
        block_on(self.acquire)
    }
}

impl<B: Manager> fmt::Debug for Request<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
    }
}
