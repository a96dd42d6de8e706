//! The one way back: how a connection becomes available, and how a slot becomes free.
//! Both end in serving the first waiter before anything else.

use std::time::Duration;

use super::gate::Setback;
use super::queue::Failure;
use super::retire::Lifetime;
use super::slot::{NONE, Phase};
use super::{Core, Order, SlotKey};
use crate::config::{Bound, FreeSlot, OnConnectError, Timeout};
use crate::stats::CloseReason;
use crate::time::Time;

/// What is to become of a connection that its borrower gave back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    Reset,
    Close(CloseReason),
}

impl Core {
    /// A borrower gives its connection back. Returns false if it is no longer the pool's: then the
    /// caller closes it.
    #[inline]
    pub(crate) fn release(&mut self, key: SlotKey, verdict: Verdict) -> bool {
        if !self.slots.owns(key) {
            return false;
        }
        let index = key.index;
        debug_assert_eq!(
            self.slots[index].phase,
            Phase::Lent,
            "only a lent connection is released"
        );
        self.phases.lent -= 1;
        self.count_release();
        let clock = self.clock;
        let since = if self.clock_is_late() { Time::NEVER } else { clock };
        let slot = &mut self.slots[index];
        slot.uses += 1;
        slot.idle_since = since;
        slot.alive_at = clock;
        match verdict {
            Verdict::Keep => self.come_back(index, false),
            Verdict::Close(reason) => self.begin_close(index, reason),
            Verdict::Reset => match self.reason_to_close(index) {
                Some(reason) => self.begin_close(index, reason),
                None => {
                    self.slots[index].phase = Phase::Resetting;
                    self.phases.resetting += 1;
                    self.expect_return(index);
                    self.orders.push(Order::Reset(key));
                }
            },
        }
        self.pump_unless_quiet();
        true
    }

    #[inline]
    pub(super) fn count_release(&mut self) {
        self.releases += 1;
        if self.resting {
            self.stir();
        }
    }

    /// Pumps, unless all that a release brought was a connection that rests again or has a new borrower.
    #[inline]
    pub(super) fn pump_unless_quiet(&mut self) {
        if !self.orders.is_empty() || !self.nothing_follows() {
            self.pump();
        }
    }

    /// A connect succeeded. Returns false if nobody counts on it any more: then the caller closes it.
    pub(crate) fn connected(&mut self, key: SlotKey, took: Duration, now: Time) -> bool {
        self.tick(now);
        if !self.slots.owns(key) {
            return false;
        }
        self.gate.succeeded(took, now);
        self.enter(key.index, now);
        true
    }

    /// Room for a connection that somebody else made, if there is any.
    pub(crate) fn make_room(&mut self, now: Time) -> Option<SlotKey> {
        self.tick(now);
        if !self.life.keeps_minimums() || self.size() >= self.limit() {
            return None;
        }
        self.phases.connecting += 1;
        self.counts.connects += 1;
        Some(self.slots.take(self.life.generation, now))
    }

    /// A connection that somebody else made enters.
    pub(crate) fn added(&mut self, key: SlotKey, now: Time) -> bool {
        self.tick(now);
        let owned = self.slots.owns(key);
        if owned {
            self.enter(key.index, now);
        }
        owned
    }

    fn enter(&mut self, index: u32, now: Time) {
        self.phases.connecting -= 1;
        self.counts.connected += 1;
        let slot = &mut self.slots[index];
        (slot.born, slot.idle_since, slot.alive_at) = (now, now, now);
        if let Some(lifetime) = self.lifetime() {
            let draw = self.draw.unit();
            self.slots[index].retires = self.retirements.plan(index, now, lifetime, draw);
        }
        self.come_back(index, true);
        self.pump();
    }

    fn lifetime(&self) -> Option<Lifetime> {
        let Timeout::After(longest) = self.options.max_lifetime else { return None };
        let jitter = longest.mul_f64(f64::from(self.options.lifetime_jitter_percent) / 100.0);
        let among = match self.options.max_size {
            Bound::At(n) => n,
            Bound::Unlimited => self.size() + 1,
        };
        Some(Lifetime { longest, jitter, gap: jitter / among as u32 })
    }

    /// A connect failed: `setback` says how bad that is.
    pub(crate) fn connect_failed(&mut self, key: SlotKey, setback: Setback, now: Time) {
        self.tick(now);
        if !self.slots.owns(key) {
            return;
        }
        let failures = &mut self.counts.connect_failures;
        *match setback {
            Setback::Transient => &mut failures.transient,
            Setback::Permanent => &mut failures.permanent,
            Setback::Overload => &mut failures.overload,
        } += 1;
        let attempted = self.size();
        let epoch = self.slots[key.index].epoch;
        self.phases.connecting -= 1;
        self.free_slot(key.index);
        let sizes = (self.established(), attempted);
        self.gate.failed(setback, epoch, sizes, &self.options, &mut self.draw, now);
        let everybody = match (setback, self.options.on_connect_error) {
            (Setback::Overload, _) => false,
            (Setback::Permanent, _) | (_, OnConnectError::FailAll) => true,
            (_, OnConnectError::FailFirst) => {
                self.fail_first(Failure::Connect);
                false
            }
            (_, OnConnectError::Retry) => self.options.fail_fast && self.established() == 0,
        };
        if everybody {
            self.doom((self.tickets, Failure::Connect));
        }
        self.pump();
    }

    /// Everybody with a ticket up to this one fails, slice by slice; an end of the pool dooms for good.
    fn doom(&mut self, (last, failure): (u64, Failure)) {
        if !self.life.is_closed() {
            self.doomed = Some((last, failure));
        }
    }

    fn fail_first(&mut self, failure: Failure) {
        if let Some(w) = self.queue.first() {
            self.queue.fail(w, failure);
            self.orders.push(Order::Wake(w));
        }
    }

    /// A test before lending, or of a resting connection, has ended.
    pub(crate) fn tested(&mut self, key: SlotKey, passed: bool, now: Time) -> bool {
        self.tick(now);
        if passed {
            self.counts.tests_passed += 1;
        } else {
            self.counts.tests_failed += 1;
        }
        if !self.slots.owns(key) {
            return false;
        }
        let index = key.index;
        self.stop_expecting(index);
        if passed {
            self.slots[index].alive_at = now;
        }
        self.date(index, now);
        if self.slots[index].phase == Phase::Keepalive {
            self.phases.keepalive -= 1;
            if self.slots[index].generation == self.life.generation {
                self.phases.keepalive_idle -= 1;
            }
            self.settle_in_place(index, (!passed).then_some(CloseReason::TestFailed));
        } else {
            self.phases.testing -= 1;
            if passed {
                self.come_back(index, true);
            } else {
                self.begin_close(index, CloseReason::TestFailed);
            }
        }
        self.pump();
        true
    }

    /// A reset has ended.
    pub(crate) fn was_reset(&mut self, key: SlotKey, passed: bool, now: Time) -> bool {
        self.tick(now);
        if !self.slots.owns(key) {
            return false;
        }
        self.phases.resetting -= 1;
        self.stop_expecting(key.index);
        if passed {
            let slot = &mut self.slots[key.index];
            (slot.alive_at, slot.idle_since) = (now, now);
            self.come_back(key.index, false);
        } else {
            self.begin_close(key.index, CloseReason::ResetFailed);
        }
        self.pump();
        true
    }

    fn stop_expecting(&mut self, index: u32) {
        if self.slots[index].epoch == self.supply_epoch {
            self.returning -= 1;
        }
    }

    /// A connection left its phase in good order. `fresh`: it was made or tested just now, so the waiter
    /// that gets it needs no test.
    #[inline]
    pub(super) fn come_back(&mut self, index: u32, fresh: bool) {
        if let Some(reason) = self.reason_to_close(index) {
            self.begin_close(index, reason);
            return;
        }
        if self.life.serves() {
            if let Some(w) = self.queue.first() {
                let request = self.queue[w].request;
                if fresh {
                    self.slots[index].verified_for = request.ticket;
                }
                if request.wanted == 1 {
                    if self.needs_test(index, request.ticket) {
                        self.begin_test(index);
                    } else {
                        self.grant(w, index);
                    }
                    return;
                }
            }
        }
        self.rest(index);
    }

    /// A connection that nobody waits for goes to the idle list.
    fn rest(&mut self, index: u32) {
        self.slots[index].phase = Phase::Idle;
        let coldest = self.idle.coldest();
        if coldest != NONE && self.idle_since(index) < self.idle_since(coldest) {
            self.idle.push_cold(&mut self.slots, index);
        } else {
            self.idle.push_hot(&mut self.slots, index);
        }
        if self.idle.len() > self.options.max_idle.get() && self.queue.is_empty() {
            self.close_coldest(CloseReason::Surplus);
        }
    }

    /// Why a connection that comes back must not be lent again, if so.
    #[inline]
    fn reason_to_close(&self, index: u32) -> Option<CloseReason> {
        if self.steady.calm {
            return self.reason_to_end(index);
        }
        // It left its phase's count already.
        let over = || (self.standing() >= self.limit()).then_some(CloseReason::Shrunk);
        self.reason_to_end(index).or_else(over)
    }

    /// Why a connection must not be lent again whatever the pool's size, if so.
    #[inline]
    pub(super) fn reason_to_end(&self, index: u32) -> Option<CloseReason> {
        let slot = &self.slots[index];
        if self.life.is_closed() {
            Some(CloseReason::PoolClosed)
        } else if slot.generation != self.life.generation {
            Some(CloseReason::Cleared)
        } else if slot.uses + slot.sharers as usize >= self.options.max_uses.get() {
            Some(CloseReason::MaxUses)
        } else if slot.retires <= self.clock {
            Some(CloseReason::MaxLifetime)
        } else {
            None
        }
    }

    /// A connection in the idle list was looked at in its place: it rests on, or it closes.
    pub(super) fn settle_in_place(&mut self, index: u32, dead: Option<CloseReason>) {
        let slot = &mut self.slots[index];
        let stale = slot.generation != self.life.generation;
        slot.phase = Phase::Idle;
        if stale {
            self.stale.remove(&mut self.slots, index);
            let reason =
                if self.life.is_closed() { CloseReason::PoolClosed } else { CloseReason::Cleared };
            self.begin_close(index, reason);
        } else if let Some(reason) = dead {
            self.take_idle(index);
            self.begin_close(index, reason);
        }
    }

    /// Closes the idle connection that has rested longest; false if all are out for a look.
    pub(super) fn close_coldest(&mut self, reason: CloseReason) -> bool {
        let Some(index) = self.idle.pick_cold(&self.slots) else { return false };
        self.take_idle(index);
        self.begin_close(index, reason);
        true
    }

    /// The connection, which is in no list and no count any more, is to be closed.
    pub(super) fn begin_close(&mut self, index: u32, reason: CloseReason) {
        self.counts.closes.add(reason);
        self.closing += 1;
        let key = self.slots.key(index);
        self.orders.push(Order::Close { key, reason });
        match self.options.free_slot {
            FreeSlot::AtClose => self.free_slot(index),
            FreeSlot::WhenClosed => {
                self.forget_retirement(index);
                self.slots[index].phase = Phase::Closing;
                self.phases.closing += 1;
            }
        }
    }

    /// A close has ended, well or not.
    pub(crate) fn closed(&mut self, key: SlotKey, failed: bool) {
        self.counts.close_failures += u64::from(failed);
        if self.life.broken {
            return;
        }
        self.closing -= 1;
        if self.slots.owns(key) && self.slots[key.index].phase == Phase::Closing {
            self.phases.closing -= 1;
            self.free_slot(key.index);
        }
        self.pump();
    }

    /// A borrower keeps its connection for good. Returns false if it was not the pool's any more.
    pub(crate) fn detach(&mut self, key: SlotKey) -> bool {
        if !self.slots.owns(key) {
            return false;
        }
        self.phases.lent -= 1;
        self.counts.detached += 1;
        self.free_slot(key.index);
        self.pump();
        true
    }

    /// The one way in which a slot becomes free.
    pub(super) fn free_slot(&mut self, index: u32) {
        self.forget_retirement(index);
        self.slots.give_back(index);
    }

    fn forget_retirement(&mut self, index: u32) {
        let slot = &mut self.slots[index];
        let at = std::mem::replace(&mut slot.retires, Time::NEVER);
        if std::mem::take(&mut slot.leaving) {
            self.leaving -= 1;
        }
        if at != Time::NEVER {
            self.retirements.cancel(index, at);
        }
    }
}
