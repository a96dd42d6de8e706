//! The queue: one list of waiters for each priority level, in the order of their tickets; level 0 is
//! the most urgent and levels are strict. Waiters live in a slab and are found by index, so joining,
//! leaving and serving cost O(1) and allocate only while the slab grows.
//!
//! A waiter that got something (a grant or a failure) leaves its level, but keeps its node until it
//! comes for it. Grants are listed in the order they were made, so that the stale ones are at the front.

use super::slot::NONE;
use crate::time::Time;

/// How a waiter will hold what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The connection belongs to one borrower.
    Exclusive,
    /// Others may have the connection at the same time (P-32).
    Shared,
}

/// Why a waiter gets an error instead of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Failure {
    /// A connect failed and the rules say that this waiter hears of it.
    Connect,
    Closed,
    RuntimeGone,
    Broken,
    /// It wants this many, and `max_size` was lowered below it.
    TooMany(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// In the list of its level.
    Waiting,
    /// Slots are set aside: a chain through `Slot::next` that starts here.
    Granted(u32),
    Failed(Failure),
    /// Lost its grant because nobody polled it: in no list until somebody does.
    Parked,
    /// Not in use.
    Free,
}

/// What a caller wants, and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) level: u8,
    pub(crate) ticket: u64,
    pub(crate) wanted: u32,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) request: Request,
    pub(crate) step: Step,
    pub(crate) granted_at: Time,
    prev: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

const EMPTY: List = List { first: NONE, last: NONE };

impl List {
    #[inline]
    fn unlink(&mut self, nodes: &mut [Waiter], w: u32) {
        let Waiter { prev, next, .. } = nodes[w as usize];
        match prev {
            NONE => self.first = next,
            prev => nodes[prev as usize].next = next,
        }
        match next {
            NONE => self.last = prev,
            next => nodes[next as usize].prev = prev,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    nodes: Vec<Waiter>,
    free: u32,
    levels: Vec<List>,
    /// Bit n: level n has waiters.
    occupied: u32,
    granted: List,
    waiting: usize,
    /// Waiters that want anything but one connection for themselves; what those want, and those who would share.
    special: usize,
    special_wanted: usize,
    sharing: usize,
    peak: usize,
}

impl Queue {
    pub(crate) fn new(levels: u8) -> Queue {
        Queue {
            nodes: Vec::new(),
            free: NONE,
            levels: vec![EMPTY; levels as usize],
            occupied: 0,
            granted: EMPTY,
            waiting: 0,
            special: 0,
            special_wanted: 0,
            sharing: 0,
            peak: 0,
        }
    }

    pub(crate) fn levels(&self) -> u8 {
        self.levels.len() as u8
    }

    /// Callers that wait for a connection.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Connections that the waiters want for themselves in all.
    pub(crate) fn wanted(&self) -> usize {
        self.waiting - self.special + self.special_wanted
    }

    /// Callers that would share a connection.
    pub(crate) fn sharing(&self) -> usize {
        self.sharing
    }

    /// Whether some waiter wants more than one connection.
    pub(crate) fn somebody_wants_many(&self) -> bool {
        self.special_wanted + self.sharing > self.special
    }

    /// The most callers that ever waited at once.
    pub(crate) fn peak(&self) -> usize {
        self.peak
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// The waiter to be served next.
    pub(crate) fn first(&self) -> Option<u32> {
        if self.occupied == 0 {
            return None;
        }
        Some(self.levels[self.occupied.trailing_zeros() as usize].first)
    }

    /// Whether somebody must be served before a caller with this place.
    pub(crate) fn someone_before(&self, level: u8, ticket: u64) -> bool {
        match self.first() {
            None => false,
            Some(w) => {
                let head = &self.nodes[w as usize].request;
                (head.level, head.ticket) < (level, ticket)
            }
        }
    }

    /// The first waiter with a ticket up to `last`, whatever its level.
    pub(crate) fn first_up_to(&self, last: u64) -> Option<u32> {
        let heads = self.levels.iter().map(|list| list.first);
        heads.filter(|&w| w != NONE).find(|&w| self.nodes[w as usize].request.ticket <= last)
    }

    /// A new waiter at its place.
    pub(crate) fn join(&mut self, request: Request) -> u32 {
        let w = self.place(Waiter {
            request,
            step: Step::Waiting,
            granted_at: Time::ZERO,
            prev: NONE,
            next: NONE,
        });
        self.enlist(w);
        w
    }

    /// A new waiter with the latest ticket of all, for one connection.
    #[inline(always)]
    pub(crate) fn join_last(&mut self, level: u8, ticket: u64) -> u32 {
        let last = self.levels[level as usize].last;
        let w = self.place(Waiter {
            request: Request { level, ticket, wanted: 1, kind: Kind::Exclusive },
            step: Step::Waiting,
            granted_at: Time::ZERO,
            prev: last,
            next: NONE,
        });
        let list = &mut self.levels[level as usize];
        match last {
            NONE => list.first = w,
            last => self.nodes[last as usize].next = w,
        }
        list.last = w;
        self.occupied |= 1 << level;
        self.waiting += 1;
        self.peak = self.peak.max(self.waiting);
        w
    }

    #[inline(always)]
    fn place(&mut self, node: Waiter) -> u32 {
        match self.nodes.get_mut(self.free as usize) {
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
            Some(free) => {
                let next = free.next;
                *free = node;
                std::mem::replace(&mut self.free, next)
            }
        }
    }

    /// Puts a node into its level, by ticket. Whoever comes back has an old ticket, so the walk
    /// from the front passes only others that came back; newcomers go to the end at once.
    #[inline]
    pub(crate) fn enlist(&mut self, w: u32) {
        let Request { level, ticket, wanted, kind } = self.nodes[w as usize].request;
        let list = self.levels[level as usize];
        let before = |q: &Queue, at: u32| q.nodes[at as usize].request.ticket < ticket;
        let mut next = NONE;
        let mut prev = list.last;
        if list.last != NONE && !before(self, list.last) {
            next = list.first;
            while before(self, next) {
                next = self.nodes[next as usize].next;
            }
            prev = self.nodes[next as usize].prev;
        }
        let node = &mut self.nodes[w as usize];
        (node.prev, node.next) = (prev, next);
        node.step = Step::Waiting;
        let list = &mut self.levels[level as usize];
        match prev {
            NONE => list.first = w,
            prev => self.nodes[prev as usize].next = w,
        }
        match next {
            NONE => list.last = w,
            next => self.nodes[next as usize].prev = w,
        }
        self.occupied |= 1 << level;
        self.waiting += 1;
        match (kind, wanted) {
            (Kind::Exclusive, 1) => {}
            (Kind::Exclusive, wanted) => {
                self.special += 1;
                self.special_wanted += wanted as usize;
            }
            (Kind::Shared, _) => {
                self.special += 1;
                self.sharing += 1;
            }
        }
        self.peak = self.peak.max(self.waiting);
    }

    /// Takes a waiting node out of its level. It keeps its index.
    #[inline]
    fn delist(&mut self, w: u32) {
        let Request { level, wanted, kind, .. } = self.nodes[w as usize].request;
        let list = &mut self.levels[level as usize];
        list.unlink(&mut self.nodes, w);
        if list.first == NONE {
            self.occupied &= !(1 << level);
        }
        self.waiting -= 1;
        match (kind, wanted) {
            (Kind::Exclusive, 1) => {}
            (Kind::Exclusive, wanted) => {
                self.special -= 1;
                self.special_wanted -= wanted as usize;
            }
            (Kind::Shared, _) => {
                self.special -= 1;
                self.sharing -= 1;
            }
        }
    }

    /// The waiter gets the chain of slots that starts at `slot`.
    #[inline]
    pub(crate) fn grant(&mut self, w: u32, slot: u32, now: Time) {
        self.delist(w);
        let last = self.granted.last;
        let node = &mut self.nodes[w as usize];
        node.step = Step::Granted(slot);
        node.granted_at = now;
        (node.prev, node.next) = (last, NONE);
        match last {
            NONE => self.granted.first = w,
            last => self.nodes[last as usize].next = w,
        }
        self.granted.last = w;
    }

    /// The waiter to be served next gets this slot. `None` if there is none, or some waiter wants anything but one
    /// connection for itself.
    #[inline(always)]
    pub(crate) fn grant_first(&mut self, slot: u32, now: Time) -> Option<u32> {
        if self.special > 0 || self.occupied == 0 {
            return None;
        }
        let (nodes, levels) = (self.nodes.as_mut_slice(), self.levels.as_mut_slice());
        let level = self.occupied.trailing_zeros();
        let list = &mut levels[level as usize];
        let w = list.first;
        let last = self.granted.last;
        let node = &mut nodes[w as usize];
        let next = node.next;
        node.step = Step::Granted(slot);
        node.granted_at = now;
        (node.prev, node.next) = (last, NONE);
        list.first = next;
        match next {
            NONE => {
                list.last = NONE;
                self.occupied &= !(1 << level);
            }
            next => nodes[next as usize].prev = NONE,
        }
        match last {
            NONE => self.granted.first = w,
            last => nodes[last as usize].next = w,
        }
        self.granted.last = w;
        self.waiting -= 1;
        Some(w)
    }

    pub(crate) fn fail(&mut self, w: u32, failure: Failure) {
        self.delist(w);
        self.nodes[w as usize].step = Step::Failed(failure);
    }

    /// The oldest grant that nobody came for, if it was made at `limit` or before.
    pub(crate) fn stale_grant(&self, limit: Time) -> Option<u32> {
        let w = self.granted.first;
        (w != NONE && self.nodes[w as usize].granted_at <= limit).then_some(w)
    }

    /// Takes the grant back: the chain of slots is the caller's again, the waiter sleeps.
    pub(crate) fn park(&mut self, w: u32) -> u32 {
        let Step::Granted(slot) = self.nodes[w as usize].step else {
            unreachable!("only a granted waiter can be parked");
        };
        self.granted.unlink(&mut self.nodes, w);
        self.nodes[w as usize].step = Step::Parked;
        slot
    }

    /// What was granted to this waiter. It ends its stay with that.
    #[inline]
    pub(crate) fn take_grant(&mut self, w: u32) -> Option<u32> {
        let Step::Granted(slot) = self.nodes[w as usize].step else { return None };
        self.granted.unlink(&mut self.nodes, w);
        self.free(w);
        Some(slot)
    }

    /// Ends a waiter's stay. Returns the step it was in.
    pub(crate) fn leave(&mut self, w: u32) -> Step {
        let step = self.nodes[w as usize].step;
        match step {
            Step::Waiting => self.delist(w),
            Step::Granted(_) => self.granted.unlink(&mut self.nodes, w),
            Step::Failed(_) | Step::Parked => {}
            Step::Free => unreachable!("a waiter leaves once"),
        }
        self.free(w);
        step
    }

    #[inline]
    fn free(&mut self, w: u32) {
        let node = &mut self.nodes[w as usize];
        node.step = Step::Free;
        node.next = self.free;
        self.free = w;
    }

    /// Waiters in the order of service.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn in_order(&self) -> Vec<u32> {
        let mut order = Vec::new();
        for list in &self.levels {
            let mut w = list.first;
            while w != NONE {
                order.push(w);
                w = self.nodes[w as usize].next;
            }
        }
        order
    }
}

impl std::ops::Index<u32> for Queue {
    type Output = Waiter;

    fn index(&self, w: u32) -> &Waiter {
        &self.nodes[w as usize]
    }
}
