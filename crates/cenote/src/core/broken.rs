//! The core that takes the place of one that panicked. Such a panic is a bug of ours, and it may have come half-way
//! through a change: nothing that the old core says holds any more. So it is not asked again; the new one is closed and
//! empty. It knows no waiter and no connection of the old one: waiters fail when they come, connections are only closed
//! when they come back.

use super::Core;
use super::queue::Failure;
use super::steady::Steady;
use crate::stats::State;
use crate::time::Time;

impl Core {
    /// What takes this core's place.
    pub(crate) fn stand_in(&self) -> Core {
        let mut options = self.options.clone();
        // A pool that has begun to fill would order connects.
        (options.min_size, options.min_idle) = (0, 0);
        let mut core = Core::new(options, 0, self.clock);
        core.options = self.options.clone();
        core.orders.clear();
        core.life.end(State::Closed, Time::NEVER);
        (core.life.broken, core.life.settled) = (true, true);
        core.steady = Steady::new(&core.options);
        core.doomed = Some((u64::MAX, Failure::Broken));
        (core.counts, core.tickets) = (self.counts, self.tickets);
        core
    }

    /// Whether it stands in for another.
    pub(crate) fn is_broken(&self) -> bool {
        self.life.broken
    }
}
