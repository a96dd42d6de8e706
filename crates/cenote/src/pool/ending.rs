//! Pausing, clearing and ending: each call changes the state at once and returns a future that tells when
//! what follows has settled (P-18, P-21).

use std::sync::Arc;
use std::time::Duration;

use super::Pool;
use crate::core::Core;
use crate::manager::Manager;
use crate::observe::{EventKind, Subject};
use crate::report::Tally;
use crate::settle::{Clearing, Settling, Switched};
use crate::stats::{CloseReason, State};
use crate::time::Time;

impl<M: Manager> Pool<M> {
    /// Ends the present generation (P-18): idle connections close now, lent ones when they come back,
    /// connects under way on arrival. The future tells how closing the idle ones went.
    ///
    /// Call it when something has changed, such as a password: if connects failed lately, the next one is tried at
    /// once instead of after the pause.
    pub fn clear(&self) -> Clearing<M> {
        let now = self.shell.env.now();
        let tally = Arc::new(Tally::new());
        let new = Arc::clone(&tally);
        let old = self.shell.run(|state| {
            let old = state.clearing.replace(new);
            // Before the closes that follow; a closed pool has nothing to clear.
            if state.core.status().state != State::Closed {
                let cleared = EventKind::PoolCleared { host_failed: false };
                state.note(&self.shell.watch, Subject::Pool, cleared);
            }
            state.core.clear_by_hand(now);
            old
        });
        drop(old);
        Clearing { shell: Arc::clone(&self.shell), tally }
    }

    /// Closes the idle connections for which `choose` returns true (P-18). It runs in the caller's thread
    /// and outside the lock; a panic in it counts as true.
    pub fn clear_where(&self, mut choose: impl FnMut(&M::Connection) -> bool) -> Clearing<M> {
        let tally = Arc::new(Tally::new());
        self.shell.sweep(Some(&tally), |entry| {
            let chosen = crate::shell::guarded(|| choose(&entry.conn)).unwrap_or(true);
            chosen.then_some(CloseReason::Selected)
        });
        Clearing { shell: Arc::clone(&self.shell), tally }
    }

    /// Stops lending: callers queue, their deadlines running; what comes back rests; minimums are kept
    /// (P-21). Lent connections stay lent.
    pub fn pause(&self) -> Switched {
        self.change(|core| core.pause(false));
        Switched::now()
    }

    /// As [`pause`](Pool::pause), but newcomers fail with [`Error::Paused`](crate::Error::Paused).
    pub fn pause_and_refuse(&self) -> Switched {
        self.change(|core| core.pause(true));
        Switched::now()
    }

    /// Lends again after a pause.
    pub fn resume(&self) -> Switched {
        let now = self.shell.env.now();
        self.change(|core| core.resume(now));
        Switched::now()
    }

    /// Takes no new callers; those that wait are still served. The future ends when nobody waits or
    /// holds a connection, or after `deadline`, naming the holders (P-21). Follow it by a close.
    pub fn drain(&self, deadline: Duration) -> Settling<M> {
        let now = self.shell.env.now();
        self.shell.run(|state| {
            state.change(&self.shell.watch, |core| core.drain(now + deadline, now));
            state.overrun(&self.shell.lane, now);
        });
        Settling::new(Arc::clone(&self.shell))
    }

    /// Closes the pool: those that wait fail, idle connections close, borrowers may finish within
    /// `deadline`. What is not back then leaves the books: the report names who holds it, and a late
    /// return only closes it (P-21).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # use std::time::Duration;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let report = pool.close(Duration::from_secs(5)).await;
    /// assert!(report.is_clean(), "{report}");
    /// # }
    /// ```
    pub fn close(&self, deadline: Duration) -> Settling<M> {
        let now = self.shell.env.now();
        self.end(now + deadline, now, false)
    }

    /// Closes the pool without waiting for borrowers: what they hold leaves the books at once. The future
    /// ends when the idle connections are closed, after `close_timeout` at most.
    pub fn close_now(&self) -> Settling<M> {
        let now = self.shell.env.now();
        let patience = self.options().close_timeout.get();
        self.end(now + patience, now, true)
    }

    fn change(&self, command: impl FnOnce(&mut Core)) {
        self.shell.run(|state| state.change(&self.shell.watch, command));
    }

    fn end(&self, deadline: Time, now: Time, abandon: bool) -> Settling<M> {
        let mut tally = Some(Arc::new(Tally::new()));
        self.shell.run(|state| {
            if state.ending.is_none() {
                state.ending = tally.take();
            }
            let closed = state.core.status().state == State::Closed;
            if !closed {
                state.holders.clear();
            }
            if abandon && !(closed && state.core.is_settled()) {
                state.holders = state.borrowers(&self.shell.lane, now);
            }
            state.change(&self.shell.watch, |core| core.close(deadline, now));
            if abandon {
                state.core.abandon(false);
            }
            state.overrun(&self.shell.lane, now);
        });
        Settling::new(Arc::clone(&self.shell))
    }
}
