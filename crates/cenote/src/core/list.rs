//! The list of connections that rest: doubly linked through the slots, from the coldest (rested longest) to
//! the hottest (released last). Every operation is O(1), so a lending order is only a choice of the end.

use super::slot::{NONE, Phase, Slots};

#[derive(Clone, Debug)]
pub(crate) struct SlotList {
    cold: u32,
    hot: u32,
    len: usize,
}

impl SlotList {
    pub(crate) fn new() -> SlotList {
        SlotList { cold: NONE, hot: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn coldest(&self) -> u32 {
        self.cold
    }

    pub(crate) fn hottest(&self) -> u32 {
        self.hot
    }

    pub(crate) fn push_hot(&mut self, slots: &mut Slots, index: u32) {
        slots[index].prev = self.hot;
        slots[index].next = NONE;
        match self.hot {
            NONE => self.cold = index,
            hot => slots[hot].next = index,
        }
        self.hot = index;
        self.len += 1;
    }

    /// For a connection that never left its rest (keepalive): it must not look fresh.
    pub(crate) fn push_cold(&mut self, slots: &mut Slots, index: u32) {
        slots[index].next = self.cold;
        slots[index].prev = NONE;
        match self.cold {
            NONE => self.hot = index,
            cold => slots[cold].prev = index,
        }
        self.cold = index;
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, slots: &mut Slots, index: u32) {
        let (prev, next) = (slots[index].prev, slots[index].next);
        match prev {
            NONE => self.cold = next,
            prev => slots[prev].next = next,
        }
        match next {
            NONE => self.hot = prev,
            next => slots[next].prev = prev,
        }
        slots[index].prev = NONE;
        slots[index].next = NONE;
        self.len -= 1;
    }

    /// Moves all of `other` to the hot end of this list.
    pub(crate) fn append(&mut self, slots: &mut Slots, other: &mut SlotList) {
        if other.len == 0 {
            return;
        }
        match self.hot {
            NONE => self.cold = other.cold,
            hot => {
                slots[hot].next = other.cold;
                slots[other.cold].prev = hot;
            }
        }
        self.hot = other.hot;
        self.len += other.len;
        *other = SlotList::new();
    }

    /// The first slot from the hot end that is there: at most a few are out for a look or a test.
    pub(crate) fn pick_hot(&self, slots: &Slots) -> Option<u32> {
        let mut index = self.hot;
        while index != NONE && slots[index].phase != Phase::Idle {
            index = slots[index].prev;
        }
        (index != NONE).then_some(index)
    }

    /// The first slot from the cold end that is there.
    pub(crate) fn pick_cold(&self, slots: &Slots) -> Option<u32> {
        let mut index = self.cold;
        while index != NONE && slots[index].phase != Phase::Idle {
            index = slots[index].next;
        }
        (index != NONE).then_some(index)
    }
}
