//! The pump: after every command that may have freed something, it ends what must end, serves who waits,
//! connects for those who cannot be served, and says when to look again. What walks over many waiters
//! or connections does so in slices, so that the lock is never held for long.

use super::gate::Counters;
use super::queue::Failure;
use super::{Core, Order};
use crate::stats::{CloseReason, State};
use crate::time::Time;

/// The most waiters or connections that one turn under the lock touches.
const SLICE: usize = 64;

impl Core {
    /// Does what the last command made possible.
    pub(crate) fn pump(&mut self) {
        let mut budget = SLICE;
        self.fail_doomed(&mut budget);
        self.close_stale(&mut budget);
        self.shrink(&mut budget);
        self.serve();
        self.trim(&mut budget);
        self.connect();
        self.settle();
        if budget == 0 {
            self.orders.push(Order::Again);
        }
        self.digest();
    }

    fn fail_doomed(&mut self, budget: &mut usize) {
        let Some((last, failure)) = self.doomed else { return };
        while *budget > 0 {
            let Some(w) = self.queue.first_up_to(last) else {
                // What a close dooms stays doomed: a parked waiter may still come back.
                if failure == Failure::Connect {
                    self.doomed = None;
                }
                return;
            };
            self.queue.fail(w, failure);
            self.orders.push(Order::Wake(w));
            *budget -= 1;
        }
    }

    fn close_stale(&mut self, budget: &mut usize) {
        let reason = match (self.life.runtime_gone, self.life.is_closed()) {
            (true, _) => CloseReason::RuntimeGone,
            (_, true) => CloseReason::PoolClosed,
            _ => CloseReason::Cleared,
        };
        while *budget > 0 {
            let Some(index) = self.stale.pick_cold(&self.slots) else { return };
            self.stale.remove(&mut self.slots, index);
            self.begin_close(index, reason);
            *budget -= 1;
        }
    }

    fn shrink(&mut self, budget: &mut usize) {
        while *budget > 0
            && self.standing() > self.limit()
            && self.close_coldest(CloseReason::Shrunk)
        {
            *budget -= 1;
        }
    }

    /// Closes what rests beyond `max_idle`; while somebody waits for several at once, it is on its way.
    fn trim(&mut self, budget: &mut usize) {
        while *budget > 0
            && self.idle.len() > self.options.max_idle.get()
            && self.queue.is_empty()
            && self.close_coldest(CloseReason::Surplus)
        {
            *budget -= 1;
        }
    }

    fn connect(&mut self) {
        let (wants, keeps) = (self.life.serves(), self.life.keeps_minimums());
        let wanted = if wants { self.demand() } else { 0 };
        let counters = Counters {
            wanted,
            coming: self.coming(wanted),
            idle: self.at_rest(),
            returning: self.returning,
            connecting: self.phases.connecting,
            size: self.size(),
            leaving: self.leaving,
            min_size: if keeps { self.options.min_size } else { 0 },
            min_idle: if keeps { self.options.min_idle.max(usize::from(self.seeking)) } else { 0 },
        };
        let plan = self.gate.plan(counters, &self.options, self.clock);
        for _ in 0..plan.connects {
            self.gate.started(self.clock, self.phases.connecting);
            let key = self.slots.take(self.life.generation, self.clock);
            self.slots[key.index].epoch = self.gate.epoch();
            self.phases.connecting += 1;
            self.counts.connects += 1;
            self.orders.push(Order::Connect(key));
        }
        self.look_again = plan.look_again;
        self.arm(plan.look_again.min(self.flow.look));
    }

    /// How many of those who want a connection will be served by releases before a connect could serve them.
    fn coming(&mut self, wanted: usize) -> usize {
        let supply = self.at_rest() + self.returning + self.phases.connecting;
        let room = self.limit().saturating_sub(self.size());
        let waiters = if room > 0 { wanted.saturating_sub(supply) } else { 0 };
        let (lent, connect) = (self.phases.lent > 0, self.gate.connect_time());
        self.flow.serves(waiters, lent, self.releases, connect, self.clock)
    }

    /// Says so when a drain or a close has reached its end.
    fn settle(&mut self) {
        if self.life.settled {
            return;
        }
        let settled = match self.life.state() {
            State::Running | State::Paused => false,
            State::Draining => self.queue.waiting() == 0 && self.phases.lent == 0,
            State::Closed => self.queue.waiting() == 0 && self.size() == 0 && self.closing == 0,
        };
        if settled {
            self.end_settled();
        }
    }

    pub(super) fn end_settled(&mut self) {
        self.life.settled = true;
        self.life.deadline = Time::NEVER;
        self.announce();
        // A closed pool needs no upkeep any more.
        self.orders.push(Order::Kick);
    }
}
