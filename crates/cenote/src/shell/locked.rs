//! What lies behind the lock: the core, and what the core knows only by index.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Waker;

use super::lane::Traffic;
use super::notes::Notes;
use super::{Entry, Shell};
use crate::conn::Joint;
use crate::core::{Core, Order, SlotKey};
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
}

impl<M: Manager> Locked<M> {
    pub(super) fn new(core: Core, lane: Key) -> Locked<M> {
        Locked {
            core,
            lane,
            traffic: Traffic::default(),
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
    pub(crate) fn lay(&mut self, entry: Box<Entry<M>>) {
        let index = entry.key.index as usize;
        if self.cells.len() <= index {
            let empty = || Cell { entry: None, lease: None, returns: 0, in_transaction: None };
            self.cells.resize_with(index + 1, empty);
        }
        self.cells[index].lease = None;
        self.cells[index].entry = Some(entry);
    }

    pub(crate) fn lift(&mut self, key: SlotKey) -> Box<Entry<M>> {
        let entry = self.cells[key.index as usize].entry.take();
        entry.expect("a connection that nobody has lies in its cell")
    }

    /// Takes a lent connection out of its cell for its borrower.
    pub(crate) fn lend(
        &mut self,
        key: SlotKey,
        location: &'static Location<'static>,
    ) -> Box<Entry<M>> {
        let since = self.core.clock();
        let term = self.core.term_of(key);
        let cell = &mut self.cells[key.index as usize];
        cell.lease = Some(Lease { location, since, seen: None, leaked: false, popped: None });
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

    pub(crate) fn desk(&mut self, w: u32) -> &mut Desk<M> {
        let index = w as usize;
        if self.desks.len() <= index {
            self.desks.resize_with(index + 1, || Desk { waker: None, error: None });
        }
        &mut self.desks[index]
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
