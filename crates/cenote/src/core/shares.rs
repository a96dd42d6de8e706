//! Shared connections that take sharers, by how many they have: one list for each number, and a bit map
//! of the lists that are not empty. So the least shared one is found in O(1), and among equals it is the
//! one that has waited longest for another sharer.

use super::list::SlotList;
use super::slot::{NONE, Slots};
use crate::config::MOST_SHARERS;

const WORD: usize = u64::BITS as usize;
const WORDS: usize = MOST_SHARERS / WORD;

#[derive(Clone, Debug)]
pub(crate) struct Shares {
    /// `lists[n - 1]`: connections with n sharers.
    lists: Vec<SlotList>,
    /// Bit n - 1: that list is not empty.
    occupied: [u64; WORDS],
    /// Bit w: word w of `occupied` is not zero.
    summary: u64,
    /// Connections in the lists, and their sharers.
    listed: usize,
    listed_sharers: usize,
    /// Sharers of all connections, those that take no new one included.
    sharers: usize,
}

impl Shares {
    pub(crate) fn new() -> Shares {
        Shares {
            lists: Vec::new(),
            occupied: [0; WORDS],
            summary: 0,
            listed: 0,
            listed_sharers: 0,
            sharers: 0,
        }
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
        if self.summary == 0 {
            return None;
        }
        let word = self.summary.trailing_zeros() as usize;
        let bit = self.occupied[word].trailing_zeros() as usize;
        Some(self.lists[word * WORD + bit].coldest())
    }

    /// One sharer more for a connection that is in its list, or has none yet.
    pub(crate) fn join(&mut self, slots: &mut Slots, index: u32) {
        if slots[index].sharers > 0 {
            self.delist(slots, index);
        }
        slots[index].sharers += 1;
        self.sharers += 1;
        self.enlist(slots, index);
    }

    /// One sharer less; returns how many are left.
    pub(crate) fn leave(&mut self, slots: &mut Slots, index: u32) -> u32 {
        let listed = slots[index].last_call.is_none();
        if listed {
            self.delist(slots, index);
        }
        slots[index].sharers -= 1;
        self.sharers -= 1;
        if listed && slots[index].sharers > 0 {
            self.enlist(slots, index);
        }
        slots[index].sharers
    }

    /// The connection goes with all its sharers.
    pub(crate) fn forget(&mut self, slots: &mut Slots, index: u32) {
        if slots[index].last_call.is_none() {
            self.delist(slots, index);
        }
        self.sharers -= slots[index].sharers as usize;
        slots[index].sharers = 0;
    }

    fn enlist(&mut self, slots: &mut Slots, index: u32) {
        let n = slots[index].sharers as usize - 1;
        if self.lists.len() <= n {
            self.lists.resize_with(n + 1, SlotList::new);
        }
        self.lists[n].push_hot(slots, index);
        self.occupied[n / WORD] |= 1 << (n % WORD);
        self.summary |= 1 << (n / WORD);
        self.listed += 1;
        self.listed_sharers += n + 1;
    }

    /// Takes a connection out of its list; it keeps its sharers.
    pub(crate) fn delist(&mut self, slots: &mut Slots, index: u32) {
        let n = slots[index].sharers as usize - 1;
        self.lists[n].remove(slots, index);
        if self.lists[n].len() == 0 {
            self.occupied[n / WORD] &= !(1 << (n % WORD));
            if self.occupied[n / WORD] == 0 {
                self.summary &= !(1 << (n / WORD));
            }
        }
        self.listed -= 1;
        self.listed_sharers -= n + 1;
    }

    /// All connections in the lists, the least shared first; panics if the books are wrong.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self, slots: &Slots) -> Vec<u32> {
        let mut all = Vec::new();
        let mut sharers = 0;
        for (n, list) in self.lists.iter().enumerate() {
            let bit = self.occupied[n / WORD] >> (n % WORD) & 1;
            assert_eq!(bit == 1, list.len() > 0, "a bit for each list that is not empty");
            let mut index = list.coldest();
            while index != NONE {
                assert_eq!(slots[index].sharers as usize, n + 1, "a list for each number");
                sharers += n + 1;
                all.push(index);
                index = slots[index].next;
            }
        }
        for (word, bits) in self.occupied.iter().enumerate() {
            assert_eq!(*bits != 0, self.summary >> word & 1 == 1, "the summary sums up");
        }
        assert_eq!((all.len(), sharers), (self.listed, self.listed_sharers), "listed is what is");
        all
    }
}
