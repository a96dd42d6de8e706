//! The short ways: the three turns of a queue in steady traffic, in which a caller lines up, a connection goes from hand to
//! hand, and a waiter picks up what it got. Each does what the long way would, and nothing else is to be done after
//! it; where that is not certain it does nothing, and the long way is taken. The tests' world takes both and
//! compares.

use super::queue::{Kind, Request};
use super::slot::NONE;
use super::{Core, SlotKey};

impl Core {
    /// The short way to a place in the queue, with a new ticket, for whoever needs no clock: only while the pool's own
    /// is on time. `None` if there may be more to it than waiting.
    #[inline(always)]
    pub(crate) fn line_up(&mut self, level: u8, wanted: u32, kind: Kind) -> Option<(u64, u32)> {
        let request = Request { level, ticket: self.tickets + 1, wanted, kind };
        if !self.on_time || !self.only_waits(&request) {
            return None;
        }
        self.tickets = request.ticket;
        Some((request.ticket, self.queue.join_last(level, request.ticket)))
    }

    /// What was granted to the waiter, if something was: the usual end of a wait.
    #[inline(always)]
    pub(crate) fn collect_grant(&mut self, w: u32) -> Option<SlotKey> {
        if self.life.broken {
            return None;
        }
        let first = self.queue.take_grant(w)?;
        self.counts.acquired += 1;
        Some(self.slots.key(first))
    }

    /// As [`Core::release`] with [`super::Verdict::Keep`], for the usual case where others wait: the connection goes on to the
    /// first of them, who is to be woken, and nothing else happens. `None` if there may be more to it.
    #[inline(always)]
    pub(crate) fn pass_on(&mut self, key: SlotKey) -> Option<u32> {
        if !self.passes_on() {
            return None;
        }
        let clock = self.clock;
        let slot = self.slots.find(key)?;
        if slot.generation != self.life.generation || slot.retires <= clock {
            return None;
        }
        let w = self.queue.grant_first(key.index, clock)?;
        debug_assert_eq!(
            slot.phase,
            super::slot::Phase::Lent,
            "only a lent connection is passed on"
        );
        slot.uses += 1;
        (slot.idle_since, slot.alive_at, slot.next) = (clock, clock, NONE);
        self.releases += 1;
        Some(w)
    }
}
