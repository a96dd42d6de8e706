//! The reference model: what the pool promises, told with plain vectors and no thought of speed. It says
//! who is served with which connection, what is tested, reset and closed and why. When to connect is the
//! gate's affair: the model takes connects as they come and the world checks their bounds.

use std::time::Duration;

use crate::config::{FreeSlot, OnConnectError, Options, Order, TestOnAcquire};
use crate::core::{Failure, Setback};
use crate::stats::{CloseReason, State};
use crate::time::Time;

pub(crate) type Id = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Connecting,
    Idle,
    Lent,
    Shared,
    Testing,
    Resetting,
    Closing,
}

#[derive(Clone, Debug)]
pub(crate) struct Conn {
    pub(crate) id: Id,
    pub(crate) doing: Doing,
    pub(crate) generation: u64,
    uses: usize,
    pub(crate) sharers: usize,
    /// When its number of sharers changed last.
    turn: u64,
    /// It takes no new sharer and closes with its last.
    pub(crate) last_call: Option<CloseReason>,
    idle_since: Time,
    alive_at: Time,
    verified_for: u64,
    /// A test or reset that the pool no longer counts on.
    overdue: bool,
    /// Being tested in its place in the idle list.
    pub(crate) kept_alive: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) name: u32,
    pub(crate) level: u8,
    pub(crate) ticket: u64,
    pub(crate) wanted: usize,
    pub(crate) shares: bool,
}

/// What the model says must have happened since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    pub(crate) granted: Vec<(u32, Vec<Id>)>,
    pub(crate) failed: Vec<(u32, Failure)>,
    pub(crate) tests: Vec<Id>,
    pub(crate) resets: Vec<Id>,
    pub(crate) closes: Vec<(Id, CloseReason)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) options: Options,
    pub(crate) limit: usize,
    pub(crate) max: usize,
    turns: u64,
    pub(crate) now: Time,
    pub(crate) conns: Vec<Conn>,
    /// Coldest first.
    pub(crate) idle: Vec<Id>,
    pub(crate) queue: Vec<Wait>,
    /// Grants not collected yet, with the time they were made.
    pub(crate) granted: Vec<(Wait, Vec<Id>, Time)>,
    pub(crate) parked: Vec<Wait>,
    pub(crate) generation: u64,
    pub(crate) state: State,
    pub(crate) runtime_gone: bool,
    pub(crate) events: Events,
}

impl Model {
    pub(crate) fn new(options: Options, now: Time) -> Model {
        Model {
            limit: options.max_size.get(),
            max: options.max_size.get(),
            turns: 0,
            options,
            now,
            conns: Vec::new(),
            idle: Vec::new(),
            queue: Vec::new(),
            granted: Vec::new(),
            parked: Vec::new(),
            generation: 0,
            state: State::Running,
            runtime_gone: false,
            events: Events::default(),
        }
    }

    pub(crate) fn count(&self, doing: Doing) -> usize {
        self.conns.iter().filter(|c| c.doing == doing).count()
    }

    pub(crate) fn size(&self) -> usize {
        self.conns.len()
    }

    /// Those that are not on their way out.
    fn standing(&self) -> usize {
        self.conns.iter().filter(|conn| conn.doing != Doing::Closing).count()
    }

    fn conn(&mut self, id: Id) -> &mut Conn {
        self.conns.iter_mut().find(|c| c.id == id).expect("the model knows this connection")
    }

    fn serves(&self) -> bool {
        matches!(self.state, State::Running | State::Draining) && !self.runtime_gone
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed || self.runtime_gone
    }

    /// The waiter to be served next.
    fn head(&self) -> Option<&Wait> {
        self.queue.iter().min_by_key(|w| (w.level, w.ticket))
    }

    fn needs_test(&self, id: Id, ticket: u64) -> bool {
        let conn = self.conns.iter().find(|c| c.id == id).unwrap();
        match self.options.test_on_acquire {
            TestOnAcquire::Never => false,
            TestOnAcquire::Always => conn.verified_for != ticket,
            TestOnAcquire::IfIdleFor(d) => self.now.since(conn.alive_at) >= d,
        }
    }

    fn next_idle(&self) -> Option<Id> {
        let mut there = self.idle.iter().copied().filter(|&id| !self.is_kept_alive(id));
        match self.options.order {
            Order::Lifo => there.next_back(),
            Order::Fifo => there.next(),
        }
    }

    fn is_kept_alive(&self, id: Id) -> bool {
        self.conns.iter().any(|c| c.id == id && c.kept_alive)
    }

    fn coldest(&self) -> Option<Id> {
        self.idle.iter().copied().find(|&id| !self.is_kept_alive(id))
    }

    pub(crate) fn kept_alive(&self) -> usize {
        self.conns.iter().filter(|c| c.kept_alive).count()
    }

    /// An idle connection's test is due: it is tested in its place.
    pub(crate) fn keep_alive(&mut self, id: Id) {
        let conn = self.conn(id);
        (conn.kept_alive, conn.overdue) = (true, false);
        self.events.tests.push(id);
    }

    /// Such a test has ended.
    pub(crate) fn was_kept_alive(&mut self, id: Id, passed: bool) {
        let (now, generation) = (self.now, self.generation);
        let conn = self.conn(id);
        conn.kept_alive = false;
        if passed {
            conn.alive_at = now;
        }
        if conn.generation != generation {
            let reason =
                if self.is_closed() { CloseReason::PoolClosed } else { CloseReason::Cleared };
            self.close_one(id, reason);
        } else if !passed {
            self.close_one(id, CloseReason::TestFailed);
        }
        self.serve();
    }

    /// The idle connection that a newcomer gets at once, if any.
    pub(crate) fn hit(&mut self, level: u8, ticket: u64) -> Option<Id> {
        let passed = self.head().is_some_and(|h| (h.level, h.ticket) < (level, ticket));
        if self.state != State::Running || passed || self.standing() > self.limit {
            return None;
        }
        let id = self.next_idle().filter(|&id| !self.needs_test(id, ticket))?;
        self.idle.retain(|&i| i != id);
        self.conn(id).doing = Doing::Lent;
        self.serve();
        Some(id)
    }

    /// The connection of which a newcomer gets a share at once, if any.
    pub(crate) fn share_hit(&mut self, level: u8, ticket: u64) -> Option<Id> {
        let passed = self.head().is_some_and(|h| (h.level, h.ticket) < (level, ticket));
        if self.state != State::Running || passed || self.standing() > self.limit {
            return None;
        }
        let id = match self.joinable() {
            Some(id) => id,
            None => self.next_idle().filter(|&id| !self.needs_test(id, ticket))?,
        };
        self.join_share(id);
        self.serve();
        Some(id)
    }

    /// The least shared connection that has room; among equals the one whose turn is longest ago.
    fn joinable(&mut self) -> Option<Id> {
        loop {
            let open = |c: &&Conn| c.doing == Doing::Shared && c.last_call.is_none();
            let least = self.conns.iter().filter(open).min_by_key(|c| (c.sharers, c.turn))?;
            if least.sharers >= self.options.max_sharers {
                return None;
            }
            let id = least.id;
            match self.reason_to_end(id) {
                Some(reason) => self.conn(id).last_call = Some(reason),
                None => return Some(id),
            }
        }
    }

    /// The shared connections in the order in which they would be joined.
    pub(crate) fn shared_in_order(&self) -> Vec<Id> {
        let mut shared: Vec<_> = self
            .conns
            .iter()
            .filter(|c| c.doing == Doing::Shared)
            .map(|c| (c.last_call.is_some(), c.sharers, c.turn, c.id))
            .collect();
        shared.sort_unstable();
        shared.into_iter().map(|(.., id)| id).collect()
    }

    fn join_share(&mut self, id: Id) {
        self.idle.retain(|&i| i != id);
        self.turns += 1;
        let turn = self.turns;
        let conn = self.conn(id);
        conn.doing = Doing::Shared;
        conn.sharers += 1;
        conn.turn = turn;
    }

    pub(crate) fn unshare(&mut self, id: Id, close: Option<CloseReason>, late: bool) {
        let now = self.now;
        let conn = self.conn(id);
        conn.uses += 1;
        conn.alive_at = now;
        conn.last_call = conn.last_call.or(close);
        self.leave_share(id, late);
        self.serve();
    }

    fn leave_share(&mut self, id: Id, late: bool) {
        self.turns += 1;
        let (turn, now) = (self.turns, self.now);
        let conn = self.conn(id);
        conn.sharers -= 1;
        conn.turn = turn;
        if conn.sharers > 0 {
            return;
        }
        conn.idle_since = if late { Time::NEVER } else { now };
        match conn.last_call.take() {
            Some(reason) => self.close_one(id, reason),
            None => self.come_back(id, false),
        }
    }

    /// What was granted comes back unused.
    fn ungrant(&mut self, wait: &Wait, ids: Vec<Id>, late: bool) {
        for id in ids {
            match wait.shares {
                true => self.leave_share(id, late),
                false => self.come_back(id, false),
            }
        }
    }

    /// Whether a newcomer would be one too many. Connections that will be there soon go to those who want
    /// one for themselves first, the rest to sharers.
    pub(crate) fn is_full(&self, shares: bool) -> bool {
        let most = self.options.max_sharers;
        let (mut own, mut sharing) = self.demands();
        *(if shares { &mut sharing } else { &mut own }) += 1;
        let away = self.count(Doing::Lent) + self.count(Doing::Shared) + self.count(Doing::Closing);
        let soon = self.limit.saturating_sub(away);
        let room = self.room() + soon.saturating_sub(own) * most;
        own.saturating_sub(soon) + sharing.saturating_sub(room) > self.options.max_waiting.get()
    }

    fn demands(&self) -> (usize, usize) {
        let own = self.queue.iter().filter(|w| !w.shares).map(|w| w.wanted).sum();
        (own, self.queue.iter().filter(|w| w.shares).count())
    }

    /// How many more sharers the shared connections could take.
    fn room(&self) -> usize {
        let open = self.conns.iter().filter(|c| c.doing == Doing::Shared && c.last_call.is_none());
        open.map(|c| self.options.max_sharers.saturating_sub(c.sharers)).sum()
    }

    fn demand(&self) -> usize {
        let (own, sharing) = self.demands();
        own + sharing.saturating_sub(self.room()).div_ceil(self.options.max_sharers)
    }

    pub(crate) fn join(&mut self, wait: Wait) {
        self.queue.push(wait);
        self.serve();
    }

    pub(crate) fn cancel(&mut self, name: u32, late: bool) {
        self.queue.retain(|w| w.name != name);
        self.parked.retain(|w| w.name != name);
        if let Some(at) = self.granted.iter().position(|(w, ..)| w.name == name) {
            let (wait, ids, _) = self.granted.remove(at);
            self.ungrant(&wait, ids, late);
        }
        self.serve();
    }

    pub(crate) fn collect(&mut self, name: u32) -> Option<Vec<Id>> {
        if let Some(at) = self.parked.iter().position(|w| w.name == name) {
            let wait = self.parked.remove(at);
            if self.is_closed() {
                let why = if self.runtime_gone { Failure::RuntimeGone } else { Failure::Closed };
                self.events.failed.push((name, why));
                return None;
            }
            self.join(wait);
        }
        let at = self.granted.iter().position(|(w, ..)| w.name == name)?;
        Some(self.granted.remove(at).1)
    }

    pub(crate) fn begin_connect(&mut self, id: Id) {
        assert!(self.size() < self.limit, "a connect needs room");
        self.conns.push(Conn {
            id,
            doing: Doing::Connecting,
            generation: self.generation,
            uses: 0,
            sharers: 0,
            turn: 0,
            last_call: None,
            idle_since: self.now,
            alive_at: self.now,
            verified_for: 0,
            overdue: false,
            kept_alive: false,
        });
    }

    pub(crate) fn connected(&mut self, id: Id) {
        let now = self.now;
        let conn = self.conn(id);
        (conn.idle_since, conn.alive_at) = (now, now);
        self.come_back(id, true);
        self.serve();
    }

    pub(crate) fn connect_failed(&mut self, id: Id, setback: Setback) {
        self.conns.retain(|c| c.id != id);
        let everybody = match (setback, self.options.on_connect_error) {
            (Setback::Overload, _) => false,
            (Setback::Permanent, _) | (_, OnConnectError::FailAll) => true,
            (_, OnConnectError::FailFirst) => {
                if let Some(name) = self.head().map(|w| w.name) {
                    self.fail(name, Failure::Connect);
                }
                false
            }
            (_, OnConnectError::Retry) => {
                let made = |c: &Conn| !matches!(c.doing, Doing::Connecting | Doing::Closing);
                self.options.fail_fast && !self.conns.iter().any(made)
            }
        };
        if everybody {
            self.fail_all(Failure::Connect);
        }
        self.serve();
    }

    fn fail(&mut self, name: u32, failure: Failure) {
        self.queue.retain(|w| w.name != name);
        self.events.failed.push((name, failure));
    }

    fn fail_all(&mut self, failure: Failure) {
        while let Some(name) = self.head().map(|w| w.name) {
            self.fail(name, failure);
        }
    }

    /// `late`: the pool's clock stood still when this one came back, so its rest begins with the next tick.
    pub(crate) fn release(&mut self, id: Id, keep: Result<bool, CloseReason>, late: bool) {
        let now = self.now;
        let conn = self.conn(id);
        conn.uses += 1;
        (conn.idle_since, conn.alive_at) = (if late { Time::NEVER } else { now }, now);
        match keep {
            Ok(false) => self.come_back(id, false),
            Ok(true) => match self.reason_to_close(id) {
                Some(reason) => self.close_one(id, reason),
                None => {
                    let conn = self.conn(id);
                    (conn.doing, conn.overdue) = (Doing::Resetting, false);
                    self.events.resets.push(id);
                }
            },
            Err(reason) => self.close_one(id, reason),
        }
        self.serve();
    }

    pub(crate) fn detach(&mut self, id: Id) {
        self.conns.retain(|c| c.id != id);
        self.serve();
    }

    pub(crate) fn tested(&mut self, id: Id, passed: bool) {
        let now = self.now;
        let conn = self.conn(id);
        conn.idle_since = conn.idle_since.min(now);
        if passed {
            self.conn(id).alive_at = now;
            self.come_back(id, true);
        } else {
            self.close_one(id, CloseReason::TestFailed);
        }
        self.serve();
    }

    pub(crate) fn was_reset(&mut self, id: Id, passed: bool) {
        let now = self.now;
        if passed {
            let conn = self.conn(id);
            (conn.idle_since, conn.alive_at) = (now, now);
            self.come_back(id, false);
        } else {
            self.close_one(id, CloseReason::ResetFailed);
        }
        self.serve();
    }

    pub(crate) fn closed(&mut self, id: Id) {
        self.conns.retain(|c| c.id != id || c.doing != Doing::Closing);
        self.serve();
    }

    fn reason_to_close(&self, id: Id) -> Option<CloseReason> {
        let over = (self.standing() > self.limit).then_some(CloseReason::Shrunk);
        self.reason_to_end(id).or(over)
    }

    fn reason_to_end(&self, id: Id) -> Option<CloseReason> {
        let conn = self.conns.iter().find(|c| c.id == id).unwrap();
        if self.is_closed() {
            Some(CloseReason::PoolClosed)
        } else if conn.generation != self.generation {
            Some(CloseReason::Cleared)
        } else if conn.uses + conn.sharers >= self.options.max_uses.get() {
            Some(CloseReason::MaxUses)
        } else {
            None
        }
    }

    fn come_back(&mut self, id: Id, fresh: bool) {
        if let Some(reason) = self.reason_to_close(id) {
            return self.close_one(id, reason);
        }
        if self.serves() {
            if let Some(head) = self.head().cloned() {
                if fresh {
                    self.conn(id).verified_for = head.ticket;
                }
                if head.wanted == 1 {
                    if self.needs_test(id, head.ticket) {
                        self.begin_test(id);
                    } else {
                        self.grant(head, vec![id]);
                    }
                    return;
                }
            }
        }
        self.conn(id).doing = Doing::Idle;
        let now = self.now;
        let mine = self.conn(id).idle_since.min(now);
        let coldest = self.idle.first().copied();
        let coldest = coldest.map(|cold| self.conn(cold).idle_since.min(now));
        match coldest {
            Some(coldest) if mine < coldest => self.idle.insert(0, id),
            _ => self.idle.push(id),
        }
        if self.idle.len() > self.options.max_idle.get() && self.queue.is_empty() {
            let coldest = self.coldest().expect("it came back itself");
            self.close_one(coldest, CloseReason::Surplus);
        }
    }

    fn begin_test(&mut self, id: Id) {
        self.idle.retain(|&i| i != id);
        let conn = self.conn(id);
        (conn.doing, conn.overdue) = (Doing::Testing, false);
        self.events.tests.push(id);
    }

    fn grant(&mut self, wait: Wait, ids: Vec<Id>) {
        for &id in &ids {
            self.idle.retain(|&i| i != id);
            match wait.shares {
                true => self.join_share(id),
                false => self.conn(id).doing = Doing::Lent,
            }
        }
        self.queue.retain(|w| w.name != wait.name);
        self.events.granted.push((wait.name, ids.clone()));
        self.granted.push((wait, ids, self.now));
    }

    fn close_one(&mut self, id: Id, reason: CloseReason) {
        self.idle.retain(|&i| i != id);
        self.events.closes.push((id, reason));
        match self.options.free_slot {
            FreeSlot::AtClose => self.conns.retain(|c| c.id != id),
            FreeSlot::WhenClosed => self.conn(id).doing = Doing::Closing,
        }
    }

    fn on_the_way(&self) -> usize {
        let busy = |c: &&Conn| matches!(c.doing, Doing::Testing | Doing::Resetting) || c.kept_alive;
        self.conns.iter().filter(busy).filter(|c| !c.overdue).count()
    }

    /// Ends what must end, serves the queue from what is idle, and closes the surplus.
    pub(crate) fn serve(&mut self) {
        self.serve_queue();
        while self.idle.len() > self.options.max_idle.get() && self.queue.is_empty() {
            let Some(coldest) = self.coldest() else { break };
            self.close_one(coldest, CloseReason::Surplus);
        }
    }

    fn serve_queue(&mut self) {
        while self.standing() > self.limit {
            let Some(coldest) = self.coldest() else { break };
            self.close_one(coldest, CloseReason::Shrunk);
        }
        self.fail_too_many();
        if !self.serves() || self.standing() > self.limit {
            return;
        }
        while let Some(head) = self.head().cloned() {
            if head.wanted > self.max {
                self.fail_too_many();
                continue;
            }
            if head.shares {
                if let Some(id) = self.joinable() {
                    self.grant(head, vec![id]);
                    continue;
                }
            }
            if head.wanted == 1 {
                let Some(id) = self.next_idle() else { return };
                if !self.needs_test(id, head.ticket) {
                    self.grant(head, vec![id]);
                    continue;
                }
                if self.on_the_way() >= self.demand() {
                    return;
                }
                self.begin_test(id);
                continue;
            }
            let at_rest = self.idle.iter().filter(|&&id| !self.is_kept_alive(id)).count();
            if at_rest + self.on_the_way() < head.wanted {
                return;
            }
            // Hottest first; those whose test is due are tested, as many as are missing.
            let mut ready = Vec::new();
            for id in self.idle.clone().into_iter().rev() {
                if ready.len() == head.wanted {
                    break;
                }
                if self.is_kept_alive(id) {
                    continue;
                }
                if !self.needs_test(id, head.ticket) {
                    ready.push(id);
                } else if self.on_the_way() < head.wanted - ready.len() {
                    self.begin_test(id);
                }
            }
            if ready.len() < head.wanted {
                return;
            }
            self.grant(head, ready);
        }
    }

    /// Who is first and wants more than there may be fails.
    fn fail_too_many(&mut self) {
        while let Some(head) = self.head().filter(|w| w.wanted > self.max).cloned() {
            self.fail(head.name, Failure::TooMany(head.wanted as u32));
        }
    }

    /// The clock has moved: what came back while it stood still came back just now.
    pub(crate) fn tick(&mut self, now: Time) {
        self.now = now;
        for conn in self.conns.iter_mut().filter(|c| c.doing == Doing::Idle) {
            conn.idle_since = conn.idle_since.min(now);
        }
    }

    /// Tests and resets under way are no longer counted on.
    pub(crate) fn lose_patience(&mut self) {
        for conn in &mut self.conns {
            conn.overdue = true;
        }
    }

    /// A grant that nobody collected for a second goes to the next, if there is one.
    pub(crate) fn take_stale_grants(&mut self, late: bool) {
        let stale = Duration::from_secs(1);
        while !self.queue.is_empty() {
            let oldest = self.granted.iter().position(|&(.., at)| self.now.since(at) >= stale);
            let Some(at) = oldest else { break };
            let (wait, ids, _) = self.granted.remove(at);
            self.ungrant(&wait, ids, late);
            self.parked.push(wait);
        }
        self.serve();
    }

    pub(crate) fn clear(&mut self) {
        self.generation += 1;
        self.close_idle(CloseReason::Cleared);
        self.serve();
    }

    fn close_idle(&mut self, reason: CloseReason) {
        while let Some(id) = self.coldest() {
            self.close_one(id, reason);
        }
        // What is being tested in its place closes when the test has ended.
        self.idle.clear();
    }

    pub(crate) fn pause(&mut self) {
        if self.state == State::Running {
            self.state = State::Paused;
        }
    }

    pub(crate) fn resume(&mut self) {
        if self.state == State::Paused {
            self.state = State::Running;
        }
        self.serve();
    }

    pub(crate) fn drain(&mut self) {
        self.state = self.state.max(State::Draining);
        self.serve();
    }

    pub(crate) fn close(&mut self) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.generation += 1;
            self.fail_all(Failure::Closed);
            self.close_idle(CloseReason::PoolClosed);
        }
    }

    /// The close's deadline: what is not idle leaves the books; grants that nobody collected close.
    pub(crate) fn abandon(&mut self) {
        while !self.granted.is_empty() {
            let (wait, ids, _) = self.granted.remove(0);
            self.ungrant(&wait, ids, false);
            self.parked.push(wait);
        }
        self.conns.clear();
    }

    /// An idle connection is found dead.
    pub(crate) fn release_idle(&mut self, id: Id, reason: CloseReason) {
        self.close_one(id, reason);
        self.serve();
    }

    pub(crate) fn set_limit(&mut self, limit: usize, max: usize) {
        (self.limit, self.max) = (limit, max);
        self.serve();
    }
}
