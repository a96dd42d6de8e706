//! The kinds of values that options have, besides numbers, durations and switches: bounds and timeouts that
//! can be none, and choices. Each has a text form, which [`text`](super::text) knows.

use std::time::Duration;

/// An upper bound that is either a number or, asked for by name, none at all. As text: `20` or `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most this many.
    At(usize),
    /// No bound.
    Unlimited,
}

impl Bound {
    /// The bound as a number; `usize::MAX` stands for none.
    pub const fn get(self) -> usize {
        match self {
            Bound::At(n) => n,
            Bound::Unlimited => usize::MAX,
        }
    }
}

impl From<usize> for Bound {
    fn from(n: usize) -> Bound {
        Bound::At(n)
    }
}

/// A span of time after which something happens or, asked for by name, never happens. As text: `30s`,
/// `100ms`, `1.5h` or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// After this long.
    After(Duration),
    /// Switched off.
    Never,
}

impl Timeout {
    /// The span as a duration; `Duration::MAX` stands for never.
    pub const fn get(self) -> Duration {
        match self {
            Timeout::After(d) => d,
            Timeout::Never => Duration::MAX,
        }
    }
}

impl From<Duration> for Timeout {
    fn from(d: Duration) -> Timeout {
        Timeout::After(d)
    }
}

/// Which idle connection is lent first (P-7). As text: `lifo` or `fifo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one released last. Surplus connections rest and age out even under steady traffic.
    Lifo,
    /// The one that has rested longest. Keeps every connection warm; choose it when the server
    /// sits behind a balancer that counts connections.
    Fifo,
}

/// When a connection is tested before it is lent (P-15). As text: `never`, `always` or `if_idle_for 1s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestOnAcquire {
    /// Never: only [`Manager::is_closed`](crate::Manager::is_closed) is asked, which costs no I/O.
    Never,
    /// Before every lending. Costs a round trip each time.
    Always,
    /// Only when it has rested for at least this long.
    IfIdleFor(Duration),
}

/// Who hears of a transient connect error (P-14). Permanent ones always fail the waiters at once. As text:
/// `retry`, `fail_first` or `fail_all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConnectError {
    /// Nobody: the pool tries again until the callers' deadlines.
    Retry,
    /// The first waiter, at once: what generic-pool, sequelize-pool and node-mysql do.
    FailFirst,
    /// Everybody who waits.
    FailAll,
}

/// When the slot of a connection that is being closed becomes free (P-20). As text: `at_close` or
/// `when_closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeSlot {
    /// When the close begins: a replacement can be made at once, and for a moment the server may
    /// see `max_size` connections and the ones that say goodbye.
    AtClose,
    /// When the close has ended: the server never sees more than `max_size`.
    WhenClosed,
}
