//! What a connection's owner and its thread both see: how far the calls have come, and from where on
//! nobody waits for them.
//!
//! Calls are numbered from 1 (the opening is the first) and run in order, one at a time. So two numbers
//! tell everything: `ended`, the last call that has ended, and `abandoned`, the last call that nobody waits
//! for. While `abandoned > ended` the running call is nobody's and is to stop. SQLite's interrupt alone
//! cannot do that: it is lost when it falls between two statements, and it does not end a wait for a lock.
//! So the thread's progress handler and its wait for locks ask these numbers too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use rusqlite::InterruptHandle;

#[derive(Default)]
pub(crate) struct Control {
    ended: AtomicU64,
    abandoned: AtomicU64,
    /// A transaction is open and no call runs. Shared with the pool, which counts such borrowers.
    in_transaction: Arc<AtomicBool>,
    /// A call panicked: what it left behind is not known.
    broken: AtomicBool,
    interrupt: OnceLock<InterruptHandle>,
    thread: OnceLock<Thread>,
}

impl Control {
    /// The thread's first words.
    pub(crate) fn runs_on(&self, thread: Thread) {
        let _ = self.thread.set(thread);
    }

    /// The database is open: from now on a statement can be interrupted.
    pub(crate) fn opened(&self, interrupt: InterruptHandle) {
        let _ = self.interrupt.set(interrupt);
    }

    pub(crate) fn has_ended(&self, call: u64) -> bool {
        self.ended.load(Ordering::Acquire) >= call
    }

    /// A call's turn has come.
    pub(crate) fn begin(&self) {
        self.in_transaction.store(false, Ordering::Relaxed);
    }

    pub(crate) fn end(&self, call: u64, in_transaction: bool) {
        self.in_transaction.store(in_transaction, Ordering::Relaxed);
        self.ended.store(call, Ordering::Release);
    }

    /// Nobody waits for this call and the ones before it any more. Returns whether one still runs.
    pub(crate) fn abandon(&self, call: u64) -> bool {
        if self.has_ended(call) {
            return false;
        }
        self.abandoned.fetch_max(call, Ordering::AcqRel);
        if let Some(interrupt) = self.interrupt.get() {
            interrupt.interrupt();
        }
        // It may wait for a lock.
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
        !self.has_ended(call)
    }

    /// Whether this call is nobody's.
    pub(crate) fn is_abandoned(&self, call: u64) -> bool {
        self.abandoned.load(Ordering::Acquire) >= call
    }

    /// Whether the running call is nobody's.
    pub(crate) fn must_stop(&self) -> bool {
        self.abandoned.load(Ordering::Acquire) > self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn in_transaction(&self) -> &Arc<AtomicBool> {
        &self.in_transaction
    }

    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::Release);
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

/// Runs or drops what belongs to the user; a panic in it is told by the error.
pub(crate) fn guarded<R>(run: impl FnOnce() -> R) -> std::thread::Result<R> {
    catch_unwind(AssertUnwindSafe(run))
}
