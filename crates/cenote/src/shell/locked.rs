//! What lies behind the lock: the core, and what the core knows only by index.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Waker;

use super::lane::Traffic;
use super::notes::Notes;
use super::timers::Timer;
use super::{Entry, Shell};
use crate::conn::Joint;
use crate::core::{Core, Kind, Order, SlotKey};
use crate::error::ConnectError;
use crate::lane::{Key, Lane};
use crate::manager::{Manager, Share};
use crate::observe::{Audience, EventKind, Subject};
use crate::report::{Holder, Tally};
use crate::stats::{CloseReason, State};
use crate::tasks::{Flight, Leg};
use crate::time::Time;

/// Who has a connection, for reports.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) location: &'static Location<'static>,
    pub(super) since: Time,
    /// When the walk that looks for leaks met it first.
    pub(crate) seen: Option<Time>,
    /// It was told as leaked.
    pub(crate) leaked: bool,
    /// Taken off the fast lane when the connection had been given back to it this often.
    pub(super) popped: Option<u32>,
}

/// What the shell keeps for one slot.
pub(super) struct Cell<M: Manager> {
    pub(super) entry: Option<Box<Entry<M>>>,
    pub(super) lease: Option<Lease>,
    /// The lane's latest opening when the connection was lent under the lock.
    opening: u64,
    /// How often the connection has been given back to the fast lane.
    pub(super) returns: u32,
    /// The driver's flag, with the id of the connection that it belongs to.
    pub(super) in_transaction: Option<(u64, Arc<AtomicBool>)>,
}

/// What the shell keeps for one waiter.
pub(crate) struct Desk<M: Manager> {
    pub(crate) waker: Option<Waker>,
    pub(crate) error: Option<Arc<ConnectError<M::Error>>>,
}

/// Everything behind the lock.
pub(crate) struct Locked<M: Manager> {
    pub(crate) core: Core,
    pub(super) cells: Vec<Cell<M>>,
    pub(crate) desks: Vec<Desk<M>>,
    /// Why the last connect failed, until one succeeds.
    pub(crate) last_error: Option<Arc<ConnectError<M::Error>>>,
    /// Futures that wait for the pool's state, not for a connection.
    pub(crate) watchers: Vec<(u64, Waker)>,
    pub(crate) last_watcher: u64,
    /// Who still held a connection when a drain or close ran out of time.
    pub(crate) holders: Vec<Holder>,
    /// The closes of the latest `clear`, of the latest `clear_where`, and of the pool's end.
    pub(crate) clearing: Option<Arc<Tally<M::Error>>>,
    pub(crate) selecting: Option<Arc<Tally<M::Error>>>,
    pub(crate) ending: Option<Arc<Tally<M::Error>>>,
    /// What has happened and is to be told after the unlock; empty if nobody listens.
    pub(crate) notes: Notes,
    /// The minimums were there once.
    pub(super) ready: bool,
    /// The end that was told as settled.
    pub(super) settled: Option<State>,
    /// Some connection has a flag that tells of transactions.
    pub(super) flagged: bool,
    /// Lent connections that were told as leaked.
    pub(crate) leaks: usize,
    /// The right to open and close the fast lane.
    pub(super) lane: Key,
    pub(super) traffic: Traffic,
    /// What waits left to those that come.
    pub(crate) timers: Vec<Timer>,
}

impl<M: Manager> Locked<M> {
    pub(super) fn new(core: Core, lane: Key) -> Locked<M> {
        Locked {
            core,
            lane,
            traffic: Traffic::default(),
            timers: Vec::new(),
            cells: Vec::new(),
            desks: Vec::new(),
            last_error: None,
            watchers: Vec::new(),
            last_watcher: 0,
            holders: Vec::new(),
            clearing: None,
            selecting: None,
            ending: None,
            notes: Notes::default(),
            ready: false,
            settled: None,
            flagged: false,
            leaks: 0,
        }
    }

    /// Lays a connection into its slot's cell.
    #[inline]
    pub(crate) fn lay(&mut self, entry: Box<Entry<M>>) {
        let index = entry.key.index as usize;
        if self.cells.len() <= index {
            self.make_cells(index + 1);
        }
        let cell = &mut self.cells[index];
        cell.lease = None;
        cell.entry = Some(entry);
    }

    #[cold]
    fn make_cells(&mut self, len: usize) {
        self.cells.resize_with(len, || Cell {
            entry: None,
            lease: None,
            opening: 0,
            returns: 0,
            in_transaction: None,
        });
    }

    /// Lays a connection into its cell for the first of those who wait, whose waker it returns: unless there may be more
    /// to do, or to be noted.
    #[inline(always)]
    pub(super) fn pass_on(&mut self, entry: Box<Entry<M>>) -> Result<Option<Waker>, Box<Entry<M>>> {
        let key = entry.key;
        let Some(cell) = self.cells.get_mut(key.index as usize) else { return Err(entry) };
        if self.leaks > 0 || cell.opening != self.lane.opening() {
            return Err(entry);
        }
        let Some(w) = self.core.pass_on(key) else { return Err(entry) };
        cell.lease = None;
        cell.entry = Some(entry);
        Ok(self.desks.get_mut(w as usize).and_then(|desk| desk.waker.take()))
    }

    /// As [`Core::line_up`], with the waker for whoever lines up; it comes back if nobody does.
    #[inline(always)]
    pub(crate) fn line_up(
        &mut self,
        level: u8,
        wanted: u32,
        kind: Kind,
        now: Option<Time>,
        waker: Waker,
    ) -> Result<(u64, u32), Waker> {
        if let Some(now) = now {
            self.core.tick(now);
        }
        let Some((ticket, w)) = self.core.line_up(level, wanted, kind) else { return Err(waker) };
        match self.desks.get_mut(w as usize) {
            Some(desk) => desk.waker = Some(waker),
            None => self.desk(w).waker = Some(waker),
        }
        Ok((ticket, w))
    }

    /// Whether the connection may have been on the fast lane since it was lent under the lock.
    #[inline]
    pub(super) fn lane_was_opened_since(&self, key: SlotKey) -> bool {
        let cell = self.cells.get(key.index as usize);
        cell.is_some_and(|cell| cell.opening != self.lane.opening())
    }

    pub(crate) fn lift(&mut self, key: SlotKey) -> Box<Entry<M>> {
        let entry = self.cells[key.index as usize].entry.take();
        entry.expect("a connection that nobody has lies in its cell")
    }

    /// Takes a lent connection out of its cell for its borrower.
    #[inline(always)]
    pub(crate) fn lend(
        &mut self,
        key: SlotKey,
        location: &'static Location<'static>,
    ) -> Box<Entry<M>> {
        let since = self.core.clock();
        let term = self.core.term_of(key);
        let cell = &mut self.cells[key.index as usize];
        cell.lease = Some(Lease { location, since, seen: None, leaked: false, popped: None });
        cell.opening = self.lane.opening();
        let mut entry = cell.entry.take().expect("a connection that is lent lay in its cell");
        entry.term = term;
        entry
    }

    /// A share of a connection, which stays in its cell.
    pub(crate) fn share(
        &mut self,
        key: SlotKey,
        location: &'static Location<'static>,
    ) -> Arc<dyn Joint<M::Connection>>
    where
        M: Share,
    {
        let since = self.core.clock();
        let cell = &mut self.cells[key.index as usize];
        // A sharer that was told as leaked stays the one to look for.
        if !cell.lease.is_some_and(|lease| lease.leaked) {
            cell.lease = Some(Lease { location, since, seen: None, leaked: false, popped: None });
        }
        cell.entry.as_mut().expect("a connection that is shared lies in its cell").conn.join()
    }

    /// As [`Core::share_found_dead`].
    pub(crate) fn share_found_dead(&mut self, key: SlotKey, hit: bool) -> bool {
        self.forget_last_lease(key);
        self.core.share_found_dead(key, hit)
    }

    /// Ends a share; returns false if the connection is no longer the pool's.
    pub(crate) fn unshare(
        &mut self,
        watch: &Audience,
        key: SlotKey,
        close: Option<CloseReason>,
    ) -> bool {
        if self.core.owns(key) {
            self.note(watch, Subject::Connection(key.id), EventKind::Released { held: None });
            if self.leaks > 0 && self.core.sharers(key) == 1 {
                self.note_return(watch, key);
            }
        }
        self.forget_last_lease(key);
        self.core.unshare(key, close)
    }

    fn forget_last_lease(&mut self, key: SlotKey) {
        if self.core.sharers(key) == 1 {
            self.cells[key.index as usize].lease = None;
        }
    }

    /// Ends a drain or close that has waited long enough, and notes who still holds something.
    pub(crate) fn overrun(&mut self, lane: &Lane<Entry<M>>, now: Time) {
        if self.core.is_overrun(now) {
            self.holders = self.borrowers(lane, now);
            self.core.overrun();
        }
    }

    /// Who has which connection.
    pub(crate) fn borrowers(&mut self, lane: &Lane<Entry<M>>, now: Time) -> Vec<Holder> {
        let keys = self.core.lent();
        let holder = |key: &SlotKey| {
            let lease = *self.fresh_lease(lane, key.index as usize)?;
            Some(Holder {
                id: key.id,
                age: self.core.age(*key, now),
                held: now.since(lease.since),
                sharers: self.core.sharers(*key),
                location: lease.location,
                in_transaction: self.idles_in_transaction(key.index as usize, key.id),
            })
        };
        keys.iter().filter_map(holder).collect()
    }

    #[inline]
    pub(crate) fn desk(&mut self, w: u32) -> &mut Desk<M> {
        let index = w as usize;
        if self.desks.len() <= index {
            self.make_desks(index + 1);
        }
        &mut self.desks[index]
    }

    #[cold]
    fn make_desks(&mut self, len: usize) {
        self.desks.resize_with(len, || Desk { waker: None, error: None });
    }

    fn tally(&self, reason: CloseReason) -> Option<Arc<Tally<M::Error>>> {
        match reason {
            CloseReason::Cleared => self.clearing.clone(),
            CloseReason::Selected => self.selecting.clone(),
            CloseReason::PoolClosed => self.ending.clone(),
            _ => None,
        }
    }

    /// Moves what the core's orders name out of the locked state.
    pub(super) fn fetch_orders(&mut self, shell: &Arc<Shell<M>>, todo: &mut Todo<M>) {
        let orders = self.core.take_orders();
        for &order in &orders {
            match order {
                Order::Wake(w) => {
                    if self.core.failed_by_connect(w) {
                        let error = self.last_error.clone();
                        self.desk(w).error = error;
                    }
                    if let Some(waker) = self.desk(w).waker.take() {
                        todo.wake(waker);
                    }
                }
                Order::Connect(key) => {
                    let started = EventKind::ConnectStarted;
                    self.note(&shell.watch, Subject::Connection(key.id), started);
                    todo.jobs.push(Flight::new(shell, key, None, Leg::Connect));
                }
                Order::Test(key) => {
                    let entry = self.lift(key);
                    todo.jobs.push(Flight::new(shell, key, Some(entry), Leg::Test));
                }
                Order::Reset(key) => {
                    let entry = self.lift(key);
                    todo.jobs.push(Flight::new(shell, key, Some(entry), Leg::Reset));
                }
                Order::Close { key, reason } => {
                    let entry = self.lift(key);
                    let tally = self.tally(reason);
                    if let Some(tally) = &tally {
                        tally.begin();
                    }
                    let closing = EventKind::ConnectionClosing { reason };
                    self.note(&shell.watch, Subject::Connection(key.id), closing);
                    let leg = Leg::Close { tally, reason };
                    todo.jobs.push(Flight::new(shell, key, Some(entry), leg));
                }
                Order::Forget(key) => {
                    let entry = self.lift(key);
                    todo.jobs.push(Flight::new(shell, key, Some(entry), Leg::Stray));
                }
                Order::Tell { ticket } => {
                    self.note(&shell.watch, Subject::Acquire(ticket), EventKind::GrantTakenBack);
                }
                Order::Again => todo.again = true,
                Order::Kick => todo.kick = true,
                Order::Announce => {
                    self.note_settled(&shell.watch);
                    todo.wakers.extend(self.watchers.drain(..).map(|(_, w)| w));
                }
            }
        }
        self.core.return_orders(orders);
        todo.notes = std::mem::take(&mut self.notes);
    }
}

/// What is to be done after the lock was let go.
pub(super) struct Todo<M: Manager> {
    /// The usual case, one waker, costs no allocation.
    pub(super) waker: Option<Waker>,
    pub(super) wakers: Vec<Waker>,
    pub(super) jobs: Vec<Flight<M>>,
    pub(super) notes: Notes,
    pub(super) again: bool,
    pub(super) kick: bool,
}

impl<M: Manager> Default for Todo<M> {
    fn default() -> Todo<M> {
        Todo {
            waker: None,
            wakers: Vec::new(),
            jobs: Vec::new(),
            notes: Notes::default(),
            again: false,
            kick: false,
        }
    }
}

impl<M: Manager> Todo<M> {
    fn wake(&mut self, waker: Waker) {
        match self.waker {
            None => self.waker = Some(waker),
            Some(_) => self.wakers.push(waker),
        }
    }
}
