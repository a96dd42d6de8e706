//! The simulation as a pool sees it. Whatever is asked of it is counted, so that a test can say what a
//! piece of code does *not* ask for.

use std::sync::Arc;
use std::time::Instant;

use cenote::env::{Sleep, Task};
use cenote::{Env, Time};

use super::timer::Sleeping;
use super::world::World;

/// What was asked of a [`Sim`](crate::Sim)'s environment ([`Sim::env`](crate::Sim::env)) so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Tasks spawned.
    pub spawns: u64,
    /// Timers made.
    pub timers: u64,
    /// Times the clock was read.
    pub clock_reads: u64,
}

pub(super) struct SimEnv {
    world: Arc<World>,
}

impl SimEnv {
    pub(super) fn new(world: Arc<World>) -> SimEnv {
        SimEnv { world }
    }
}

impl Env for SimEnv {
    fn now(&self) -> Time {
        self.world.count(|usage| usage.clock_reads += 1);
        self.world.now()
    }

    fn at(&self, instant: Instant) -> Time {
        self.world.count(|usage| usage.clock_reads += 1);
        Time::ZERO + instant.saturating_duration_since(self.world.origin)
    }

    fn seed(&self) -> u64 {
        self.world.draw_seed()
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        self.world.count(|usage| usage.timers += 1);
        if at == Time::NEVER {
            return Sleep::Never;
        }
        Sleep::Other { sleep: Box::pin(Sleeping::new(Arc::clone(&self.world), at)) }
    }

    fn spawn(&self, task: Task) {
        self.world.count(|usage| usage.spawns += 1);
        self.world.spawn(task);
    }
}
