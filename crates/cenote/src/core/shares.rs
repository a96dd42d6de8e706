//! Shared connections that take sharers, in one list from the least shared to the most. Those with equally
//! many sharers form a group, and each group knows its ends; a connection that gets or loses one sharer only
//! crosses the border to the next group, which usually moves nothing. So every operation is O(1), and among
//! equals the one that was joined or left longest ago comes first.

use super::slot::{NONE, Slots};

#[derive(Clone, Copy, Debug)]
struct Group {
    first: u32,
    last: u32,
}

const EMPTY: Group = Group { first: NONE, last: NONE };

#[derive(Clone, Debug)]
pub(crate) struct Shares {
    /// The least shared connection.
    first: u32,
    /// By number of sharers; nobody is in the group of zero.
    groups: Vec<Group>,
    /// Connections in the list, and their sharers.
    listed: usize,
    listed_sharers: usize,
    /// Sharers of all connections, those that take no new one included.
    sharers: usize,
}

impl Shares {
    pub(crate) fn new() -> Shares {
        Shares { first: NONE, groups: vec![EMPTY; 2], listed: 0, listed_sharers: 0, sharers: 0 }
    }

    pub(crate) fn sharers(&self) -> usize {
        self.sharers
    }

    /// How many sharers could still join.
    pub(crate) fn room(&self, most: usize) -> usize {
        (self.listed * most).saturating_sub(self.listed_sharers)
    }

    /// The connection with the fewest sharers.
    pub(crate) fn least(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// One sharer more for a connection that is in the list, or has none yet.
    pub(crate) fn join(&mut self, slots: &mut Slots, index: u32) {
        let sharers = &mut slots[index].sharers;
        let n = *sharers as usize;
        *sharers += 1;
        self.sharers += 1;
        self.listed_sharers += 1;
        if self.groups.len() == n + 1 {
            self.groups.push(EMPTY);
        }
        let above = self.groups[n + 1].last;
        if n == 0 {
            self.listed += 1;
            self.insert_after(slots, index, above);
        } else {
            let was_last = self.groups[n].last == index;
            self.leave_group(slots, index, n);
            // Behind all that have as many now; it stands there already if those are none.
            if above != NONE || !was_last {
                let after = if above == NONE { self.groups[n].last } else { above };
                self.unlink(slots, index);
                self.insert_after(slots, index, after);
            }
        }
        self.groups[n + 1].last = index;
        if above == NONE {
            self.groups[n + 1].first = index;
        }
    }

    /// One sharer less; returns how many are left.
    pub(crate) fn leave(&mut self, slots: &mut Slots, index: u32) -> u32 {
        let slot = &mut slots[index];
        let n = slot.sharers as usize;
        let left = n as u32 - 1;
        slot.sharers = left;
        self.sharers -= 1;
        if slot.last_call.is_some() {
            return left;
        }
        self.listed_sharers -= 1;
        if left == 0 {
            self.listed -= 1;
            self.leave_group(slots, index, 1);
            self.unlink(slots, index);
            return 0;
        }
        let before = self.groups[n].first;
        self.leave_group(slots, index, n);
        // Before all that have as many as it had; it stands there already if it was their first.
        if before != index {
            self.unlink(slots, index);
            let after = slots[before].prev;
            self.insert_after(slots, index, after);
        }
        let group = &mut self.groups[n - 1];
        if group.last == NONE {
            group.first = index;
        }
        group.last = index;
        left
    }

    /// The connection goes with all its sharers.
    pub(crate) fn forget(&mut self, slots: &mut Slots, index: u32) {
        if slots[index].last_call.is_none() {
            self.delist(slots, index);
        }
        self.sharers -= slots[index].sharers as usize;
        slots[index].sharers = 0;
    }

    /// Takes a connection out of the list; it keeps its sharers.
    pub(crate) fn delist(&mut self, slots: &mut Slots, index: u32) {
        let n = slots[index].sharers as usize;
        self.leave_group(slots, index, n);
        self.unlink(slots, index);
        self.listed -= 1;
        self.listed_sharers -= n;
    }

    fn leave_group(&mut self, slots: &Slots, index: u32, n: usize) {
        let group = &mut self.groups[n];
        match (group.first == index, group.last == index) {
            (true, true) => *group = EMPTY,
            (true, false) => group.first = slots[index].next,
            (false, true) => group.last = slots[index].prev,
            (false, false) => {}
        }
    }

    /// Puts a connection behind another, or at the front.
    fn insert_after(&mut self, slots: &mut Slots, index: u32, prev: u32) {
        let next = match prev {
            NONE => std::mem::replace(&mut self.first, index),
            prev => std::mem::replace(&mut slots[prev].next, index),
        };
        let slot = &mut slots[index];
        (slot.prev, slot.next) = (prev, next);
        if next != NONE {
            slots[next].prev = index;
        }
    }

    fn unlink(&mut self, slots: &mut Slots, index: u32) {
        let (prev, next) = (slots[index].prev, slots[index].next);
        match prev {
            NONE => self.first = next,
            prev => slots[prev].next = next,
        }
        if next != NONE {
            slots[next].prev = prev;
        }
    }

    #[cfg(test)]
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// All connections in the list, the least shared first; panics if the books are wrong.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self, slots: &Slots) -> Vec<u32> {
        let (mut all, mut sharers, mut before) = (Vec::new(), 0, NONE);
        let mut groups = vec![EMPTY; self.groups.len()];
        let mut index = self.first;
        while index != NONE {
            let slot = &slots[index];
            assert_eq!(slot.prev, before, "the list of shared ones is linked both ways");
            let fewer = before == NONE || slots[before].sharers <= slot.sharers;
            assert!(fewer, "the least shared comes first");
            let group = &mut groups[slot.sharers as usize];
            if group.first == NONE {
                group.first = index;
            }
            group.last = index;
            sharers += slot.sharers as usize;
            all.push(index);
            (before, index) = (index, slot.next);
        }
        let ends = |groups: &[Group]| groups.iter().map(|g| (g.first, g.last)).collect::<Vec<_>>();
        assert_eq!(ends(&self.groups), ends(&groups), "each group knows its ends");
        assert_eq!((all.len(), sharers), (self.listed, self.listed_sharers), "listed is what is");
        all
    }
}
