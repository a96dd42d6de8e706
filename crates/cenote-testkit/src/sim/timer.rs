//! A timer in virtual time. It is set at its first poll and taken back when it is dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cenote::Time;

use super::world::World;

/// The future of [`Sim::sleep`](crate::Sim::sleep).
#[must_use = "futures do nothing unless polled"]
pub struct Sleeping {
    world: Arc<World>,
    at: Time,
    key: Option<(Time, u64)>,
}

impl Sleeping {
    pub(super) fn new(world: Arc<World>, at: Time) -> Sleeping {
        Sleeping { world, at, key: None }
    }
}

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.world.set_timer(this.at, &mut this.key, cx.waker().clone())
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.world.cancel_timer(key);
        }
    }
}

impl fmt::Debug for Sleeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleeping").field("at", &self.at).finish_non_exhaustive()
    }
}
