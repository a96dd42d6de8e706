//! Sharing: how several borrowers get and give back one connection (P-32). The connection counts once, as
//! lent; while sharers come and go it stays where it is, and only its last sharer's return is a release.

use super::lend::Look;
use super::slot::Phase;
use super::{Core, SlotKey};
use crate::stats::CloseReason;
use crate::time::Time;

impl Core {
    /// Lends a share of a connection, if there is one and nobody is before the caller. An idle connection is
    /// taken only when no shared one has room: packing leaves the others to borrowers of their own, and to
    /// rest.
    pub(crate) fn share_hit(&mut self, level: u8, ticket: u64, look: Look) -> Option<SlotKey> {
        if !self.may_hit(level, ticket, look.again) {
            return None;
        }
        let index = match self.joinable() {
            Some(index) => {
                self.shares.join(&mut self.slots, index);
                index
            }
            None => {
                let index = self.pick()?;
                if !look.untested && self.needs_test(index, ticket) {
                    return None;
                }
                self.take_idle(index);
                self.begin_share(index);
                index
            }
        };
        self.count_hit();
        Some(self.slots.key(index))
    }

    /// The shared connection that a new sharer joins. Those that have retired or are of an old generation
    /// leave the lists here, when somebody would join them.
    pub(super) fn joinable(&mut self) -> Option<u32> {
        while let Some(index) = self.shares.least() {
            if self.slots[index].sharers as usize >= self.options.max_sharers {
                return None;
            }
            match self.reason_to_end(index) {
                Some(reason) => self.call_last(index, reason),
                None => return Some(index),
            }
        }
        None
    }

    /// A connection that is in no list and no count gets its first sharer.
    pub(super) fn begin_share(&mut self, index: u32) {
        self.slots[index].phase = Phase::Shared;
        self.phases.lent += 1;
        self.shares.join(&mut self.slots, index);
    }

    /// A waiter gets a share of a connection that has room.
    pub(super) fn grant_share(&mut self, w: u32, index: u32) {
        self.shares.join(&mut self.slots, index);
        self.tell_granted(w, index);
    }

    /// No new sharers for this connection; it closes with its last.
    fn call_last(&mut self, index: u32, reason: CloseReason) {
        if self.slots[index].last_call.is_none() {
            self.shares.delist(&mut self.slots, index);
            self.slots[index].last_call = Some(reason);
        }
    }

    /// A sharer gives its share back; `close` says why the connection must take no new one. Returns false if
    /// the connection is no longer the pool's.
    pub(crate) fn unshare(&mut self, key: SlotKey, close: Option<CloseReason>) -> bool {
        if !self.slots.owns(key) {
            return false;
        }
        let index = key.index;
        debug_assert_eq!(self.slots[index].phase, Phase::Shared, "only a share is given back");
        self.count_release();
        let clock = self.clock;
        let slot = &mut self.slots[index];
        slot.uses += 1;
        slot.alive_at = clock;
        if let Some(reason) = close {
            self.call_last(index, reason);
        }
        self.leave_share(index);
        self.pump_unless_quiet();
        true
    }

    /// One sharer less; after the last the connection comes back.
    pub(super) fn leave_share(&mut self, index: u32) {
        if self.shares.leave(&mut self.slots, index) > 0 {
            return;
        }
        self.phases.lent -= 1;
        let since = if self.clock_is_late() { Time::NEVER } else { self.clock };
        self.slots[index].idle_since = since;
        match self.slots[index].last_call.take() {
            Some(reason) => self.begin_close(index, reason),
            None => self.come_back(index, false),
        }
    }

    /// A share that was lent just now is of a dead connection: it was no acquire.
    pub(crate) fn share_found_dead(&mut self, key: SlotKey, hit: bool) -> bool {
        self.counts.acquired -= 1;
        self.counts.hits -= u64::from(hit);
        self.unshare(key, Some(CloseReason::Died))
    }

    /// How many borrowers share this connection.
    pub(crate) fn sharers(&self, key: SlotKey) -> usize {
        if self.slots.owns(key) { self.slots[key.index].sharers as usize } else { 0 }
    }
}
