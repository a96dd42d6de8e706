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

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    nodes: Vec<Waiter>,
    free: u32,
    levels: Vec<List>,
    /// Bit n: level n has waiters.
    occupied: u32,
    granted: List,
    waiting: usize,
    wanted: usize,
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
            wanted: 0,
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
        self.wanted
    }

    /// Callers that would share a connection.
    pub(crate) fn sharing(&self) -> usize {
        self.sharing
    }

    /// Whether some waiter wants more than one connection.
    pub(crate) fn somebody_wants_many(&self) -> bool {
        self.wanted + self.sharing > self.waiting
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
        let node =
            Waiter { request, step: Step::Free, granted_at: Time::ZERO, prev: NONE, next: NONE };
        let w = match self.free {
            NONE => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
            w => {
                self.free = self.nodes[w as usize].next;
                self.nodes[w as usize] = node;
                w
            }
        };
        self.enlist(w);
        w
    }

    /// Puts a node into its level, by ticket. Whoever comes back has an old ticket, so the walk
    /// from the front passes only others that came back; newcomers go to the end at once.
    pub(crate) fn enlist(&mut self, w: u32) {
        let Request { level, ticket, wanted, kind } = self.nodes[w as usize].request;
        let list = self.levels[level as usize];
        let before = |q: &Queue, at: u32| q.nodes[at as usize].request.ticket < ticket;
        let mut next = NONE;
        if list.last != NONE && !before(self, list.last) {
            next = list.first;
            while before(self, next) {
                next = self.nodes[next as usize].next;
            }
        }
        let prev = if next == NONE { list.last } else { self.nodes[next as usize].prev };
        let node = &mut self.nodes[w as usize];
        (node.prev, node.next) = (prev, next);
        node.step = Step::Waiting;
        match prev {
            NONE => self.levels[level as usize].first = w,
            prev => self.nodes[prev as usize].next = w,
        }
        match next {
            NONE => self.levels[level as usize].last = w,
            next => self.nodes[next as usize].prev = w,
        }
        self.occupied |= 1 << level;
        self.waiting += 1;
        match kind {
            Kind::Exclusive => self.wanted += wanted as usize,
            Kind::Shared => self.sharing += 1,
        }
        self.peak = self.peak.max(self.waiting);
    }

    /// Takes a waiting node out of its level. It keeps its index.
    fn delist(&mut self, w: u32) {
        let Request { level, wanted, kind, .. } = self.nodes[w as usize].request;
        let mut list = self.levels[level as usize];
        self.unlink(&mut list, w);
        self.levels[level as usize] = list;
        if list.first == NONE {
            self.occupied &= !(1 << level);
        }
        self.waiting -= 1;
        match kind {
            Kind::Exclusive => self.wanted -= wanted as usize,
            Kind::Shared => self.sharing -= 1,
        }
    }

    fn unlink(&mut self, list: &mut List, w: u32) {
        let (prev, next) = (self.nodes[w as usize].prev, self.nodes[w as usize].next);
        match prev {
            NONE => list.first = next,
            prev => self.nodes[prev as usize].next = next,
        }
        match next {
            NONE => list.last = prev,
            next => self.nodes[next as usize].prev = prev,
        }
    }

    /// The waiter gets the chain of slots that starts at `slot`.
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
        let mut granted = self.granted;
        self.unlink(&mut granted, w);
        self.granted = granted;
        self.nodes[w as usize].step = Step::Parked;
        slot
    }

    /// Ends a waiter's stay. Returns the step it was in.
    pub(crate) fn leave(&mut self, w: u32) -> Step {
        let step = self.nodes[w as usize].step;
        match step {
            Step::Waiting => self.delist(w),
            Step::Granted(_) => {
                let mut granted = self.granted;
                self.unlink(&mut granted, w);
                self.granted = granted;
            }
            Step::Failed(_) | Step::Parked => {}
            Step::Free => unreachable!("a waiter leaves once"),
        }
        let node = &mut self.nodes[w as usize];
        node.step = Step::Free;
        node.next = self.free;
        self.free = w;
        step
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
