//! What tasks of a simulation take along. Nothing that is asked through it is counted in
//! [`Usage`](crate::Usage): that is for the environment alone.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cenote::Time;

use super::join::{self, JoinHandle};
use super::timer::Sleeping;
use super::world::World;

/// A handle of a [`Sim`](crate::Sim), for its tasks.
#[derive(Clone)]
pub struct Handle {
    world: Arc<World>,
}

impl Handle {
    pub(super) fn new(world: Arc<World>) -> Handle {
        Handle { world }
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// The virtual time as the system's clock would show it, for [`Acquire::deadline`](cenote::Acquire::deadline).
    pub fn instant(&self) -> Instant {
        self.world.origin + self.now().since(Time::ZERO)
    }

    /// A future that ends after this long; the time runs from now.
    pub fn sleep(&self, duration: Duration) -> Sleeping {
        Sleeping::new(Arc::clone(&self.world), self.now() + duration)
    }

    /// A future that ends when nothing else is runnable; the time does not move meanwhile.
    pub fn settled(&self) -> Settled {
        Settled { world: Arc::clone(&self.world), since: None }
    }

    /// A new task.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        join::spawn(&self.world, task)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// The future of [`Handle::settled`].
#[must_use = "futures do nothing unless polled"]
pub struct Settled {
    world: Arc<World>,
    since: Option<u64>,
}

impl Future for Settled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.world.wait_for_quiet(&mut this.since, cx.waker().clone())
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled").finish_non_exhaustive()
    }
}
