//! Lending: hits, the queue's front door, and how a waiter comes for what it got.

use super::queue::{Failure, Kind, Request, Step};
use super::slot::{NONE, Phase};
use super::{Core, Order, SlotKey, Verdict};
use crate::config::{Bound, Order as Reuse};
use crate::stats::{CloseReason, State};
use crate::time::Time;

/// Why a caller may not even wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Paused,
    Draining,
    Closed,
    RuntimeGone,
    Broken,
    QueueFull,
    /// It wants this many, more than `max_size`.
    TooMany(u32),
    /// Nothing is there now, and the caller does not wait.
    Exhausted,
    /// Connects fail, and the next try is not due yet.
    Down,
}

/// The answer to an acquire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    Hit(SlotKey),
    Queued(u32),
    Refused(Refusal),
}

/// What a waiter finds when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collected {
    /// Nothing yet.
    Waiting,
    /// A chain of slots: read the next with [`Core::next_granted`].
    Granted(SlotKey),
    Failed(Failure),
}

/// How a caller looks for an idle connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// It was served before and its connection turned out dead: the rules for newcomers do not hold.
    pub(crate) again: bool,
    /// It takes one whose test is due.
    pub(crate) untested: bool,
}

impl Core {
    /// A place in the order of arrival.
    pub(crate) fn ticket(&mut self) -> u64 {
        self.next_ticket()
    }

    /// Lends an idle connection, if there is one and nobody is before the caller. This is the hit:
    /// no order comes out of it in steady traffic.
    pub(crate) fn hit(
        &mut self,
        level: u8,
        ticket: u64,
        Look { again, untested }: Look,
    ) -> Option<SlotKey> {
        if !self.may_hit(level, ticket, again) {
            return None;
        }
        let index = self.pick()?;
        if !untested && self.needs_test(index, ticket) {
            return None;
        }
        self.take_idle(index);
        self.slots[index].phase = Phase::Lent;
        self.phases.lent += 1;
        self.count_hit();
        Some(self.slots.key(index))
    }

    /// Whether a caller with this place may be served before anybody who waits.
    pub(super) fn may_hit(&self, level: u8, ticket: u64, again: bool) -> bool {
        let open = self.steady.calm
            || (self.life.state() == State::Running || again && self.life.serves())
                && self.size() <= self.limit();
        open && !self.queue.someone_before(level, ticket)
    }

    pub(super) fn count_hit(&mut self) {
        self.counts.acquired += 1;
        self.counts.hits += 1;
        if self.resting {
            self.stir();
        }
        // Whoever waits behind a more urgent newcomer may need another connection tested now.
        if self.idle.len() < self.options.min_idle || !self.nothing_follows() {
            self.pump();
        }
    }

    /// Lends an idle connection, or lets the caller wait at its ticket's place.
    pub(crate) fn acquire(&mut self, request: Request, again: bool, now: Time) -> Acquired {
        self.tick(now);
        if self.only_waits(&request) {
            return Acquired::Queued(self.queue.join(request));
        }
        if request.wanted == 1 {
            let look = Look { again, untested: false };
            let hit = match request.kind {
                Kind::Exclusive => self.hit(request.level, request.ticket, look),
                Kind::Shared => self.share_hit(request.level, request.ticket, look),
            };
            if let Some(key) = hit {
                return Acquired::Hit(key);
            }
        }
        if let Some(refusal) = self.refusal(&request, again, now) {
            match refusal {
                Refusal::Paused | Refusal::QueueFull | Refusal::TooMany(_) => {
                    self.counts.rejected += 1;
                }
                Refusal::Down => self.counts.failed += 1,
                _ => self.counts.closed += 1,
            }
            return Acquired::Refused(refusal);
        }
        if self.queue.is_empty() {
            self.flow.begin();
        }
        let w = self.queue.join(request);
        self.pump();
        Acquired::Queued(w)
    }

    fn refusal(&self, request: &Request, again: bool, now: Time) -> Option<Refusal> {
        if self.life.runtime_gone {
            return Some(Refusal::RuntimeGone);
        }
        match self.life.state() {
            State::Closed if self.life.broken => return Some(Refusal::Broken),
            State::Closed => return Some(Refusal::Closed),
            State::Draining if !again => return Some(Refusal::Draining),
            State::Paused if !again && self.life.refuse_when_paused => {
                return Some(Refusal::Paused);
            }
            _ => {}
        }
        if request.wanted as usize > self.options.max_size.get() {
            return Some(Refusal::TooMany(request.wanted));
        }
        if self.established() == 0 && self.gate.is_down(&self.options, now) {
            return Some(Refusal::Down);
        }
        (!again && self.is_full(request.kind)).then_some(Refusal::QueueFull)
    }

    /// Whether one more of this kind would be beyond `max_waiting`. Whoever can have a connection made (or
    /// freed from a test), or a share of one, is not counted (P-6).
    fn is_full(&self, newcomer: Kind) -> bool {
        if self.options.max_waiting == Bound::Unlimited {
            return false;
        }
        let (mut wanted, mut sharing) = (self.queue.wanted(), self.queue.sharing());
        match newcomer {
            Kind::Exclusive => wanted += 1,
            Kind::Shared => sharing += 1,
        }
        let served_soon = self.limit().saturating_sub(self.phases.lent + self.phases.closing);
        let most = self.options.max_sharers;
        let shares =
            self.shares.room(most) + served_soon.saturating_sub(wanted).saturating_mul(most);
        let waiting = wanted.saturating_sub(served_soon) + sharing.saturating_sub(shares);
        waiting > self.options.max_waiting.get()
    }

    /// Why a caller that does not wait gets nothing just now.
    pub(crate) fn try_refusal(&mut self) -> Refusal {
        let refusal = match self.life.state() {
            _ if self.life.runtime_gone => Refusal::RuntimeGone,
            State::Running => Refusal::Exhausted,
            State::Paused => Refusal::Paused,
            State::Draining => Refusal::Draining,
            State::Closed if self.life.broken => Refusal::Broken,
            State::Closed => Refusal::Closed,
        };
        match refusal {
            Refusal::Exhausted | Refusal::Paused => self.counts.rejected += 1,
            _ => self.counts.closed += 1,
        }
        refusal
    }

    /// What the waiter got. Whoever lost a stale grant stands in the queue again, at its old place.
    pub(crate) fn collect(&mut self, w: u32) -> Collected {
        if self.life.broken {
            return Collected::Failed(Failure::Broken);
        }
        if self.queue[w].step == Step::Parked {
            self.queue.enlist(w);
            self.pump();
        }
        if let Some(key) = self.collect_grant(w) {
            return Collected::Granted(key);
        }
        match self.queue[w].step {
            Step::Waiting => Collected::Waiting,
            Step::Failed(failure) => {
                self.queue.leave(w);
                match failure {
                    Failure::Connect => self.counts.failed += 1,
                    Failure::Closed | Failure::RuntimeGone | Failure::Broken => {
                        self.counts.closed += 1;
                    }
                    Failure::TooMany(_) => self.counts.rejected += 1,
                }
                Collected::Failed(failure)
            }
            Step::Granted(_) | Step::Parked | Step::Free => {
                unreachable!("a waiter that comes is in the queue")
            }
        }
    }

    /// The slot after this one in what was granted to one waiter.
    pub(crate) fn next_granted(&self, key: SlotKey) -> Option<SlotKey> {
        let next = self.slots[key.index].next;
        (next != NONE).then(|| self.slots.key(next))
    }

    /// A waiter gives up. What was granted to it goes to the next.
    pub(crate) fn cancel(&mut self, w: u32, timed_out: bool) {
        if timed_out {
            self.counts.timed_out += 1;
        } else {
            self.counts.cancelled += 1;
        }
        if self.life.broken {
            return;
        }
        let kind = self.queue[w].request.kind;
        if let Step::Granted(first) = self.queue.leave(w) {
            self.ungrant(first, kind);
        }
        self.pump();
    }

    /// A connection that was lent just now is dead, or a hook drops it: it closes, and it was no acquire.
    pub(crate) fn found_bad(&mut self, key: SlotKey, hit: bool, reason: CloseReason) -> bool {
        self.counts.acquired -= 1;
        self.counts.hits -= u64::from(hit);
        self.release(key, Verdict::Close(reason))
    }

    /// A connection that was lent just now comes back unused: the caller wants several, and another one
    /// turned out dead.
    pub(crate) fn unlend(&mut self, key: SlotKey) -> bool {
        let owned = self.slots.owns(key);
        if owned {
            self.slots[key.index].next = NONE;
            self.ungrant(key.index, Kind::Exclusive);
            self.pump();
        }
        owned
    }

    /// Takes back what was granted: a chain of slots, or a share. It was not used.
    pub(super) fn ungrant(&mut self, first: u32, kind: Kind) {
        if kind == Kind::Shared {
            self.leave_share(first);
            return;
        }
        let mut index = first;
        while index != NONE {
            let next = std::mem::replace(&mut self.slots[index].next, NONE);
            self.phases.lent -= 1;
            self.come_back(index, false);
            index = next;
        }
    }

    /// The idle connection that the policy lends next.
    pub(super) fn pick(&self) -> Option<u32> {
        match self.options.order {
            Reuse::Lifo => self.idle.pick_hot(&self.slots),
            Reuse::Fifo => self.idle.pick_cold(&self.slots),
        }
    }

    #[inline]
    pub(super) fn needs_test(&self, index: u32, ticket: u64) -> bool {
        self.steady.asks_for_test(&self.slots[index], ticket, self.clock)
    }

    pub(super) fn take_idle(&mut self, index: u32) {
        self.idle.remove(&mut self.slots, index);
    }

    /// Serves the queue from what is idle.
    pub(super) fn serve(&mut self) {
        self.fail_too_many();
        if !self.life.serves() || self.standing() > self.limit() {
            return;
        }
        while let Some(w) = self.queue.first() {
            let Request { wanted, ticket, kind, .. } = self.queue[w].request;
            if kind == Kind::Shared {
                if let Some(index) = self.joinable() {
                    self.grant_share(w, index);
                    continue;
                }
            }
            if wanted > 1 {
                if !self.serve_many(w, wanted as usize, ticket) {
                    return;
                }
                continue;
            }
            let Some(index) = self.pick() else { return };
            if self.needs_test(index, ticket) {
                if self.returning >= self.demand() {
                    return;
                }
                self.take_idle(index);
                self.begin_test(index);
                continue;
            }
            self.take_idle(index);
            self.grant(w, index);
        }
    }

    /// Who is first and wants more than there may be waits for nothing, and would hold up the rest.
    fn fail_too_many(&mut self) {
        while let Some(w) = self.queue.first() {
            let wanted = self.queue[w].request.wanted;
            if wanted as usize <= self.options.max_size.get() {
                return;
            }
            self.queue.fail(w, Failure::TooMany(wanted));
            self.orders.push(Order::Wake(w));
        }
    }

    /// Serves a waiter that wants several: all of them or none (P-10). Returns whether it did.
    fn serve_many(&mut self, w: u32, wanted: usize, ticket: u64) -> bool {
        if self.at_rest() + self.returning < wanted {
            return false;
        }
        let mut ready = NONE;
        let mut found = 0;
        let mut index = self.idle.hottest();
        while index != NONE && found < wanted {
            let colder = self.slots[index].prev;
            if self.slots[index].phase == Phase::Idle {
                if self.needs_test(index, ticket) {
                    if self.returning < wanted - found {
                        self.take_idle(index);
                        self.begin_test(index);
                    }
                } else {
                    found += 1;
                    ready = index;
                }
            }
            index = colder;
        }
        if found < wanted {
            return false;
        }
        // `ready` is the coldest of those found: walk back to the hottest and chain them.
        let mut chain = NONE;
        while found > 0 {
            let hotter = self.slots[ready].next;
            if self.slots[ready].phase == Phase::Idle && !self.needs_test(ready, ticket) {
                self.take_idle(ready);
                self.lend_slot(ready);
                self.slots[ready].next = chain;
                chain = ready;
                found -= 1;
            }
            ready = hotter;
        }
        self.tell_granted(w, chain);
        true
    }

    #[inline]
    fn lend_slot(&mut self, index: u32) {
        let slot = &mut self.slots[index];
        slot.phase = Phase::Lent;
        // It may have been part of a chain before.
        slot.next = NONE;
        self.phases.lent += 1;
    }

    /// Gives a connection that is in no list to a waiter that wants one, or a share of one.
    #[inline]
    pub(super) fn grant(&mut self, w: u32, index: u32) {
        match self.queue[w].request.kind {
            Kind::Exclusive => self.lend_slot(index),
            Kind::Shared => self.begin_share(index),
        }
        self.tell_granted(w, index);
    }

    #[inline]
    pub(super) fn tell_granted(&mut self, w: u32, first: u32) {
        self.queue.grant(w, first, self.clock);
        if self.has_orders() {
            self.orders.push(Order::Wake(w));
        } else {
            self.wake = w;
        }
        if self.queue.somebody_wants_many() {
            self.fail_too_many();
        }
    }

    pub(super) fn begin_test(&mut self, index: u32) {
        self.slots[index].phase = Phase::Testing;
        self.phases.testing += 1;
        self.expect_return(index);
        self.orders.push(Order::Test(self.slots.key(index)));
    }

    /// From now on the gate counts on this connection's return.
    pub(super) fn expect_return(&mut self, index: u32) {
        self.slots[index].epoch = self.supply_epoch;
        self.returning += 1;
    }
}
