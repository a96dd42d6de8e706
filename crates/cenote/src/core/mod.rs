//! The core: a pool as a state machine without I/O. It knows no runtime, clock, thread, connection or
//! user code; connections are slots, found by index. Commands and the time go in; answers and [`Order`]s
//! come out, and the shell carries the orders out after it has let go of the lock.
//!
//! Two rules make it simple. There is **one way back**: a connection becomes available through
//! [`Core::come_back`] only, whether it comes from a borrower, a connect, a test or a reset, and that
//! function serves the first waiter before anything else. And **nobody leaves the queue before something
//! is granted to it**: connects and tests work for the queue, not for a waiter, so a waiter whose test fails
//! has lost neither its place nor its deadline.
//!
//! # The life of a slot
//!
//! ```text
//! phase       event                          next        also
//! ----------- ------------------------------ ----------- ---------------------------------------------
//! Free        the gate wants a connect       Connecting  Order::Connect
//! Connecting  made, still wanted             →come_back  ramp widens
//! Connecting  failed                         Free        back-off; waiters fail as the rules say
//! Idle        acquire, no test due           Lent        a hit: no order at all
//! Idle        a waiter, test due             Testing     Order::Test; the waiter keeps its place
//! Idle        sweep                          Swept       stays in its place in the list
//! Idle        retired, surplus, cleared      Closing     Order::Close with the reason
//! Swept       alive                          Idle        or Keepalive, if its test is due: Order::Test
//! Swept       dead, selected, cleared        Closing
//! Keepalive   passed                         Idle        in its place in the list
//! Testing     passed                         →come_back
//! Testing, Keepalive  failed                 Closing     the queue is served by others
//! Lent        released: keep                 →come_back
//! Lent        released: reset                Resetting   Order::Reset
//! Lent        released: close                Closing
//! Lent        detached                       Free
//! Lent        grant cancelled or stale       →come_back  not counted as a use
//! Idle        a sharer, no test due          Shared      with one sharer
//! Shared      another sharer, room, nobody   Shared      the least shared one takes it
//!             that waits is before it
//! Shared      a sharer leaves, not the last  Shared      retired, cleared, tainted: takes no new one
//! Shared      the last sharer leaves         →come_back  Closing if it takes no new one
//! Resetting   passed                         →come_back
//! Resetting   failed                         Closing
//! Closing     close ended                    Free        at once under FreeSlot::AtClose
//! any         the close's deadline           Free        a later return only closes the connection
//!
//! →come_back  closed, old generation, over the limit, used up, too old: Closing;
//!             else the first waiter's (Lent, Order::Wake; Testing first if every lending is tested);
//!             else Idle, and the coldest beyond `max_idle` is closed
//! ```
//!
//! # The life of a waiter
//!
//! ```text
//! step      event                                 next      rule
//! --------- ------------------------------------- --------- ------------------------------------------
//! (new)     nobody before it, an idle connection  —         a hit; it never was a waiter
//! (new)     paused and refusing, draining, closed,          refused at once
//!           queue full, server known to be down   —
//! (new)     else                                  Waiting   at its ticket's place in its level
//! Waiting   first, and there is what it wants     Granted   wants k > 1: idle ones rest until there are
//!                                                           k, and nobody of its level or a later one
//!                                                           passes; nothing is earmarked
//! Waiting   connect failed (rules say so), closed Failed      or `max_size` fell below what it wants
//! Waiting   dropped or out of time                gone      O(1); others may be served now
//! Granted   polled                                gone      with the connections
//! Granted   dropped                               gone      connections →come_back
//! Granted   not polled for 1 s, others wait       Parked    connections →come_back
//! Parked    polled                                Waiting   at its old ticket's place
//! Failed    polled                                gone
//! ```
//!
//! While **paused** nobody is served and returns go idle; minimums are kept. While **draining** newcomers are
//! refused and the queue is served. **Shrinking** below the present size closes idle connections now, others
//! as they come back, and lends nothing anew meanwhile. A **sharer** (P-32) is a waiter of its own kind in
//! the same queue: it is served by the least shared connection that has room, else like anybody; it joins none
//! past a waiter that is before it; the last sharer's return is a release.

mod back;
mod broken;
mod draw;
mod end;
mod flow;
mod gate;
mod lane;
mod lend;
mod life;
mod list;
mod pump;
mod queue;
mod retire;
mod share;
mod shares;
mod short;
mod slot;
mod steady;
mod upkeep;

#[cfg(any(test, debug_assertions))]
mod check;
#[cfg(test)]
mod tests;

pub(crate) use back::Verdict;
pub(crate) use gate::Setback;
pub(crate) use lend::{Acquired, Collected, Look, Refusal};
pub(crate) use queue::{Failure, Kind, Request};
pub(crate) use slot::SlotKey;

use crate::config::Options;
use crate::stats::{CloseReason, Counts, Status};
use crate::time::Time;
use draw::Draw;
use flow::Flow;
use gate::Gate;
use life::Life;
use list::SlotList;
use queue::{Queue, Step};
use retire::Retirements;
use shares::Shares;
use slot::{NONE, Slots};
use steady::Steady;

/// What the shell must do after it has let go of the lock, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Make a connection for this slot.
    Connect(SlotKey),
    /// Test the slot's connection.
    Test(SlotKey),
    /// Reset the slot's connection.
    Reset(SlotKey),
    /// Close the connection that lies in this slot; report the end if it counts until then.
    Close { key: SlotKey, reason: CloseReason },
    /// The pool gives this shared connection up: it lies in this slot, and ends with its last sharer.
    Forget(SlotKey),
    /// This waiter got something.
    Wake(u32),
    /// Tell that the grant to this ticket went to somebody else, because nobody came for it.
    Tell { ticket: u64 },
    /// There was more to do than one turn under the lock may take: pump again.
    Again,
    /// The upkeep sleeps too long: let it look.
    Kick,
    /// Something happened that is waited for: a drain or close has settled, a connect has ended.
    Announce,
}

/// How many connections are in each phase; idle ones are counted by their list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Phases {
    connecting: usize,
    /// With one borrower or with sharers.
    lent: usize,
    testing: usize,
    /// Being tested in their place in the idle list, or in the stale one.
    keepalive: usize,
    /// Of these, those in the idle list.
    keepalive_idle: usize,
    resetting: usize,
    /// Closing and still counted.
    closing: usize,
}

#[cfg_attr(test, derive(Clone))]
pub(crate) struct Core {
    options: Options,
    slots: Slots,
    idle: SlotList,
    /// Idle connections of an old generation, on their way to be closed.
    stale: SlotList,
    /// Lent connections that take sharers.
    shares: Shares,
    /// What lay on the fast lane when it was opened.
    laned: Vec<u32>,
    queue: Queue,
    gate: Gate,
    flow: Flow,
    life: Life,
    retirements: Retirements,
    draw: Draw,
    phases: Phases,
    /// Closes under way, counted in `size` or not.
    closing: usize,
    /// Tests and resets under way that the gate still counts on; those of an older epoch took too long.
    returning: usize,
    supply_epoch: u32,
    leaving: usize,
    /// Waiters up to this ticket are to be failed.
    doomed: Option<(u64, Failure)>,
    /// The last ticket given out.
    tickets: u64,
    /// The coarse clock: moved by the upkeep's ticks and by every command that knows the time.
    clock: Time,
    /// When the gate wants to look again.
    look_again: Time,
    /// When the upkeep wakes up by itself.
    armed: Time,
    /// Nothing came or went lately: the clock stands still until somebody does.
    resting: bool,
    /// It does not stand still, nor has it until just now.
    on_time: bool,
    quiet_ticks: u32,
    /// `activity` at the last tick.
    seen_activity: u64,
    /// Releases so far; with the acquires it tells whether anything came or went.
    releases: u64,
    next_sweep: Time,
    counts: Counts,
    orders: Vec<Order>,
    /// The usual order, kept apart: this waiter is to be woken. It is older than `orders`.
    wake: u32,
    steady: Steady,
    /// Somebody wants to know whether connections can be made.
    seeking: bool,
}

impl Core {
    /// A running pool without connections. The options must be valid.
    pub(crate) fn new(options: Options, seed: u64, now: Time) -> Core {
        let mut core = Core {
            queue: Queue::new(options.priorities),
            steady: Steady::new(&options),
            options,
            slots: Slots::new(),
            idle: SlotList::new(),
            stale: SlotList::new(),
            shares: Shares::new(),
            laned: Vec::new(),
            gate: Gate::new(),
            flow: Flow::new(now),
            life: Life::new(),
            retirements: Retirements::default(),
            draw: Draw::new(seed),
            phases: Phases::default(),
            closing: 0,
            returning: 0,
            supply_epoch: 0,
            leaving: 0,
            doomed: None,
            tickets: 0,
            clock: now,
            look_again: Time::NEVER,
            armed: Time::NEVER,
            resting: false,
            on_time: true,
            quiet_ticks: 0,
            seen_activity: 0,
            releases: 0,
            next_sweep: Time::ZERO,
            counts: Counts::default(),
            orders: Vec::new(),
            wake: NONE,
            seeking: false,
        };
        core.pump();
        core
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn clock(&self) -> Time {
        self.clock
    }

    /// Whether this connection is still the pool's.
    pub(crate) fn owns(&self, key: SlotKey) -> bool {
        self.slots.owns(key)
    }

    /// Whether this waiter has failed because a connect did.
    pub(crate) fn failed_by_connect(&self, w: u32) -> bool {
        self.queue[w].step == Step::Failed(Failure::Connect)
    }

    /// Whether idle connections of an old generation still wait for their close to begin.
    pub(crate) fn has_stale(&self) -> bool {
        self.stale.pick_cold(&self.slots).is_some()
    }

    /// Tells the watchers that something they may wait for has happened.
    pub(crate) fn announce(&mut self) {
        self.orders.push(Order::Announce);
    }

    pub(crate) fn is_runtime_gone(&self) -> bool {
        self.life.runtime_gone
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.life.settled
    }

    pub(crate) fn has_orders(&self) -> bool {
        self.wake != NONE || !self.orders.is_empty()
    }

    /// Whether somebody waits.
    pub(crate) fn has_waiters(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The only order, if it is to wake a waiter that was granted something.
    pub(crate) fn take_wake(&mut self) -> Option<u32> {
        let only = self.wake != NONE && self.orders.is_empty();
        only.then(|| std::mem::replace(&mut self.wake, NONE))
    }

    /// The orders so far. The buffer is given back by [`Core::return_orders`], so that giving orders
    /// does not allocate.
    pub(crate) fn take_orders(&mut self) -> Vec<Order> {
        let mut orders = std::mem::take(&mut self.orders);
        if self.wake != NONE {
            orders.insert(0, Order::Wake(std::mem::replace(&mut self.wake, NONE)));
        }
        orders
    }

    pub(crate) fn return_orders(&mut self, mut orders: Vec<Order>) {
        orders.clear();
        self.orders = orders;
    }

    pub(crate) fn size(&self) -> usize {
        let p = &self.phases;
        p.connecting
            + self.idle.len()
            + self.stale.len()
            + p.lent
            + p.testing
            + p.resetting
            + p.closing
    }

    /// Those of them that are not on their way out: what is held against a limit that was lowered.
    fn standing(&self) -> usize {
        self.size() - self.phases.closing
    }

    /// Connections that were made and not closed.
    pub(crate) fn established(&self) -> usize {
        self.size() - self.phases.connecting - self.phases.closing
    }

    /// Idle connections that are there to be lent, or out for a look of microseconds.
    fn at_rest(&self) -> usize {
        self.idle.len() - self.phases.keepalive_idle
    }

    fn limit(&self) -> usize {
        self.gate.limit(&self.options)
    }

    /// Connections that the waiters need: sharers need one for as many as may share it.
    fn demand(&self) -> usize {
        let most = self.options.max_sharers;
        let sharing = self.queue.sharing().saturating_sub(self.shares.room(most));
        self.queue.wanted() + sharing.div_ceil(most)
    }

    fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// Moves the clock; it never goes back.
    pub(crate) fn tick(&mut self, now: Time) {
        self.clock = self.clock.max(now);
    }

    /// Makes sure that the upkeep looks at this time or before.
    fn arm(&mut self, at: Time) {
        if at < self.armed {
            self.armed = at;
            self.orders.push(Order::Kick);
        }
    }

    pub(crate) fn status(&self) -> Status {
        let (size, max) = (self.size(), self.limit());
        Status {
            size,
            available: self.idle.len() + self.stale.len() - self.phases.keepalive,
            using: self.phases.lent,
            waiting: self.queue.waiting(),
            connecting: self.phases.connecting,
            testing: self.phases.testing + self.phases.keepalive,
            resetting: self.phases.resetting,
            closing: self.closing,
            sharers: self.shares.sharers(),
            max,
            min: self.options.min_size,
            spare: max.saturating_sub(size),
            state: self.life.state(),
            peak_waiting: self.queue.peak(),
            // Only the shell can know.
            idle_in_transaction: 0,
        }
    }
}
