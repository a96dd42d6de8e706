//! What the core lends to the fast lane (`crate::lane`), and what it makes of it when the lane is closed. While it is
//! open, connections come and go without the core; nobody looks at the core meanwhile, and the clock stands still.

use super::slot::{NONE, Phase};
use super::{Core, SlotKey};
use crate::config::{Order, TestOnAcquire};
use crate::lane::{MOST, Terms};

/// The most connections that lie on the lane when it is opened: each opening and closing walks over them.
const AT_ONCE: usize = 64;

impl Core {
    /// Whether steady traffic needs nothing of the core: nobody waits, nothing is due, and no option asks for
    /// something at each acquire or release.
    pub(crate) fn may_open_lane(&self) -> bool {
        let options = &self.options;
        self.steady.calm
            && self.queue.is_empty()
            && !self.has_orders()
            && !self.resting
            && !self.clock_is_late()
            && self.slots.len() <= MOST
            && options.order == Order::Lifo
            && options.test_on_acquire != TestOnAcquire::Always
            && options.max_uses.get() == usize::MAX
            && options.max_idle.get() >= options.max_size.get()
    }

    /// How many slots the lane must have room for.
    pub(crate) fn lane_slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms { generation: self.life.generation, clock: self.clock }
    }

    /// When this connection's lifetime ends, and of which generation it is.
    pub(crate) fn term_of(&self, key: SlotKey) -> Terms {
        let slot = &self.slots[key.index];
        Terms { generation: slot.generation, clock: slot.retires }
    }

    /// Takes the connections that were given back last out of the idle list. Those that `min_idle` keeps stay, so
    /// that taking one of them makes another.
    pub(crate) fn load_lane(&mut self) -> usize {
        debug_assert!(self.laned.is_empty(), "a lane is closed before it is opened again");
        let mut index = self.idle.hottest();
        while index != NONE
            && self.laned.len() < AT_ONCE
            && self.idle.len() > self.options.min_idle
            && self.slots[index].phase == Phase::Idle
            && !self.needs_test(index, 0)
        {
            let colder = self.slots[index].prev;
            self.take_idle(index);
            self.slots[index].phase = Phase::Laned;
            self.laned.push(index);
            index = colder;
        }
        self.laned.len()
    }

    /// The nth of those, counted from the one that was given back last.
    pub(crate) fn laned(&self, n: usize) -> SlotKey {
        self.slots.key(self.laned[n])
    }

    /// This connection was used so many times more.
    pub(crate) fn used(&mut self, index: u32, times: u32) {
        self.slots[index].uses += times as usize;
    }

    /// The lane was closed. `stack` lay on it, the hottest first, each with whether it came back meanwhile; `pops`
    /// is how often one was taken. `lent` is told which ones are still out.
    pub(crate) fn unload_lane(
        &mut self,
        stack: &[(u32, bool)],
        pops: u64,
        mut lent: impl FnMut(u32),
    ) {
        let lay_there = self.laned.len();
        let since = self.clock;
        for &(index, back) in stack.iter().rev() {
            let slot = &mut self.slots[index];
            if slot.phase == Phase::Lent {
                self.phases.lent -= 1;
            }
            slot.phase = Phase::Idle;
            if back {
                (slot.idle_since, slot.alive_at) = (since, since);
            }
            self.idle.push_hot(&mut self.slots, index);
        }
        let mut laned = std::mem::take(&mut self.laned);
        for index in laned.drain(..) {
            if self.slots[index].phase == Phase::Laned {
                self.slots[index].phase = Phase::Lent;
                self.phases.lent += 1;
                lent(index);
            }
        }
        self.laned = laned;
        self.counts.acquired += pops;
        self.counts.hits += pops;
        self.releases += pops + stack.len() as u64 - lay_there as u64;
    }
}
