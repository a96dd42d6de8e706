//! Borrowers who never rest.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Manager, Pool, Pooled};
use tokio::time::{Instant, timeout};

use super::{Done, Rough};
use crate::dice::Dice;

/// How long a borrower waits for a connection, and for one piece of work.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// And for work when nothing misbehaves any more: whatever takes that long is stuck, on any machine.
const STUCK: Duration = Duration::from_secs(20);

/// What all borrowers have seen.
#[derive(Default)]
pub(super) struct Seen {
    calm: AtomicBool,
    over: AtomicBool,
    answers: AtomicU64,
    transactions: AtomicU64,
    abandoned: AtomicU64,
    errors: AtomicU64,
    timeouts: AtomicU64,
}

impl Seen {
    /// Nothing misbehaves any more.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Everybody goes home.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    pub(super) fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        write!(
            f,
            "{} answers, {} transactions, {} abandoned, {} errors, {} timeouts",
            of(&self.answers),
            of(&self.transactions),
            of(&self.abandoned),
            of(&self.errors),
            of(&self.timeouts),
        )
    }
}

/// Borrows and works until it is over. Whatever fails, no answer is another's.
pub(super) async fn load<S: Rough>(pool: Pool<S::Manager>, seen: Arc<Seen>, mut dice: Dice) {
    let count = |counter: &AtomicU64| _ = counter.fetch_add(1, Ordering::Relaxed);
    while !seen.is_over() {
        let asked = Instant::now();
        let acquired = pool.acquire().await;
        let waited = asked.elapsed();
        assert!(waited < PATIENCE + Duration::from_secs(1), "waited for {waited:?}");
        let mut conn = match acquired {
            Ok(conn) => conn,
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                count(&seen.timeouts);
                continue;
            }
        };
        assert!(S::is_clean(&conn), "a transaction was left open");
        if dice.below(S::DISCARDS) == 0 {
            Pooled::discard(conn);
            continue;
        }
        // Nobody waits for ever for what a black hole has swallowed.
        let calm = seen.calm.load(Ordering::Relaxed);
        let patience = if calm { STUCK } else { PATIENCE };
        match timeout(patience, S::work(&mut conn, &mut dice, patience / 3)).await {
            Ok(Ok(Done::Answered)) => count(&seen.answers),
            Ok(Ok(Done::Moved)) => count(&seen.transactions),
            Ok(Ok(Done::Abandoned)) => count(&seen.abandoned),
            Err(_) => {
                assert!(!calm, "stuck for {STUCK:?} when nothing misbehaves");
                count(&seen.abandoned);
            }
            Ok(Err(error)) => {
                let fault = pool.manager().classify(&error);
                assert!(S::FAULTS.contains(&fault), "{fault:?}: {error}");
                count(&seen.errors);
            }
        }
    }
}
