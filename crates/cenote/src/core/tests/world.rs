//! A world for the core: borrowers, tasks and time, all as plain lists, and beside it the reference
//! model. Every [`Op`] goes to both; after each one the invariants are checked and the two are compared.

use std::time::Duration;

use super::model::{Doing, Events, Id, Model, Wait};
use crate::config::{Bound, FreeSlot, Options};
use crate::core::slot::Phase;
use crate::core::{
    Acquired, Collected, Core, Failure, Kind, Order, Refusal, Request, Setback, SlotKey, Verdict,
};
use crate::stats::{CloseReason, Counts, State};
use crate::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Acquire {
        level: u8,
        wanted: u32,
    },
    /// Somebody would share a connection.
    Share {
        level: u8,
    },
    /// The n-th sharer leaves; the connection may have to close for that.
    Unshare(usize, Option<CloseReason>),
    /// The n-th waiter comes and looks.
    Poll(usize),
    Cancel(usize),
    Release(usize, Verdict),
    HostFault(usize),
    Detach(usize),
    Connected(usize),
    ConnectFailed(usize, Setback),
    Tested(usize, bool),
    WasReset(usize, bool),
    Closed(usize),
    /// Time goes on, and the upkeep looks.
    Wait(Duration),
    /// The idle connections are looked at; the n-th is dead.
    Sweep(usize),
    Clear,
    Pause,
    Resume,
    Resize(usize),
    Drain,
    Close,
    /// The close's deadline passes.
    Overrun,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) model: Model,
    now: Time,
    pub(crate) waiters: Vec<u32>,
    pub(crate) lent: Vec<SlotKey>,
    /// One for each sharer.
    pub(crate) sharing: Vec<SlotKey>,
    pub(crate) connecting: Vec<SlotKey>,
    pub(crate) testing: Vec<SlotKey>,
    pub(crate) resetting: Vec<SlotKey>,
    pub(crate) closing: Vec<SlotKey>,
    /// What the orders said since the last comparison.
    seen: Events,
    /// Everything that was made and not yet closed, detached or given up.
    alive: Vec<Id>,
    /// Made in which generation, to see that nothing old is lent.
    made: Vec<(Id, u64)>,
    pub(crate) connects: usize,
    /// What happened so far, counted here.
    counts: Counts,
    overrun: bool,
}

/// All that a short way might change.
fn image(core: &Core) -> String {
    let Core { slots, idle, queue, phases, steady, clock, releases, wake, orders, .. } = core;
    let counted = (core.counts(), core.status(), releases, core.tickets);
    format!(
        "{slots:?} {idle:?} {queue:?} {phases:?} {steady:?} {clock:?} {wake} {orders:?} {counted:?}"
    )
}

impl World {
    pub(crate) fn new(options: Options, seed: u64) -> World {
        // Not at the origin: a time of zero would hide mistakes with "never happened".
        let now = Time::ZERO + Duration::from_secs(1_000);
        let mut world = World {
            core: Core::new(options.clone(), seed, now),
            model: Model::new(options, now),
            now,
            waiters: Vec::new(),
            lent: Vec::new(),
            sharing: Vec::new(),
            connecting: Vec::new(),
            testing: Vec::new(),
            resetting: Vec::new(),
            closing: Vec::new(),
            seen: Events::default(),
            alive: Vec::new(),
            made: Vec::new(),
            connects: 0,
            counts: Counts::default(),
            overrun: false,
        };
        world.obey();
        world.compare();
        world
    }

    /// Does one step in both worlds; false if it makes no sense now.
    pub(crate) fn step(&mut self, op: Op) -> bool {
        if !self.apply(op) {
            return false;
        }
        self.obey();
        self.core.check();
        self.compare();
        true
    }

    fn apply(&mut self, op: Op) -> bool {
        match op {
            Op::Acquire { level, wanted } => {
                if wanted as usize > self.model.limit {
                    return false;
                }
                self.acquire(level, wanted, Kind::Exclusive);
            }
            Op::Share { level } => self.acquire(level, 1, Kind::Shared),
            Op::Unshare(n, close) => {
                let Some(key) = take(&mut self.sharing, n) else { return false };
                let owned = self.core.owns(key);
                let late = self.core.clock_is_late() || self.core.resting;
                assert_eq!(self.core.unshare(key, close), owned);
                if owned {
                    self.model.unshare(key.id, close, late);
                }
            }
            Op::Poll(n) => {
                let Some(&w) = self.waiters.get(n) else { return false };
                self.poll(w);
            }
            Op::Cancel(n) => {
                if n >= self.waiters.len() {
                    return false;
                }
                let w = self.waiters.remove(n);
                let late = self.core.clock_is_late();
                self.core.cancel(w, false);
                self.model.cancel(w, late);
                self.counts.cancelled += 1;
            }
            Op::Release(n, verdict) => {
                let Some(key) = take(&mut self.lent, n) else { return false };
                let owned = self.core.owns(key);
                let late = self.core.clock_is_late() || self.core.resting;
                assert_eq!(self.give_back(key, verdict), owned);
                if owned {
                    self.model.release(
                        key.id,
                        match verdict {
                            Verdict::Keep => Ok(false),
                            Verdict::Reset => Ok(true),
                            Verdict::Close(reason) => Err(reason),
                        },
                        late,
                    );
                }
            }
            Op::HostFault(n) => {
                let Some(key) = take(&mut self.lent, n) else { return false };
                if self.core.owns(key) {
                    let current = self
                        .model
                        .conns
                        .iter()
                        .any(|c| c.id == key.id && c.generation == self.model.generation);
                    self.core.host_failed(key);
                    if current {
                        self.model.clear();
                    }
                    let verdict = Verdict::Close(CloseReason::NotKept);
                    assert!(self.core.release(key, verdict));
                    self.model.release(key.id, Err(CloseReason::NotKept), false);
                }
            }
            Op::Detach(n) => {
                let Some(key) = take(&mut self.lent, n) else { return false };
                if self.core.detach(key) {
                    self.model.detach(key.id);
                    self.gone(key.id);
                    self.counts.detached += 1;
                }
            }
            Op::Connected(n) => {
                let Some(key) = take(&mut self.connecting, n) else { return false };
                let owned = self.core.owns(key);
                assert_eq!(self.core.connected(key, Duration::from_millis(20), self.now), owned);
                if owned {
                    self.model.connected(key.id);
                    self.counts.connected += 1;
                }
            }
            Op::ConnectFailed(n, setback) => {
                let Some(key) = take(&mut self.connecting, n) else { return false };
                let owned = self.core.owns(key);
                self.core.connect_failed(key, setback, self.now);
                if owned {
                    // What overload teaches is the gate's: the model hears of the new limit before it serves.
                    self.model.limit = self.core.limit();
                    self.model.connect_failed(key.id, setback);
                    self.gone(key.id);
                    let failures = &mut self.counts.connect_failures;
                    match setback {
                        Setback::Transient => failures.transient += 1,
                        Setback::Permanent => failures.permanent += 1,
                        Setback::Overload => failures.overload += 1,
                    }
                }
            }
            Op::Tested(n, passed) => {
                let Some(key) = take(&mut self.testing, n) else { return false };
                let owned = self.core.owns(key);
                assert_eq!(self.core.tested(key, passed, self.now), owned);
                let tests = [&mut self.counts.tests_failed, &mut self.counts.tests_passed];
                *tests[usize::from(passed)] += 1;
                if owned {
                    let kept = self.model.conns.iter().any(|c| c.id == key.id && c.kept_alive);
                    if kept {
                        self.model.was_kept_alive(key.id, passed);
                    } else {
                        self.model.tested(key.id, passed);
                    }
                }
            }
            Op::WasReset(n, passed) => {
                let Some(key) = take(&mut self.resetting, n) else { return false };
                let owned = self.core.owns(key);
                assert_eq!(self.core.was_reset(key, passed, self.now), owned);
                if owned {
                    self.model.was_reset(key.id, passed);
                }
            }
            Op::Closed(n) => {
                let Some(key) = take(&mut self.closing, n) else { return false };
                self.core.closed(key, false);
                self.model.closed(key.id);
            }
            Op::Wait(d) => self.wait(d),
            Op::Sweep(dead) => self.sweep(dead),
            Op::Clear => {
                self.core.clear_by_hand(self.now);
                self.model.clear();
            }
            Op::Pause => {
                self.core.pause(false);
                self.model.pause();
            }
            Op::Resume => {
                self.core.resume(self.now);
                self.model.resume();
            }
            Op::Resize(n) => {
                let options = Options { max_size: Bound::At(n), ..self.core.options().clone() };
                if options.validate().is_err() {
                    return false;
                }
                self.core.reconfigure(options, self.now);
                self.model.set_limit(self.core.limit(), n);
            }
            Op::Drain => {
                self.core.drain(Time::NEVER, self.now);
                self.model.drain();
            }
            Op::Close => {
                self.core.close(Time::NEVER, self.now);
                self.model.close();
            }
            Op::Overrun => {
                if self.model.state != State::Closed || self.overrun {
                    return false;
                }
                self.overrun = true;
                let lists = [&self.lent, &self.connecting, &self.testing, &self.resetting];
                let given_up: Vec<SlotKey> = lists
                    .into_iter()
                    .flatten()
                    .copied()
                    .filter(|&key| self.core.owns(key))
                    .collect();
                self.core.overrun();
                self.model.abandon();
                // Closes that counted are given up with them.
                let detached = self.core.counts().detached;
                assert!(detached >= self.counts.detached + given_up.len() as u64, "given up");
                self.counts.detached = detached;
                given_up.into_iter().for_each(|key| self.gone(key.id));
            }
        }
        true
    }

    fn acquire(&mut self, level: u8, wanted: u32, kind: Kind) {
        let shares = kind == Kind::Shared;
        let ticket = self.core.tickets + 1;
        let hit = match (wanted, kind) {
            (1, Kind::Exclusive) => self.model.hit(level, ticket),
            (_, Kind::Shared) => self.model.share_hit(level, ticket),
            _ => None,
        };
        let full = self.model.is_full(shares);
        let answer = self.ask(level, wanted, kind);
        assert_eq!(self.core.tickets, ticket, "each newcomer draws one ticket");
        match answer {
            Acquired::Hit(key) => {
                assert_eq!(hit, Some(key.id), "a hit lends what the policy says");
                self.counts.acquired += 1;
                self.counts.hits += 1;
                match kind {
                    Kind::Exclusive => self.borrow(key),
                    Kind::Shared => self.share(key, true),
                }
            }
            Acquired::Queued(w) => {
                assert_eq!(hit, None, "nobody queues who can be served");
                assert!(!full, "nobody joins a full queue");
                assert!(self.model.state <= State::Paused, "no newcomers to a pool that ends");
                self.waiters.push(w);
                self.model.join(Wait { name: w, level, ticket, wanted: wanted as usize, shares });
            }
            Acquired::Refused(refusal) => {
                assert_eq!(hit, None);
                match refusal {
                    Refusal::QueueFull => self.counts.rejected += 1,
                    Refusal::Down => self.counts.failed += 1,
                    _ => self.counts.closed += 1,
                }
                match refusal {
                    Refusal::QueueFull => assert!(full, "a queue that is not full refuses nobody"),
                    Refusal::Draining => assert_eq!(self.model.state, State::Draining),
                    Refusal::Closed => assert_eq!(self.model.state, State::Closed),
                    Refusal::Down => assert_eq!(
                        self.model.size(),
                        self.model.count(Doing::Connecting) + self.model.count(Doing::Closing)
                    ),
                    Refusal::Paused
                    | Refusal::RuntimeGone
                    | Refusal::Broken
                    | Refusal::TooMany(_)
                    | Refusal::Exhausted => panic!("nobody asked for this"),
                }
            }
        }
    }

    /// As the shell does it: by the short way, if there is one. Then the long one must lead to the same.
    fn ask(&mut self, level: u8, wanted: u32, kind: Kind) -> Acquired {
        self.core.tick(self.now);
        let long = self.core.nothing_follows().then(|| self.core.clone());
        let answer = |core: &mut Core| {
            let ticket = core.ticket();
            core.acquire(Request { level, ticket, wanted, kind }, false, self.now)
        };
        let Some((_, w)) = self.core.line_up(level, wanted, kind) else {
            return answer(&mut self.core);
        };
        let mut long = long.expect("whoever lines up only waits");
        assert_eq!(answer(&mut long), Acquired::Queued(w));
        assert_eq!(image(&self.core), image(&long), "the short way to the queue's end is no other");
        Acquired::Queued(w)
    }

    /// The same for what comes back.
    fn give_back(&mut self, key: SlotKey, verdict: Verdict) -> bool {
        if verdict != Verdict::Keep || !self.core.passes_on() {
            return self.core.release(key, verdict);
        }
        let mut long = self.core.clone();
        let Some(w) = self.core.pass_on(key) else { return self.core.release(key, verdict) };
        assert!(long.release(key, verdict));
        assert_eq!(long.take_wake(), Some(w));
        assert_eq!(image(&self.core), image(&long), "the short way from hand to hand is no other");
        self.woken(w);
        true
    }

    fn poll(&mut self, w: u32) {
        let shares = self.core.queue[w].request.kind == Kind::Shared;
        let granted = self.model.collect(w);
        match self.core.collect(w) {
            Collected::Waiting => {
                assert_eq!(granted, None);
                let waits = self.model.queue.iter().any(|wait| wait.name == w);
                assert!(waits, "who is told to wait stands in the queue");
            }
            Collected::Granted(key) if shares => {
                assert_eq!(granted, Some(vec![key.id]), "a waiter gets what was granted to it");
                self.waiters.retain(|&other| other != w);
                self.counts.acquired += 1;
                self.share(key, false);
            }
            Collected::Granted(first) => {
                let mut keys = vec![first];
                while let Some(next) = self.core.next_granted(keys[keys.len() - 1]) {
                    keys.push(next);
                }
                let ids: Vec<Id> = keys.iter().map(|k| k.id).collect();
                assert_eq!(granted, Some(ids), "a waiter gets what was granted to it");
                self.waiters.retain(|&other| other != w);
                self.counts.acquired += 1;
                for key in keys {
                    self.borrow(key);
                }
            }
            Collected::Failed(failure) => {
                assert_eq!(granted, None);
                match failure {
                    Failure::Connect => self.counts.failed += 1,
                    Failure::Closed | Failure::RuntimeGone | Failure::Broken => {
                        self.counts.closed += 1;
                    }
                    Failure::TooMany(_) => self.counts.rejected += 1,
                }
                self.waiters.retain(|&other| other != w);
            }
        }
    }

    fn borrow(&mut self, key: SlotKey) {
        assert!(!self.lent.contains(&key), "a connection is held by at most one borrower");
        assert!(self.alive.contains(&key.id), "what is lent was made and not closed");
        self.lent.push(key);
    }

    fn share(&mut self, key: SlotKey, anew: bool) {
        assert!(!self.lent.contains(&key), "what is shared has no borrower of its own");
        assert!(self.alive.contains(&key.id), "what is shared was made and not closed");
        if anew {
            self.assert_current(key);
        }
        self.sharing.push(key);
    }

    fn assert_current(&self, key: SlotKey) {
        let generation = self.core.slots[key.index].generation;
        assert_eq!(generation, self.core.life.generation, "nobody joins an old generation");
    }

    fn wait(&mut self, d: Duration) {
        self.now = self.now + d;
        self.model.tick(self.now);
        let epoch = self.core.supply_epoch;
        self.core.upkeep(self.now);
        // What only time decides is read from the core; the model says whether it was right.
        self.model.limit = self.core.limit();
        if self.core.supply_epoch != epoch {
            self.model.lose_patience();
        }
        self.model.take_stale_grants(true);
    }

    fn sweep(&mut self, dead: usize) {
        let mut cursor = 0;
        let mut n = 0;
        while let Some(key) = self.core.sweep_next(&mut cursor) {
            let died = (n == dead).then_some(CloseReason::Died);
            assert!(self.core.swept(key, died));
            if let Some(reason) = died {
                self.model.release_idle(key.id, reason);
            } else if self.core.slots[key.index].phase == Phase::Keepalive {
                self.model.keep_alive(key.id);
            }
            n += 1;
        }
    }

    /// Carries out the core's orders: what they name is now somewhere in this world.
    fn obey(&mut self) {
        loop {
            let orders = self.core.take_orders();
            let mut again = false;
            for &order in &orders {
                match order {
                    Order::Connect(key) => {
                        self.connects += 1;
                        self.counts.connects += 1;
                        self.connecting.push(key);
                        self.alive.push(key.id);
                        self.made.push((key.id, self.model.generation));
                        self.model.begin_connect(key.id);
                    }
                    Order::Test(key) => {
                        self.testing.push(key);
                        self.seen.tests.push(key.id);
                    }
                    Order::Reset(key) => {
                        self.resetting.push(key);
                        self.seen.resets.push(key.id);
                    }
                    Order::Close { key, reason } => {
                        self.closing.push(key);
                        self.seen.closes.push((key.id, reason));
                        self.counts.closes.add(reason);
                        self.gone(key.id);
                    }
                    Order::Forget(key) => self.gone(key.id),
                    Order::Wake(w) => self.woken(w),
                    Order::Again => again = true,
                    Order::Tell { .. } => self.counts.stale_grants += 1,
                    Order::Kick | Order::Announce => {}
                }
            }
            self.core.return_orders(orders);
            if !again {
                return;
            }
            self.core.pump();
        }
    }

    fn gone(&mut self, id: Id) {
        let at = self.alive.iter().position(|&other| other == id);
        let at = at.expect("every connection made ends exactly once");
        self.alive.remove(at);
    }

    fn woken(&mut self, w: u32) {
        use crate::core::queue::Step;
        let waiter = &self.core.queue[w];
        match waiter.step {
            Step::Granted(index) if waiter.request.kind == Kind::Shared => {
                let key = self.core.slots.key(index);
                self.assert_current(key);
                self.seen.granted.push((w, vec![key.id]));
            }
            Step::Granted(first) => {
                let mut ids = vec![self.core.slots[first].id];
                let mut key = self.core.slots.key(first);
                while let Some(next) = self.core.next_granted(key) {
                    ids.push(next.id);
                    key = next;
                }
                self.seen.granted.push((w, ids));
            }
            Step::Failed(failure) => self.seen.failed.push((w, failure)),
            // Granted and taken back, or collected by its own poll, within one command.
            Step::Parked | Step::Free => {}
            step => panic!("only who got something is woken, not who is {step:?}"),
        }
    }

    /// The two worlds must agree.
    fn compare(&mut self) {
        let mut expected = std::mem::take(&mut self.model.events);
        let mut seen = std::mem::take(&mut self.seen);
        for events in [&mut expected, &mut seen] {
            events.granted.sort();
            events.failed.sort_by_key(|f| f.0);
            events.tests.sort_unstable();
            events.resets.sort_unstable();
            events.closes.sort();
        }
        // Who got something within its own poll is gone already.
        expected.failed.retain(|f| seen.failed.contains(f) || self.waiters.contains(&f.0));
        expected.granted.retain(|g| seen.granted.contains(g) || self.waiters.contains(&g.0));
        assert_eq!(seen, expected, "the core does what the model says");

        assert_eq!(*self.core.counts(), self.counts, "the counters tell what happened");
        let status = self.core.status();
        let model = &self.model;
        assert_eq!(status.waiting, model.queue.len(), "waiting");
        let stale = model.conns.iter().filter(|c| c.kept_alive && c.generation != model.generation);
        let resting = model.idle.len() + stale.count();
        assert_eq!(status.available, resting - model.kept_alive(), "available");
        let using = model.count(Doing::Lent) + model.count(Doing::Shared);
        assert_eq!(status.using, using, "using");
        let sharers: usize = model.conns.iter().map(|c| c.sharers).sum();
        assert_eq!(status.sharers, sharers, "sharers");
        assert_eq!(status.connecting, model.count(Doing::Connecting), "connecting");
        let tested = model.count(Doing::Testing) + model.kept_alive();
        assert_eq!(status.testing, tested, "testing");
        assert_eq!(status.resetting, model.count(Doing::Resetting), "resetting");
        assert_eq!(status.size, model.size(), "size");
        assert_eq!(status.state, model.state, "state");
        if self.core.options().free_slot == FreeSlot::WhenClosed && !self.overrun {
            assert_eq!(status.closing, model.count(Doing::Closing), "closing");
        }
        let mut queue: Vec<_> = model.queue.iter().map(|w| (w.level, w.ticket, w.name)).collect();
        queue.sort_unstable();
        let names: Vec<u32> = queue.into_iter().map(|(.., name)| name).collect();
        assert_eq!(self.core.queue.in_order(), names, "the queue's order");
        for (_, slot) in self.core.slots.iter().filter(|(_, s)| s.phase == Phase::Lent) {
            let lent_before = self.lent.iter().any(|key| key.id == slot.id);
            assert!(
                lent_before
                    || slot.generation == self.core.life.generation
                    || model.granted.iter().any(|(_, ids, _)| ids.contains(&slot.id)),
                "nothing of an old generation is lent anew"
            );
        }
        let lent = self.lent.iter().filter(|key| self.core.owns(**key)).count();
        let own = model.granted.iter().filter(|(w, ..)| !w.shares);
        let granted: usize = own.map(|(_, ids, _)| ids.len()).sum();
        assert_eq!(lent + granted, model.count(Doing::Lent), "whoever holds a connection is known");
        let sharing = self.sharing.iter().filter(|key| self.core.owns(**key)).count();
        let granted = model.granted.iter().filter(|(w, ..)| w.shares).count();
        assert_eq!(sharing + granted, status.sharers, "whoever shares a connection is known");
        for conn in model.conns.iter().filter(|c| c.doing == Doing::Shared) {
            let most = self.core.options().max_sharers;
            assert!(conn.sharers <= most, "at most `max_sharers` share a connection");
        }
    }

    /// Ends everything that is under way and checks that the pool comes to rest.
    pub(crate) fn calm_down(&mut self) {
        self.step(Op::Resume);
        // Whoever wants several wants no more than there may be.
        self.step(Op::Resize(6));
        for _ in 0..2_000 {
            let busy = self.step(Op::Connected(0))
                || self.step(Op::Tested(0, true))
                || self.step(Op::WasReset(0, true))
                || self.step(Op::Closed(0));
            if busy {
                continue;
            }
            while !self.waiters.is_empty() {
                let before = self.waiters.len();
                for n in (0..before).rev() {
                    self.step(Op::Poll(n));
                }
                if self.waiters.len() == before {
                    break;
                }
            }
            if self.step(Op::Release(0, Verdict::Keep)) || self.step(Op::Unshare(0, None)) {
                continue;
            }
            if self.waiters.is_empty() {
                break;
            }
            self.step(Op::Wait(Duration::from_secs(6)));
        }
        assert!(self.waiters.is_empty(), "in a healthy world everybody is served in the end");
        assert_eq!(self.core.status().waiting, 0);
        while self.step(Op::Connected(0)) || self.step(Op::Closed(0)) {}
        let status = self.core.status();
        assert_eq!(status.size, status.available + status.using, "at rest size is idle and lent");
        self.step(Op::Close);
        while self.step(Op::Release(0, Verdict::Keep))
            || self.step(Op::Unshare(0, None))
            || self.step(Op::Closed(0))
        {}
        assert!(self.core.is_settled(), "a close settles when everything is back");
        assert_eq!(self.core.status().size, 0);
        assert!(self.alive.is_empty(), "every connection made was closed or detached");
    }

    /// The state as far as the future depends on it, with names and times that do not matter left out.
    pub(crate) fn fingerprint(&self) -> String {
        use std::fmt::Write;
        let core = &self.core;
        let mut text = String::new();
        let now = self.now;
        let slot = |id: Id| {
            let s = self.core.slots.iter().find(|(_, s)| s.id == id).map(|(_, s)| s);
            s.map(|s| {
                let old = s.generation != core.life.generation;
                let rested = now.since(s.alive_at) >= Duration::from_secs(1);
                let counted = match s.phase {
                    Phase::Connecting => s.epoch == core.gate.epoch(),
                    Phase::Testing | Phase::Resetting => s.epoch == core.supply_epoch,
                    _ => false,
                };
                let sharing = (s.sharers, s.last_call.is_some());
                // Uses matter only where they are limited.
                let uses = match core.options().max_uses {
                    Bound::At(most) => s.uses.min(most),
                    Bound::Unlimited => 0,
                };
                (old, rested, counted, uses, s.leaving, sharing)
            })
        };
        let list = |ids: Vec<Id>, sort: bool| {
            let mut all: Vec<_> = ids.into_iter().map(slot).collect();
            if sort {
                all.sort();
            }
            all
        };
        // What the pool gave up is nobody's business any more.
        let ids = |keys: &[SlotKey]| {
            let owned = keys.iter().filter(|key| core.owns(**key));
            owned.map(|key| key.id).collect::<Vec<_>>()
        };
        let waiter = |w: &Wait| (w.level, w.wanted, w.shares);
        let shared = self.model.shared_in_order();
        let mut queue = self.model.queue.clone();
        queue.sort_by_key(|w| (w.level, w.ticket));
        let mut parked: Vec<_> = self.model.parked.clone();
        parked.sort_by_key(|w| (w.level, w.ticket));
        let granted: Vec<_> = self
            .model
            .granted
            .iter()
            .map(|(w, ids, at)| {
                let share = shared.iter().position(|id| w.shares && *id == ids[0]);
                (waiter(w), ids.len(), share, now.since(*at).as_millis() >= 1000)
            })
            .collect();
        let failed = self.waiters.len() - queue.len() - parked.len() - granted.len();
        write!(
            text,
            "{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{:?}|{granted:?}|{failed}|{:?}|{:?}|{:?}|{}|{}",
            list(self.model.idle.clone(), false),
            list(ids(&self.lent), true),
            list(shared.clone(), false),
            list(ids(&self.connecting), true),
            list(ids(&self.testing), true),
            list(ids(&self.resetting), true),
            self.closing.len().min(1),
            queue.iter().map(waiter).collect::<Vec<_>>(),
            parked.iter().map(waiter).collect::<Vec<_>>(),
            (core.gate.fingerprint(core.options(), now), core.flow.fingerprint()),
            core.life.state(),
            core.doomed.map(|(_, why)| why == Failure::Connect),
            core.limit(),
            core.returning,
        )
        .expect("writing to a string");
        text
    }
}

fn take(list: &mut Vec<SlotKey>, n: usize) -> Option<SlotKey> {
    (n < list.len()).then(|| list.remove(n))
}
