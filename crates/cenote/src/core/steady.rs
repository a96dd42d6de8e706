//! What steady traffic must know, digested: a hit, a release and one more waiter ask this, and not every part of
//! the core. Only what ends in [`Core::pump`] can change it, so the pump digests it anew, and whoever finds it true
//! may leave the pump out.

use super::Core;
use super::queue::{Kind, Request};
use super::slot::Slot;
use crate::config::{Bound, Options, TestOnAcquire};
use crate::stats::State;
use crate::time::{Time, nanos};

#[derive(Clone, Debug)]
pub(super) struct Steady {
    /// The pool runs, is within its limit, and nothing ends slice by slice.
    pub(super) calm: bool,
    /// There is no room for another connection, and no limit that time raises: the gate has nothing to plan.
    pub(super) full: bool,
    /// Both, and what was given back just now is not used up and needs no test: it may go from hand to hand.
    passes: bool,
    /// Nobody is turned away because too many wait.
    unbounded: bool,
    /// How long a connection may have rested to be lent without a test.
    trusted_for: Rest,
}

#[derive(Clone, Copy, Debug)]
enum Rest {
    Always,
    LessThan(u64),
    /// Each lending has a test of its own.
    Never,
}

impl Steady {
    pub(super) fn new(options: &Options) -> Steady {
        let trusted_for = match options.test_on_acquire {
            TestOnAcquire::Never => Rest::Always,
            TestOnAcquire::Always => Rest::Never,
            TestOnAcquire::IfIdleFor(limit) => Rest::LessThan(nanos(limit)),
        };
        let unbounded = options.max_waiting == Bound::Unlimited;
        Steady { calm: false, full: false, passes: false, unbounded, trusted_for }
    }

    /// No limit is zero, so what has not rested at all is within it.
    fn trusts_what_comes_back(&self) -> bool {
        !matches!(self.trusted_for, Rest::Never)
    }

    /// Whether this connection must be tested before whoever has this ticket gets it.
    #[inline]
    pub(super) fn asks_for_test(&self, slot: &Slot, ticket: u64, now: Time) -> bool {
        match self.trusted_for {
            Rest::Always => false,
            Rest::LessThan(limit) => {
                now.as_nanos().saturating_sub(slot.alive_at.as_nanos()) >= limit
            }
            Rest::Never => slot.verified_for != ticket,
        }
    }
}

impl Core {
    /// Called by the pump alone.
    pub(super) fn digest(&mut self) {
        let (size, limit) = (self.size(), self.limit());
        self.steady.calm = self.is_calm(self.standing(), limit);
        self.steady.full = size >= limit && !self.gate.is_overloaded();
        self.steady.passes =
            self.steady.calm && self.steady.full && self.steady.trusts_what_comes_back();
        self.steady.passes &= self.options.max_uses == Bound::Unlimited;
    }

    pub(super) fn is_calm(&self, standing: usize, limit: usize) -> bool {
        self.life.state() == State::Running
            && !self.life.runtime_gone
            && self.doomed.is_none()
            && self.stale.len() == 0
            && standing <= limit
    }

    /// Whether the pump has nothing to do after a hit or a release: whoever waits can only be served by another
    /// return, and nothing is to be made.
    #[inline]
    pub(super) fn nothing_follows(&self) -> bool {
        let nobody_served =
            || self.steady.full && self.idle.len() == 0 && self.queue.sharing() == 0;
        self.steady.calm && (self.queue.is_empty() || nobody_served())
    }

    /// Whether what comes back may go to the first waiter at once, and nothing else follows from it.
    #[inline]
    pub(super) fn passes_on(&self) -> bool {
        self.steady.passes && self.on_time && self.idle.len() == 0
    }

    /// Whether this caller may be refused nothing and waits behind others, or for a connection that is lent: then it
    /// joins the queue, and nothing else happens.
    #[inline]
    pub(super) fn only_waits(&self, request: &Request) -> bool {
        self.nothing_follows()
            && self.steady.full
            && self.steady.unbounded
            && self.idle.len() == 0
            && request.wanted == 1
            && request.kind == Kind::Exclusive
    }
}
