//! What can be seen from outside: [`Status`], the counts at one instant (P-26), and [`Stats`], what
//! happened so far (P-27). Counts live under the pool's lock; histograms are atomics beside it.

use std::fmt;

pub use crate::spread::Distribution;
pub(crate) use crate::spread::Histogram;

/// Where a pool is in its life (P-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// Connections are lent.
    Running,
    /// Callers queue (or fail, if asked); nothing is lent.
    Paused,
    /// No new callers; those that wait are still served.
    Draining,
    /// Nothing is lent any more.
    Closed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Running => "running",
            State::Paused => "paused",
            State::Draining => "draining",
            State::Closed => "closed",
        })
    }
}

/// The pool's counts, all taken at one instant (P-26).
///
/// `size = available + using + connecting + testing + resetting` always, plus `closing` under
/// [`FreeSlot::WhenClosed`](crate::FreeSlot::WhenClosed); at rest `size = using + available`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Connections that exist or are being made.
    pub size: usize,
    /// Idle connections.
    pub available: usize,
    /// Lent connections.
    pub using: usize,
    /// Callers in the queue.
    pub waiting: usize,
    /// Connects under way.
    pub connecting: usize,
    /// Tests under way.
    pub testing: usize,
    /// Resets under way.
    pub resetting: usize,
    /// Closes under way.
    pub closing: usize,
    /// Borrowers that share a connection; each shared connection counts once in `using` (P-32).
    pub sharers: usize,
    /// The effective limit; `usize::MAX` if there is none.
    pub max: usize,
    /// `min_size`.
    pub min: usize,
    /// `max − size`.
    pub spare: usize,
    /// Where the pool is in its life.
    pub state: State,
    /// The most callers that ever waited at once.
    pub peak_waiting: usize,
    /// Of the lent connections, those that idle in an open transaction, as far as the manager tells
    /// ([`Manager::in_transaction`](crate::Manager::in_transaction)).
    pub idle_in_transaction: usize,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { size, max, using, available, waiting, .. } = self;
        write!(f, "{}, size {size} of ", self.state)?;
        match *max {
            usize::MAX => f.write_str("unlimited")?,
            max => write!(f, "{max}")?,
        }
        write!(f, ", using {using}, available {available}, waiting {waiting}")?;
        let rest = [
            ("connecting", self.connecting),
            ("testing", self.testing),
            ("resetting", self.resetting),
            ("closing", self.closing),
            ("sharers", self.sharers),
            ("idle in transaction", self.idle_in_transaction),
        ];
        for (name, n) in rest.iter().filter(|(_, n)| *n > 0) {
            write!(f, ", {name} {n}")?;
        }
        Ok(())
    }
}

macro_rules! close_reasons {
    ($($(#[$doc:meta])* $variant:ident => $text:literal,)*) => {
        /// Why a connection was closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum CloseReason { $($(#[$doc])* $variant,)* }

        impl CloseReason {
            /// All reasons.
            pub const ALL: &'static [CloseReason] = &[$(CloseReason::$variant,)*];

            /// The reason in snake case, as logs and JSON show it.
            pub const fn name(self) -> &'static str {
                match self { $(CloseReason::$variant => $text,)* }
            }
        }
    };
}

close_reasons! {
    /// Idle for longer than `idle_timeout` or `idle_timeout_hard`.
    IdleTimeout => "idle_timeout",
    /// Its lifetime ended.
    MaxLifetime => "max_lifetime",
    /// Lent `max_uses` times.
    MaxUses => "max_uses",
    /// More idle connections than `max_idle`.
    Surplus => "surplus",
    /// The pool's limit was lowered.
    Shrunk => "shrunk",
    /// Of a generation that `clear` or a host-level fault ended.
    Cleared => "cleared",
    /// Chosen by `clear_where`.
    Selected => "selected",
    /// The hook `before_acquire` or `after_release` dropped it.
    Hook => "hook",
    /// `Pooled::discard`.
    Discarded => "discarded",
    /// The manager said close at release: after a fault, a cancel, a panic or a taint.
    NotKept => "not_kept",
    /// The driver says it is dead (`is_closed`).
    Died => "died",
    /// A test failed, took too long or panicked.
    TestFailed => "test_failed",
    /// A reset failed, took too long or panicked.
    ResetFailed => "reset_failed",
    /// The pool was closed.
    PoolClosed => "pool_closed",
    /// Its task was dropped with the runtime.
    RuntimeGone => "runtime_gone",
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many connections were closed, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closes([u64; CloseReason::ALL.len()]);

impl Closes {
    pub(crate) fn add(&mut self, reason: CloseReason) {
        self.0[reason as usize] += 1;
    }

    /// Connections closed for this reason.
    pub fn get(&self, reason: CloseReason) -> u64 {
        self.0[reason as usize]
    }

    /// Connections closed in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (CloseReason, u64)> + '_ {
        CloseReason::ALL.iter().map(|&r| (r, self.get(r))).filter(|&(_, n)| n > 0)
    }
}

/// How many connects failed, by what that means (P-14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectFailures {
    /// Worth another try.
    pub transient: u64,
    /// Not worth one: a wrong password, an unknown database.
    pub permanent: u64,
    /// The server had too many clients.
    pub overload: u64,
}

impl ConnectFailures {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.transient + self.permanent + self.overload
    }
}

/// What happened since the pool was built, in numbers (P-27).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Acquires that got a connection.
    pub acquired: u64,
    /// Of these, those that did not wait.
    pub hits: u64,
    /// Acquires that met their deadline.
    pub timed_out: u64,
    /// Acquires whose future was dropped.
    pub cancelled: u64,
    /// Acquires that a full queue or a pause refused or that wanted more than `max_size`, and `try_acquire`
    /// calls that found nothing.
    pub rejected: u64,
    /// Acquires that a draining or closed pool, or a gone runtime, refused.
    pub closed: u64,
    /// Acquires that got a connect error.
    pub failed: u64,
    /// Acquires that the hook `on_acquire` refused.
    pub refused: u64,
    /// Acquires, whatever their outcome, that took longer than `slow_acquire`.
    pub slow: u64,
    /// Acquires whose priority was beyond the last level and was served as the last.
    pub clamped: u64,
    /// Grants that nobody came for within a second and that went to the next waiter.
    pub stale_grants: u64,
    /// Connects begun.
    pub connects: u64,
    /// Connects that succeeded.
    pub connected: u64,
    /// Connects that failed, by class.
    pub connect_failures: ConnectFailures,
    /// Tests passed.
    pub tests_passed: u64,
    /// Tests failed.
    pub tests_failed: u64,
    /// Closes that failed or took too long.
    pub close_failures: u64,
    /// Connections taken out of the pool or given up at the end of `close`.
    pub detached: u64,
    /// Connections that were lent for longer than `leak_after`.
    pub leaked: u64,
    /// Hooks that returned an error which no caller gets.
    pub hook_failures: u64,
    /// Hooks that panicked.
    pub hook_panics: u64,
    /// Observers that panicked.
    pub observer_panics: u64,
    /// Connections closed, by reason.
    pub closes: Closes,
}

/// What happened since the pool was built (P-27).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Numbers.
    pub counts: Counts,
    /// How long callers waited: hits count as zero, and failed waits count too.
    pub wait: Distribution,
    /// How long connections were held; empty unless `measure_hold` is on.
    pub hold: Distribution,
    /// How long successful connects took.
    pub connect: Distribution,
}
