//! The three waits: for a connection, for several at once, for a share of one. They differ in what they
//! take, not in how they wait: `wait.rs` waits, `want.rs` says what is wanted, `outcome.rs` tells and counts.

mod outcome;
mod wait;
mod want;

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::config::Timeout;
use crate::error::Error;
use crate::manager::{Manager, Share};
use crate::pool::Pool;
use crate::pooled::Pooled;
use crate::shared::Shared;
use crate::time::Time;
use wait::Wait;
pub(crate) use want::{Jointly, One, Want, take_now};

use want::Many;

pin_project! {
    /// The future of [`Pool::acquire`].
    ///
    /// Its deadline is absolute: it covers waiting, connecting and testing, and nothing re-arms it (P-3).
    /// It may be moved to another task or thread before it is polled, and dropped at any time.
    #[must_use = "futures do nothing unless polled"]
    pub struct Acquire<'a, M: Manager> {
        #[pin]
        wait: Wait<&'a Pool<M>, M, One>,
    }
}

pin_project! {
    /// The future of [`Pool::acquire_owned`]: as [`Acquire`], but it holds its pool.
    #[must_use = "futures do nothing unless polled"]
    pub struct AcquireOwned<M: Manager> {
        #[pin]
        wait: Wait<Pool<M>, M, One>,
    }
}

pin_project! {
    /// The future of [`Pool::acquire_many`]; waits as [`Acquire`] does.
    #[must_use = "futures do nothing unless polled"]
    pub struct AcquireMany<'a, M: Manager> {
        #[pin]
        wait: Wait<&'a Pool<M>, M, Many>,
    }
}

pin_project! {
    /// The future of [`Pool::share`]; waits as [`Acquire`] does.
    #[must_use = "futures do nothing unless polled"]
    pub struct AcquireShare<'a, M: Share> {
        #[pin]
        wait: Wait<&'a Pool<M>, M, Jointly>,
    }
}

macro_rules! a_wait {
    ($bound:ident, $name:ty, $output:ty) => {
        impl<M: $bound> $name {
            /// Waits at most this long, instead of `acquire_timeout`; [`Timeout::Never`] waits for ever.
            /// The time runs from the first poll.
            pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
                self.wait.set_timeout(timeout.into());
                self
            }

            /// Waits until this moment at most, instead of for `acquire_timeout`.
            pub fn deadline(mut self, deadline: Instant) -> Self {
                self.wait.set_deadline(deadline);
                self
            }

            /// Waits in this priority level: 0 is the most urgent, the default is the middle one. A level
            /// beyond the last is served as the last, and counted (P-4).
            pub fn priority(mut self, level: u8) -> Self {
                self.wait.set_priority(level);
                self
            }
        }

        impl<M: $bound> Future for $name {
            type Output = Result<$output, Error<M::Error>>;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                self.project().wait.poll(cx)
            }
        }
    };
}

a_wait!(Manager, Acquire<'_, M>, Pooled<M>);
a_wait!(Manager, AcquireOwned<M>, Pooled<M>);
a_wait!(Manager, AcquireMany<'_, M>, Vec<Pooled<M>>);
a_wait!(Share, AcquireShare<'_, M>, Shared<M>);

impl<'a, M: Manager> Acquire<'a, M> {
    pub(crate) fn new(pool: &'a Pool<M>, location: &'static Location<'static>) -> Self {
        Acquire { wait: Wait::new(pool, One, location) }
    }
}

impl<M: Manager> AcquireOwned<M> {
    pub(crate) fn new(pool: Pool<M>, location: &'static Location<'static>) -> Self {
        AcquireOwned { wait: Wait::new(pool, One, location) }
    }

    /// As [`deadline`](AcquireOwned::deadline), in the time of the pool's [`Env`](crate::Env).
    pub fn deadline_at(mut self, deadline: Time) -> Self {
        self.wait.set_deadline_at(deadline);
        self
    }

    /// The place in the source that reports name, instead of the one that called
    /// [`acquire_owned`](Pool::acquire_owned): for code that acquires for somebody else.
    pub fn location(mut self, location: &'static Location<'static>) -> Self {
        self.wait.set_location(location);
        self
    }
}

impl<'a, M: Manager> AcquireMany<'a, M> {
    pub(crate) fn new(pool: &'a Pool<M>, n: usize, location: &'static Location<'static>) -> Self {
        AcquireMany { wait: Wait::new(pool, Many(n), location) }
    }
}

impl<'a, M: Share> AcquireShare<'a, M> {
    pub(crate) fn new(pool: &'a Pool<M>, location: &'static Location<'static>) -> Self {
        AcquireShare { wait: Wait::new(pool, Jointly, location) }
    }
}
