//! The invariants, checked after every step of the tests and, in debug builds, after every command
//! of a running pool.

use super::slot::{NONE, Phase};
use super::{Core, Failure, Kind};
use crate::config::{FreeSlot, MOST_SHARERS};
use crate::stats::State;
use crate::time::Time;

impl Core {
    /// Whether a check after every command costs little.
    #[cfg(debug_assertions)]
    pub(crate) fn is_small(&self) -> bool {
        self.slots.len() + self.queue.waiting() < 100
    }

    /// Panics with a sentence if an invariant is broken. Call it when no [`super::Order::Again`] is open.
    pub(crate) fn check(&self) {
        self.check_counts();
        self.check_lists();
        self.check_service();
        self.check_end();
        self.check_steady();
    }

    fn check_counts(&self) {
        let count = |phase| self.slots.iter().filter(|(_, s)| s.phase == phase).count();
        let p = &self.phases;
        assert_eq!(p.connecting, count(Phase::Connecting), "connecting is what connects");
        assert_eq!(
            p.lent,
            count(Phase::Lent) + count(Phase::Shared),
            "using is what is lent, to one or to sharers"
        );
        assert_eq!(p.testing, count(Phase::Testing), "testing is what is tested");
        assert_eq!(p.keepalive, count(Phase::Keepalive), "keepalive is what is kept alive");
        let current = |s: &super::slot::Slot| s.generation == self.life.generation;
        let kept = self.slots.iter().filter(|(_, s)| s.phase == Phase::Keepalive && current(s));
        assert_eq!(p.keepalive_idle, kept.count(), "and some of it is in the idle list");
        assert_eq!(p.resetting, count(Phase::Resetting), "resetting is what is reset");
        assert_eq!(p.closing, count(Phase::Closing), "closing is what closes and counts");
        let resting = count(Phase::Idle) + count(Phase::Swept) + count(Phase::Keepalive);
        assert_eq!(self.idle.len() + self.stale.len(), resting, "idle is what rests");
        assert_eq!(self.size(), self.slots.len() - count(Phase::Free), "size is what is not free");
        let s = self.status();
        let counted = if self.options.free_slot == FreeSlot::WhenClosed { p.closing } else { 0 };
        assert_eq!(
            s.size - p.closing + counted,
            s.available + s.using + s.connecting + s.testing + s.resetting + counted,
            "the counts of status add up"
        );
        assert!(self.returning <= p.testing + p.keepalive + p.resetting, "returns are under way");
        let leaving =
            self.slots.iter().filter(|(_, s)| s.phase != Phase::Free && s.leaving).count();
        assert_eq!(self.leaving, leaving, "leaving is what leaves");
        assert!(self.closing >= p.closing, "closes that count are closes");
    }

    fn check_lists(&self) {
        for (list, current, name) in [(&self.idle, true, "idle"), (&self.stale, false, "stale")] {
            let (mut index, mut before, mut n) = (list.coldest(), NONE, 0);
            while index != NONE {
                let slot = &self.slots[index];
                assert_eq!(slot.prev, before, "the {name} list is linked both ways");
                assert_eq!(
                    slot.generation == self.life.generation,
                    current,
                    "nothing of an old generation is in the idle list, nothing new in the stale one"
                );
                (before, index, n) = (index, slot.next, n + 1);
            }
            assert_eq!((list.hottest(), list.len()), (before, n), "the {name} list has its ends");
        }
        self.check_shares();
        let order = self.queue.in_order();
        assert_eq!(order.len(), self.queue.waiting(), "waiting is who waits");
        let places: Vec<_> = order
            .iter()
            .map(|&w| (self.queue[w].request.level, self.queue[w].request.ticket))
            .collect();
        assert!(places.is_sorted(), "waiters stand by level and ticket: {places:?}");
        let (own, share): (Vec<u32>, Vec<u32>) =
            order.iter().partition(|&&w| self.queue[w].request.kind == Kind::Exclusive);
        let wanted: usize = own.iter().map(|&w| self.queue[w].request.wanted as usize).sum();
        assert_eq!(wanted, self.queue.wanted(), "wanted is what the waiters want");
        assert_eq!(share.len(), self.queue.sharing(), "sharing is who would share");
    }

    fn check_shares(&self) {
        let listed = self.shares.check(&self.slots);
        let mut sharers = 0;
        for (index, slot) in self.slots.iter() {
            sharers += slot.sharers as usize;
            assert_eq!(
                slot.sharers > 0,
                slot.phase == Phase::Shared,
                "a connection has sharers or one borrower, never both"
            );
            assert!(slot.sharers as usize <= MOST_SHARERS, "never more sharers than may be");
            let takes_more = slot.phase == Phase::Shared && slot.last_call.is_none();
            assert_eq!(takes_more, listed.contains(&index), "who takes sharers is listed");
        }
        assert_eq!(sharers, self.shares.sharers(), "sharers are counted");
    }

    fn check_service(&self) {
        let over = self.standing() > self.limit();
        let away = self
            .slots
            .iter()
            .filter(|(_, s)| s.phase == Phase::Swept && s.generation == self.life.generation);
        let (at_rest, swept) = (self.at_rest(), away.count());
        assert!(!over || at_rest == swept, "nothing rests above the limit");
        let Some(head) = self.queue.first() else { return };
        if !self.life.serves() || over {
            return;
        }
        let request = self.queue[head].request;
        let wanted = request.wanted as usize;
        assert!(wanted <= self.options.max_size.get(), "nobody waits for what cannot be");
        if request.kind == Kind::Shared {
            let least = self.shares.least();
            let least = least.filter(|&i| self.reason_to_end(i).is_none());
            assert!(
                least.is_none_or(|i| self.slots[i].sharers as usize >= self.options.max_sharers),
                "no sharer waits at the head while a shared connection has room"
            );
        }
        assert!(
            at_rest - swept < wanted || self.returning > 0,
            "waiters and idle connections rest together only while the head wants more"
        );
        let unmet = self.demand() > at_rest;
        if unmet && self.size() < self.limit() {
            assert!(
                self.phases.connecting > 0 || self.look_again.min(self.flow.look) != Time::NEVER,
                "waiters and room rest together only with a connect under way or a timer armed"
            );
            let look = self.look_again.min(self.flow.look);
            assert!(
                look == Time::NEVER || self.armed <= look,
                "the upkeep knows when to look again"
            );
        }
    }

    fn check_end(&self) {
        if self.life.is_closed() {
            assert_eq!(self.queue.waiting(), 0, "nobody waits in a closed pool");
            assert!(
                matches!(
                    self.doomed,
                    Some((u64::MAX, Failure::Closed | Failure::RuntimeGone | Failure::Broken))
                ),
                "whoever comes back to a closed pool fails"
            );
            assert_eq!(self.stale.len() + self.idle.len(), self.out_for_a_look(), "nothing rests");
        }
        if self.life.state() == State::Closed && self.life.settled {
            assert_eq!(self.size(), 0, "a pool whose close has settled is empty");
        }
    }

    fn out_for_a_look(&self) -> usize {
        let out = |phase| matches!(phase, Phase::Swept | Phase::Keepalive);
        self.slots.iter().filter(|(_, s)| out(s.phase)).count()
    }

    /// What the digest says must be so.
    fn check_steady(&self) {
        let (size, limit) = (self.size(), self.limit());
        assert!(!self.steady.calm || self.is_calm(self.standing(), limit), "the digest says calm");
        let on_time = !self.resting && !self.clock_is_late();
        assert!(!self.on_time || on_time, "the clock is said to be on time");
        let full = size >= limit && !self.gate.is_overloaded();
        assert!(!self.steady.full || full || !self.steady.calm, "the digest says full");
    }
}
