//! The slots: one for each connection that exists or is being made, found by index. A slot's `id`
//! is new for every connection, so that an index kept for too long is recognised ([`SlotKey`]).
//!
//! Free slots form a list through `next`; idle ones a list through `prev` and `next` (`list.rs`), and so do
//! shared ones (`shares.rs`); slots granted to one waiter form a chain through `next`.

use crate::stats::CloseReason;
use crate::time::Time;

/// "No slot" and "no waiter" in every linked list of the core.
pub(crate) const NONE: u32 = u32::MAX;

/// Index of a slot together with the connection that the caller means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotKey {
    pub(crate) index: u32,
    pub(crate) id: u64,
}

/// What a slot's connection is doing. `Free` and `Closing` aside, each phase has its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// No connection: the slot is in the free list.
    Free,
    /// A connect is under way.
    Connecting,
    /// In the idle list, ready to be lent.
    Idle,
    /// In the idle list, but out for a look (`is_closed`, `clear_where`): back in microseconds.
    Swept,
    /// On the fast lane, or lent from it: known when the lane is closed, and so before anything else happens.
    Laned,
    /// With one borrower, or granted to a waiter that has not come for it yet.
    Lent,
    /// With `sharers` borrowers at once, those included that have not come for it yet.
    Shared,
    /// Being tested before it is lent.
    Testing,
    /// Being tested because it rested for long: goes back to its place.
    Keepalive,
    /// Being reset after use.
    Resetting,
    /// Saying goodbye while it still counts (`FreeSlot::WhenClosed`).
    Closing,
}

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) phase: Phase,
    pub(crate) id: u64,
    /// The pool's generation when the connect began.
    pub(crate) generation: u64,
    pub(crate) born: Time,
    /// When its lifetime ends, jitter and spacing included.
    pub(crate) retires: Time,
    /// Counted in `leaving`: its replacement may be made already.
    pub(crate) leaving: bool,
    pub(crate) uses: usize,
    /// Borrowers that share it; 0 in every other phase.
    pub(crate) sharers: u32,
    /// Shared, but it takes no new sharer and closes with its last.
    pub(crate) last_call: Option<CloseReason>,
    /// [`Time::NEVER`] stands for "since the next tick", when it is not known how late it is.
    pub(crate) idle_since: Time,
    /// Last proof of life: made, tested or given back.
    pub(crate) alive_at: Time,
    /// Ticket of the waiter for which the last test was passed.
    pub(crate) verified_for: u64,
    /// Of a connect: the ramp's epoch at its start. Of a test or reset: the supply's epoch.
    pub(crate) epoch: u32,
    pub(crate) prev: u32,
    pub(crate) next: u32,
}

/// All slots and the list of the free ones.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    all: Vec<Slot>,
    free: u32,
    last_id: u64,
}

impl Slots {
    pub(crate) fn new() -> Slots {
        Slots { all: Vec::new(), free: NONE, last_id: 0 }
    }

    /// A slot for a new connection, in phase `Connecting`.
    pub(crate) fn take(&mut self, generation: u64, now: Time) -> SlotKey {
        self.last_id += 1;
        let slot = Slot {
            phase: Phase::Connecting,
            id: self.last_id,
            generation,
            born: now,
            retires: Time::NEVER,
            leaving: false,
            uses: 0,
            sharers: 0,
            last_call: None,
            idle_since: now,
            alive_at: now,
            verified_for: 0,
            epoch: 0,
            prev: NONE,
            next: NONE,
        };
        let index = match self.free {
            NONE => {
                self.all.push(slot);
                self.all.len() as u32 - 1
            }
            index => {
                self.free = self.all[index as usize].next;
                self.all[index as usize] = slot;
                index
            }
        };
        SlotKey { index, id: self.last_id }
    }

    /// Puts a slot into the free list. Only `Core::free_slot` calls this.
    pub(crate) fn give_back(&mut self, index: u32) {
        let free = self.free;
        let slot = &mut self[index];
        slot.phase = Phase::Free;
        slot.id = 0;
        slot.prev = NONE;
        slot.next = free;
        self.free = index;
    }

    /// Whether the slot still holds the connection that the key means.
    pub(crate) fn owns(&self, key: SlotKey) -> bool {
        self.all.get(key.index as usize).is_some_and(|slot| slot.id == key.id)
    }

    /// The slot, if it still holds that connection.
    #[inline(always)]
    pub(crate) fn find(&mut self, key: SlotKey) -> Option<&mut Slot> {
        self.all.get_mut(key.index as usize).filter(|slot| slot.id == key.id)
    }

    pub(crate) fn key(&self, index: u32) -> SlotKey {
        SlotKey { index, id: self[index].id }
    }

    /// Number of slots, free ones included: how far an index can go.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    #[cfg(any(test, debug_assertions))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        self.all.iter().enumerate().map(|(i, slot)| (i as u32, slot))
    }
}

impl std::ops::Index<u32> for Slots {
    type Output = Slot;

    fn index(&self, index: u32) -> &Slot {
        &self.all[index as usize]
    }
}

impl std::ops::IndexMut<u32> for Slots {
    fn index_mut(&mut self, index: u32) -> &mut Slot {
        &mut self.all[index as usize]
    }
}
