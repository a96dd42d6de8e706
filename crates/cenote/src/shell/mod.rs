//! The shell: the one lock around the core and what the core only knows by index: connections, wakers,
//! errors. Every command takes the same way: lock, let the core decide, move what its orders name out of
//! the locked state, unlock, and only then spawn, wake, close and drop ([`Shell::run`]). So no user code
//! runs, and nothing of the user's is dropped, under the lock (P-23).
//!
//! Whoever locks closes the fast lane (`crate::lane`), so what is locked is all there is. A connection holds an `Arc`
//! of the shell while it is lent and while it lies on the lane. That is a cycle, and the last handle's end cuts it:
//! it closes the pool, and a closed pool's lane stays closed.

mod broken;
mod lane;
mod locked;
mod notes;
mod refused;
mod short;
mod timers;

pub(crate) use locked::Locked;
pub(crate) use refused::Refused;
pub(crate) use timers::Timer;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::config::Options;
use crate::conn::Conn;
use crate::core::{Core, SlotKey, Verdict};
use crate::env::Env;
use crate::extensions::Extensions;
use crate::hooks::Hooks;
use crate::lane::{Lane, Terms};
use crate::manager::{Ended, Fate, Fault, Manager};
use crate::membership::Membership;
use crate::observe::{Audience, Event, EventKind, Source, Subject, Watched, flags};
use crate::sample::Sample;
use crate::signal::Signal;
use crate::stats::{CloseReason, Histogram, Status};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::tasks::{Flight, Leg};
use crate::time::Time;
use broken::Fuse;
use locked::Todo;

/// A connection and what belongs to it. It moves as a whole: idle cell, guard, task.
pub(crate) struct Entry<M: Manager> {
    pub(crate) conn: Conn<M::Connection>,
    pub(crate) key: SlotKey,
    pub(crate) born: Time,
    pub(crate) uses: u64,
    /// How the present use will have ended if the guard is dropped now.
    pub(crate) ended: Ended,
    /// The number that the pool's cluster gave to the present loan.
    pub(crate) loan: u32,
    /// When it was lent, if `measure_hold` was on.
    pub(crate) lent_at: Option<Time>,
    pub(crate) extensions: Extensions,
    /// Of which generation it is, and when its lifetime ends. Set when it is lent.
    pub(crate) term: Terms,
    /// Where it belongs, while it is lent or on the fast lane.
    pub(crate) shell: Option<Arc<Shell<M>>>,
}

impl<M: Manager> Entry<M> {
    pub(crate) fn new(conn: M::Connection, key: SlotKey, born: Time) -> Entry<M> {
        Entry {
            conn: Conn::Own(conn),
            key,
            born,
            uses: 0,
            ended: Ended::Returned,
            loan: 0,
            lent_at: None,
            extensions: Extensions::new(),
            term: Terms { generation: 0, clock: Time::ZERO },
            shell: None,
        }
    }
}

/// Everything that the handles, guards and tasks of one pool share.
#[repr(C)]
pub(crate) struct Shell<M: Manager> {
    pub(crate) lane: Lane<Entry<M>>,
    state: Mutex<Locked<M>>,
    pub(crate) manager: M,
    pub(crate) hooks: Hooks<M>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) name: Arc<str>,
    /// The cluster that the pool belongs to.
    pub(crate) membership: Option<Arc<dyn Membership>>,
    /// `Pool` handles; the last one to go closes the pool.
    pub(crate) handles: AtomicUsize,
    pub(crate) orphaned: AtomicBool,
    /// The observers, and the flags that a hit looks at.
    pub(crate) watch: Audience,
    pub(crate) priorities: u8,
    crowded: AtomicBool,
    /// Whether a usual acquire has a deadline or is to be reported when it is slow: a hint as well.
    timed: AtomicBool,
    pub(crate) sample: Sample,
    pub(crate) upkeep: Signal,
    pub(crate) wait: Histogram,
    pub(crate) hold: Histogram,
    pub(crate) connect: Histogram,
}

impl<M: Manager> Shell<M> {
    pub(crate) fn new(
        manager: M,
        hooks: Hooks<M>,
        watch: Audience,
        env: Arc<dyn Env>,
        name: Arc<str>,
        membership: Option<Arc<dyn Membership>>,
        core: Core,
    ) -> Arc<Shell<M>> {
        let options = core.options();
        watch.set(flags::HOLD, options.measure_hold);
        watch.set(hooks.flags(), true);
        let (lane, key) = Lane::new();
        Arc::new(Shell {
            manager,
            hooks,
            name,
            membership,
            handles: AtomicUsize::new(1),
            orphaned: AtomicBool::new(false),
            watch,
            priorities: options.priorities,
            crowded: AtomicBool::new(false),
            timed: AtomicBool::new(short::is_timed(options)),
            sample: Sample::new(),
            upkeep: Signal::new(),
            wait: Histogram::new(),
            hold: Histogram::new(),
            connect: Histogram::new(),
            env,
            state: Mutex::new(Locked::new(core, key)),
            lane,
        })
    }

    /// The locked state. Nothing in it can panic half-way through a change but a bug of ours, after which another core
    /// stands in (see `broken`): a poisoned lock is used as it is.
    #[inline(always)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, Locked<M>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.lane.is_open() {
            state.close_lane(&self.lane);
        }
        state
    }

    /// Runs a command under the lock and carries the core's orders out after it.
    pub(crate) fn run<R>(self: &Arc<Self>, command: impl FnOnce(&mut Locked<M>) -> R) -> R {
        let fuse = Fuse(self);
        let mut state = self.lock();
        let result = command(&mut state);
        if state.has_work() {
            state.not_quiet();
            // The usual case: somebody gave back what somebody else waited for.
            if let Some(waker) = state.only_wakes() {
                self.set_crowded(&state);
                #[cfg(debug_assertions)]
                if state.core.is_small() {
                    state.core.check();
                }
                drop(state);
                fuse.keep();
                if let Some(waker) = waker {
                    waker.wake();
                }
                return result;
            }
            fuse.keep();
            while self.carry_out(state) {
                let fuse = Fuse(self);
                state = self.lock();
                state.core.pump();
                fuse.keep();
            }
            return result;
        }
        // With nobody waiting and nothing ordered there is little to break, and a check allocates.
        #[cfg(debug_assertions)]
        if state.core.is_small() && state.core.has_waiters() {
            state.core.check();
        }
        state.maybe_open_lane(self);
        fuse.keep();
        result
    }

    /// Lets go of the lock and does what the core ordered; returns whether the core has more to do than
    /// one turn may take.
    fn carry_out(self: &Arc<Self>, state: MutexGuard<'_, Locked<M>>) -> bool {
        // After a panic the lock goes first, then the core, and then what was ordered, which takes the lock again.
        let mut todo = Todo::default();
        let fuse = Fuse(self);
        let mut state = state;
        #[cfg(debug_assertions)]
        let ordered = state.core.has_orders();
        state.fetch_orders(self, &mut todo);
        self.set_crowded(&state);
        #[cfg(debug_assertions)]
        if ordered && !todo.again && state.core.is_small() {
            state.core.check();
        }
        drop(state);
        fuse.keep();
        // Told first: what follows from a thing is told, and done, after it.
        for (subject, kind) in todo.notes.into_iter() {
            self.tell(subject, kind);
        }
        for flight in todo.jobs {
            flight.depart();
        }
        if let Some(waker) = todo.waker {
            waker.wake();
        }
        for waker in todo.wakers {
            waker.wake();
        }
        if todo.kick {
            self.upkeep.raise();
        }
        todo.again
    }

    /// Whether somebody waited when the queue last changed: only a hint, for whoever has not locked.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Keeps the hint right.
    #[inline]
    pub(crate) fn set_crowded(&self, state: &Locked<M>) {
        let crowded = state.core.has_waiters();
        if crowded != self.is_crowded() {
            self.crowded.store(crowded, Ordering::Relaxed);
        }
    }

    /// Gives a borrowed connection back.
    #[inline]
    pub(crate) fn release(mut entry: Box<Entry<M>>) {
        let Entry { conn, ended, shell, .. } = &mut *entry;
        let shell = shell.as_ref().expect("what is lent knows its pool");
        let how = match std::mem::replace(ended, Ended::Returned) {
            // A guard that is dropped by a panic may leave anything behind.
            _ if std::thread::panicking() => Ended::Panicked,
            how => how,
        };
        let verdict = shell.verdict(conn, how);
        // A way of its own that does not come back here: what was looked up is still known on this one.
        if shell.membership.is_some() {
            return Shell::release_of_member(entry, verdict, how);
        }
        Shell::release_as(entry, verdict, how);
    }

    #[inline(never)]
    fn release_of_member(entry: Box<Entry<M>>, verdict: Verdict, how: Ended) {
        let membership = entry.shell.as_ref().and_then(|shell| shell.membership.as_ref());
        if let Some(membership) = membership {
            membership.returned(entry.loan, how, verdict == Verdict::Close(CloseReason::Died));
        }
        Shell::release_as(entry, verdict, how);
    }

    #[inline(always)]
    fn release_as(mut entry: Box<Entry<M>>, verdict: Verdict, how: Ended) {
        entry.uses += 1;
        let entry = match verdict {
            Verdict::Keep => Lane::push(entry).or_else(Shell::pass_on),
            Verdict::Reset | Verdict::Close(_) => Err(entry),
        };
        if let Err(entry) = entry {
            Shell::release_under_lock(entry, verdict, how);
        }
    }

    #[inline(never)]
    fn release_under_lock(mut entry: Box<Entry<M>>, mut verdict: Verdict, how: Ended) {
        let shell = entry.shell.take().expect("what is lent knows its pool");
        let flags = shell.watch.flags();
        if flags & flags::HOOKED != 0 && !matches!(verdict, Verdict::Close(_)) {
            verdict = shell.reject_returned(&mut entry).map_or(verdict, Verdict::Close);
        }
        shell.give_back(entry, verdict, how == Ended::Failed(Fault::Host), flags);
    }

    /// Closes a borrowed connection instead of taking it back.
    pub(crate) fn discard(self: &Arc<Self>, mut entry: Box<Entry<M>>) {
        entry.uses += 1;
        let discarded = Verdict::Close(CloseReason::Discarded);
        self.give_back(entry, discarded, false, self.watch.flags());
    }

    fn give_back(
        self: &Arc<Self>,
        mut entry: Box<Entry<M>>,
        verdict: Verdict,
        host_failed: bool,
        flags: u8,
    ) {
        let held = entry.lent_at.take().map(|lent_at| {
            let held = self.env.now().since(lent_at);
            self.hold.record(held);
            held
        });
        self.hand_in_with(entry, |state, key| {
            if flags & flags::OBSERVED != 0 {
                state.notes.push((Subject::Connection(key.id), EventKind::Released { held }));
            }
            if host_failed && state.core.host_failed(key) {
                let cleared = EventKind::PoolCleared { host_failed };
                state.note(&self.watch, Subject::Pool, cleared);
            }
            state.core.release(key, verdict)
        });
    }

    fn verdict(&self, conn: &mut Conn<M::Connection>, how: Ended) -> Verdict {
        let manager = &self.manager;
        let asked = guarded(|| {
            let fate = manager.released(conn, how);
            (fate, fate != Fate::Close && manager.is_closed(conn))
        });
        match asked {
            Some((_, true)) => Verdict::Close(CloseReason::Died),
            Some((Fate::Keep, _)) => Verdict::Keep,
            Some((Fate::Reset, _)) => Verdict::Reset,
            Some((Fate::Close, _)) | None => Verdict::Close(CloseReason::NotKept),
        }
    }

    /// Lays a connection into its cell and tells the core what became of it. One that is the pool's no
    /// longer (given up at the end of a close) is only closed.
    pub(crate) fn hand_in(
        self: &Arc<Self>,
        entry: Box<Entry<M>>,
        command: impl FnOnce(&mut Core, SlotKey) -> bool,
    ) {
        self.hand_in_with(entry, |state, key| command(&mut state.core, key));
    }

    /// As [`Shell::hand_in`], for a command that needs more of the state than the core.
    pub(crate) fn hand_in_with(
        self: &Arc<Self>,
        entry: Box<Entry<M>>,
        command: impl FnOnce(&mut Locked<M>, SlotKey) -> bool,
    ) {
        let key = entry.key;
        let mut stray = Some(entry);
        self.run(|state| {
            if state.core.owns(key) {
                if state.leaks > 0 {
                    state.note_return(&self.watch, key);
                }
                if state.lane_was_opened_since(key) {
                    state.note_uses(&self.lane, key);
                }
                state.lay(stray.take().expect("it was put there above"));
                let taken = command(state, key);
                debug_assert!(taken, "a connection that the core owns is taken back");
            }
        });
        if let Some(entry) = stray {
            self.close_stray(entry);
        }
    }

    /// Closes a connection that the pool gave up while it was shared, if its last owner lets go of it now.
    pub(crate) fn see_off(self: &Arc<Self>, key: SlotKey, last: Option<M::Connection>) {
        if let Some(conn) = last {
            self.close_stray(Box::new(Entry::new(conn, key, Time::ZERO)));
        }
    }

    fn close_stray(self: &Arc<Self>, entry: Box<Entry<M>>) {
        let flight = Flight::new(self, entry.key, Some(entry), Leg::Stray);
        flight.depart();
    }

    /// Takes a new connection in.
    pub(crate) fn welcome(
        self: &Arc<Self>,
        entry: Box<Entry<M>>,
        took: Duration,
        command: impl FnOnce(&mut Core, SlotKey) -> bool,
    ) {
        let flag = guarded(|| self.manager.in_transaction(&entry.conn)).flatten();
        let mut old = None;
        self.hand_in_with(entry, |state, key| {
            old = state.flag(key, flag);
            let ready = EventKind::ConnectionReady { took };
            state.note(&self.watch, Subject::Connection(key.id), ready);
            let taken = command(&mut state.core, key);
            state.note_ready(&self.watch);
            taken
        });
        drop(old);
    }

    /// Whether the driver knows that this connection is dead; a panic says so too.
    #[inline]
    pub(crate) fn is_dead(&self, conn: &M::Connection) -> bool {
        guarded(|| self.manager.is_closed(conn)).unwrap_or(true)
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().status()
    }

    /// Tells the observers, if there are any. Never under the lock.
    pub(crate) fn tell(&self, subject: Subject, kind: EventKind<'_>) {
        if self.watch.is_told(kind.level()) {
            self.watch.tell(&Event { pool: &self.name, subject, kind, source: self });
        }
    }
}

impl<M: Manager> Source for Shell<M> {
    fn status(&self) -> Status {
        Shell::status(self)
    }

    fn options(&self) -> Options {
        self.lock().core.options().clone()
    }
}

impl<M: Manager> Watched for Shell<M> {
    fn watch(&self) -> &Audience {
        &self.watch
    }
}

/// Runs user code; a panic in it is told by `None`.
pub(crate) fn guarded<R>(run: impl FnOnce() -> R) -> Option<R> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}
