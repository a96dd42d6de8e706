//! What time asks for. The shell calls [`Core::upkeep`] when the time it returned last has come (or when
//! an [`Order::Kick`] told it to), and sweeps the idle connections when one is due.

use std::time::Duration;

use super::queue::Request;
use super::slot::{NONE, Phase};
use super::{Core, Order, SlotKey};
use crate::config::Timeout;
use crate::stats::{CloseReason, State};
use crate::time::Time;

/// The coarse clock's step while connections come and go.
const TICK: Duration = Duration::from_millis(100);
/// A pool rests after this many ticks without an acquire or a release. Ten make a second: then every
/// idle connection is known to have rested for the default `IfIdleFor`.
const QUIET_TICKS: u32 = 10;
/// A grant that nobody polls for this long goes to the next waiter (P-5).
const STALE_GRANT: Duration = Duration::from_secs(1);
/// A replacement is made this long before a lifetime ends, at most.
const LEAD_MAX: Duration = Duration::from_secs(10);

impl Core {
    /// Does what is due and returns when to look again.
    pub(crate) fn upkeep(&mut self, now: Time) -> Time {
        self.tick(now);
        self.date_the_hottest(now);
        // Nothing that the pump arms may kick the upkeep that runs it.
        self.armed = Time::ZERO;
        self.on_time = false;
        let wanted = self.demand();
        self.gate.raise(self.size(), wanted, &self.options, now);
        if self.look_again <= now {
            // Tests and resets that were counted on took too long: no longer.
            self.supply_epoch = self.supply_epoch.wrapping_add(1);
            self.returning = 0;
        }
        self.flow.count(self.releases, self.gate.connect_time(), now);
        self.take_stale_grants(now);
        self.retire(now);
        self.time_out_idle(now);
        self.pump();
        self.armed = self.next_look(now);
        self.on_time = !self.resting;
        self.armed
    }

    /// Whether a drain or close has waited long enough.
    pub(crate) fn is_overrun(&self, now: Time) -> bool {
        let unsettled = self.life.state() >= State::Draining && !self.life.settled;
        // Without a runtime nobody is there to see the deadline pass.
        unsettled && (self.life.deadline <= now || self.life.runtime_gone)
    }

    /// Whether the clock has stood still while the pool rested, and the upkeep has not looked since.
    pub(super) fn clock_is_late(&self) -> bool {
        self.armed == Time::ZERO
    }

    pub(super) fn idle_since(&self, index: u32) -> Time {
        self.slots[index].idle_since.min(self.clock)
    }

    /// What came back while the clock was late came back just now.
    pub(super) fn date(&mut self, index: u32, now: Time) {
        let since = &mut self.slots[index].idle_since;
        *since = (*since).min(now);
    }

    fn date_the_hottest(&mut self, now: Time) {
        let mut index = self.idle.hottest();
        while index != NONE && self.slots[index].idle_since == Time::NEVER {
            self.date(index, now);
            index = self.slots[index].prev;
        }
    }

    fn take_stale_grants(&mut self, now: Time) {
        if now < Time::ZERO + STALE_GRANT {
            return;
        }
        while !self.queue.is_empty() {
            let Some(w) = self.queue.stale_grant(now - STALE_GRANT) else { return };
            let Request { kind, ticket, .. } = self.queue[w].request;
            let first = self.queue.park(w);
            self.counts.stale_grants += 1;
            self.orders.push(Order::Tell { ticket });
            self.ungrant(first, kind);
        }
    }

    /// Marks the connections whose end is near, so that the gate can replace them in time, and closes
    /// the idle ones whose end has come. Lent ones close when they come back.
    fn retire(&mut self, now: Time) {
        let lead = self.options.upkeep_interval.saturating_mul(2) + self.gate.connect_time() * 4;
        let near: Vec<u32> = self
            .retirements
            .due(now + lead.min(LEAD_MAX))
            .filter(|&index| !self.slots[index].leaving)
            .collect();
        for index in near {
            self.slots[index].leaving = true;
            self.leaving += 1;
        }
        let over: Vec<u32> = self
            .retirements
            .due(now)
            .filter(|&index| self.slots[index].phase == Phase::Idle)
            .filter(|&index| self.slots[index].generation == self.life.generation)
            .collect();
        for index in over {
            self.take_idle(index);
            self.begin_close(index, CloseReason::MaxLifetime);
        }
    }

    /// Closes what has rested for too long, the coldest first.
    fn time_out_idle(&mut self, now: Time) {
        loop {
            let index = self.idle.coldest();
            if index == NONE || self.slots[index].phase != Phase::Idle {
                return;
            }
            let rested = now.since(self.slots[index].idle_since);
            let above_minimums =
                self.size() > self.options.min_size && self.idle.len() > self.options.min_idle;
            let soft = self.options.idle_timeout.get() <= rested && above_minimums;
            let hard = self.options.idle_timeout_hard.get() <= rested;
            // While somebody waits for several at once, what rests is on its way to it.
            if !(soft && self.queue.is_empty() || hard) {
                return;
            }
            self.take_idle(index);
            self.begin_close(index, CloseReason::IdleTimeout);
        }
    }

    /// The clock ticks while connections come and go; a resting pool looks once in an interval, an
    /// empty one never.
    fn next_look(&mut self, now: Time) -> Time {
        let activity = self.counts.acquired + self.releases;
        let moved = activity != self.seen_activity;
        self.seen_activity = activity;
        let p = &self.phases;
        let under_way = p.connecting + p.testing + p.resetting + p.keepalive + self.closing > 0;
        let busy = moved || under_way || !self.queue.is_empty();
        self.quiet_ticks = if busy { 0 } else { self.quiet_ticks.saturating_add(1) };
        self.resting = self.quiet_ticks >= QUIET_TICKS;
        let tick = if self.resting {
            if self.size() == 0 { Time::NEVER } else { now + self.options.upkeep_interval }
        } else {
            now + TICK.min(self.options.upkeep_interval)
        };
        tick.min(self.look_again).min(self.flow.look).min(self.life.deadline)
    }

    /// Somebody came or went while the pool rested: the clock starts again.
    pub(super) fn stir(&mut self) {
        self.resting = false;
        self.quiet_ticks = 0;
        self.armed = Time::ZERO;
        self.on_time = false;
        self.orders.push(Order::Kick);
    }

    /// Whether the idle connections are to be looked at now.
    pub(crate) fn sweep_is_due(&mut self, now: Time) -> bool {
        let due = self.next_sweep <= now;
        if due {
            self.next_sweep = now + self.options.upkeep_interval;
        }
        due
    }

    /// The next idle connection from slot `cursor` on, out for a look; it keeps its place in the list.
    pub(crate) fn sweep_next(&mut self, cursor: &mut u32) -> Option<SlotKey> {
        while (*cursor as usize) < self.slots.len() {
            let index = *cursor;
            *cursor += 1;
            let slot = &mut self.slots[index];
            if slot.phase == Phase::Idle && slot.generation == self.life.generation {
                slot.phase = Phase::Swept;
                return Some(self.slots.key(index));
            }
        }
        None
    }

    /// A swept connection comes back: `dead` says why it must close. Returns false if it is no longer
    /// the pool's.
    pub(crate) fn swept(&mut self, key: SlotKey, dead: Option<CloseReason>) -> bool {
        if !self.slots.owns(key) {
            return false;
        }
        let index = key.index;
        self.settle_in_place(index, dead);
        if self.slots.owns(key)
            && self.slots[index].phase == Phase::Idle
            && self.keepalive_is_due(index)
        {
            self.slots[index].phase = Phase::Keepalive;
            self.phases.keepalive += 1;
            self.phases.keepalive_idle += 1;
            self.expect_return(index);
            self.orders.push(Order::Test(key));
        }
        self.pump();
        true
    }

    /// At most an eighth of the idle connections (and two) are tested at once, so that upkeep never
    /// takes the pool's capacity away.
    fn keepalive_is_due(&self, index: u32) -> bool {
        let Timeout::After(interval) = self.options.keepalive else { return false };
        self.life.keeps_minimums()
            && self.clock.since(self.slots[index].alive_at) >= interval
            && self.phases.keepalive < (self.idle.len() / 8).max(2)
    }
}
