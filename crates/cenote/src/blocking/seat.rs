//! Where a connection that blocks sits while async code has it: calls take turns at it, in their order and one
//! at a time, each on a thread of the crew. While a turn runs the connection is away with its thread; so
//! whatever its owner does meanwhile, nobody else can touch it before the turn has ended.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;

use super::oneshot::{Answer, oneshot};
use crate::crew::Crew;
use crate::shell::guarded;
use crate::sync::{Mutex, MutexGuard};

/// What one turn does, with the connection in its hand. It may take the connection and not put it back.
type Turn<C> = Box<dyn FnOnce(&mut Option<C>) -> Done + Send>;

/// A turn has ended.
struct Done {
    panicked: bool,
    /// Told only when the connection lies in its place again: who hears it may ask for it at once.
    tell: Box<dyn FnOnce() + Send>,
}

struct Place<C> {
    /// Away while a turn runs; gone when a turn took it.
    conn: Option<C>,
    turns: VecDeque<Turn<C>>,
    busy: bool,
    broken: bool,
}

pub(crate) struct Seat<C> {
    place: Mutex<Place<C>>,
    crew: Arc<Crew>,
}

/// Whether a turn that nobody waits for any more takes place all the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unheard {
    Skip,
    Run,
}

impl<C: Send + 'static> Seat<C> {
    pub(crate) fn new(conn: C, crew: Arc<Crew>) -> Arc<Seat<C>> {
        let place = Place { conn: Some(conn), turns: VecDeque::new(), busy: false, broken: false };
        Arc::new(Seat { place: Mutex::new(place), crew })
    }

    fn lock(&self) -> MutexGuard<'_, Place<C>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a turn. The answer holds what it returned or its panic.
    pub(crate) fn turn<T: Send + 'static>(
        self: &Arc<Self>,
        unheard: Unheard,
        run: impl FnOnce(&mut Option<C>) -> T + Send + 'static,
    ) -> Answer<thread::Result<T>> {
        let (teller, answer) = oneshot();
        let turn: Turn<C> = Box::new(move |conn| {
            if unheard == Unheard::Skip && !teller.is_awaited() {
                let panicked = guarded(|| drop(run)).is_none();
                return Done { panicked, tell: Box::new(|| ()) };
            }
            let result = catch_unwind(AssertUnwindSafe(|| run(conn)));
            Done { panicked: result.is_err(), tell: Box::new(move || teller.tell(result)) }
        });
        let mut place = self.lock();
        place.turns.push_back(turn);
        let starts = !std::mem::replace(&mut place.busy, true);
        drop(place);
        if starts {
            let seat = Arc::clone(self);
            self.crew.run(Box::new(move || seat.work()));
        }
        answer
    }

    /// Runs turns until there is none.
    fn work(&self) {
        let (mut conn, mut next) = {
            let mut place = self.lock();
            (place.conn.take(), place.turns.pop_front())
        };
        while let Some(turn) = next {
            let Done { panicked, tell } = turn(&mut conn);
            let mut place = self.lock();
            place.broken |= panicked;
            next = place.turns.pop_front();
            if next.is_none() {
                place.conn = conn.take();
                place.busy = false;
            }
            drop(place);
            // If nobody waits, a value or a panic of the user's is dropped here.
            let _ = guarded(tell);
        }
    }

    /// Looks at the connection in its place; `None` while a turn runs or waits, and when it is gone. The lock
    /// that is held meanwhile is this connection's own, and only its owner looks.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut C) -> R) -> Option<R> {
        let mut place = self.lock();
        if place.busy {
            return None;
        }
        place.conn.as_mut().map(look)
    }

    /// A turn panicked, or [`Seat::break_down`] was called.
    pub(crate) fn is_broken(&self) -> bool {
        self.lock().broken
    }

    /// The connection must not be used again.
    pub(crate) fn break_down(&self) {
        self.lock().broken = true;
    }
}
