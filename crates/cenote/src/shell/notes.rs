//! What is noted under the lock and told after it, and what only the shell can see of the connections that
//! are out: leases, and the drivers' flags. Notes are plain values, so that nothing of the user's is touched
//! under the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use super::locked::Lease;
use super::{Entry, Locked};
use crate::core::{Core, SlotKey};
use crate::lane::Lane;
use crate::manager::Manager;
use crate::observe::{Audience, EventKind, Note, Subject};
use crate::stats::{State, Status};

/// Notes in their order. The usual case, one, costs no allocation.
#[derive(Default)]
pub(crate) struct Notes {
    first: Option<Note>,
    more: Vec<Note>,
}

impl Notes {
    pub(crate) fn push(&mut self, note: Note) {
        match self.first {
            None => self.first = Some(note),
            Some(_) => self.more.push(note),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = Note> {
        self.first.into_iter().chain(self.more)
    }
}

impl<M: Manager> Locked<M> {
    /// Notes what has happened, if anybody listens.
    pub(crate) fn note(&mut self, watch: &Audience, subject: Subject, kind: EventKind<'static>) {
        if watch.is_told(kind.level()) {
            self.notes.push((subject, kind));
        }
    }

    /// Whether there is something to do after the unlock.
    pub(super) fn has_work(&self) -> bool {
        self.core.has_orders() || !self.notes.is_empty()
    }

    /// The waker of whom the core wants to be woken, if that is all it wants, and nothing was noted.
    pub(super) fn only_wakes(&mut self) -> Option<Option<Waker>> {
        if !self.notes.is_empty() {
            return None;
        }
        let w = self.core.take_wake()?;
        Some(self.desk(w).waker.take())
    }

    /// Runs a command that may change the pool's state, and notes the change.
    pub(crate) fn change(&mut self, watch: &Audience, command: impl FnOnce(&mut Core)) {
        let look = |core: &Core| (core.status().state, core.is_runtime_gone());
        let (state_before, gone_before) = look(&self.core);
        command(&mut self.core);
        let (state, gone) = look(&self.core);
        if state != state_before {
            let kind = match state {
                State::Running => EventKind::PoolResumed,
                State::Paused => EventKind::PoolPaused,
                State::Draining => EventKind::PoolDraining,
                State::Closed => EventKind::PoolClosing,
            };
            self.note(watch, Subject::Pool, kind);
        }
        if gone && !gone_before {
            self.note(watch, Subject::Pool, EventKind::RuntimeGone);
        }
    }

    /// Notes once that the minimums are there; without any, that one connection is.
    pub(crate) fn note_ready(&mut self, watch: &Audience) {
        if self.ready {
            return;
        }
        let (status, options) = (self.core.status(), self.core.options());
        let wanted = options.min_size.max(options.min_idle).max(1);
        self.ready = status.available + status.using >= wanted;
        if self.ready {
            self.note(watch, Subject::Pool, EventKind::PoolReady);
        }
    }

    /// Notes once that a drain or a close has settled.
    pub(super) fn note_settled(&mut self, watch: &Audience) {
        let state = self.core.status().state;
        if !self.core.is_settled() || self.settled == Some(state) {
            return;
        }
        self.settled = Some(state);
        let holders = self.holders.len();
        let kind = match state {
            State::Draining => EventKind::PoolDrained { holders },
            _ => EventKind::PoolClosed { holders },
        };
        self.note(watch, Subject::Pool, kind);
    }

    /// Notes that a connection comes back, and if it was told as leaked, that too. Before it is laid down.
    #[cold]
    pub(super) fn note_return(&mut self, watch: &Audience, key: SlotKey) {
        let clock = self.core.clock();
        let lease = self.cells.get(key.index as usize).and_then(|cell| cell.lease);
        let Some(lease) = lease.filter(|lease| lease.leaked) else { return };
        let (location, held) = (lease.location, clock.since(lease.seen.unwrap_or(lease.since)));
        self.leaks -= 1;
        let returned = EventKind::LeakReturned { location, held };
        self.note(watch, Subject::Connection(key.id), returned);
    }

    /// How far the leases go.
    pub(crate) fn leases(&self) -> usize {
        self.cells.len()
    }

    /// Who has the connection of this slot, if somebody has, with the connection's id.
    pub(crate) fn lease(
        &mut self,
        lane: &Lane<Entry<M>>,
        index: usize,
    ) -> Option<(u64, &mut Lease)> {
        let key = self.core.lent_at(index as u32)?;
        Some((key.id, self.fresh_lease(lane, index)?))
    }

    /// Keeps the driver's flag of a new connection; returns the one of the slot's former connection, to be
    /// dropped outside the lock.
    pub(crate) fn flag(
        &mut self,
        key: SlotKey,
        flag: Option<Arc<AtomicBool>>,
    ) -> Option<(u64, Arc<AtomicBool>)> {
        self.flagged |= flag.is_some();
        let cell = &mut self.cells[key.index as usize].in_transaction;
        std::mem::replace(cell, flag.map(|flag| (key.id, flag)))
    }

    pub(crate) fn idles_in_transaction(&self, index: usize, id: u64) -> bool {
        let flag = self.cells.get(index).and_then(|cell| cell.in_transaction.as_ref());
        flag.is_some_and(|(of, flag)| *of == id && flag.load(Ordering::Relaxed))
    }

    /// The counts at this instant. Walks over the slots only if some driver tells of transactions.
    pub(crate) fn status(&self) -> Status {
        let mut status = self.core.status();
        if self.flagged {
            let idles = |index: &usize| {
                let lent = self.core.lent_at(*index as u32);
                let lent = lent.filter(|_| self.cells[*index].lease.is_some());
                lent.is_some_and(|key| self.idles_in_transaction(*index, key.id))
            };
            status.idle_in_transaction = (0..self.cells.len()).filter(idles).count();
        }
        status
    }
}
