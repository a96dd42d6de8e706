//! Every option of a pool: what it does, its unit, its default, the rule behind it (ids of the
//! guide's promises) and why one would change it.
//!
//! [`Options`] is plain data: the core keeps a copy and [`Pool::reconfigure`](crate::Pool::reconfigure)
//! swaps it while the pool runs. [`Options::validate`] refuses what cannot work with an error that
//! names the field, the value and the rule.

use std::fmt;
use std::time::Duration;

/// An upper bound that is either a number or, asked for by name, none at all.
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

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::At(n) => write!(f, "{n}"),
            Bound::Unlimited => f.write_str("unlimited"),
        }
    }
}

/// A span of time after which something happens or, asked for by name, never happens.
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

/// Which idle connection is lent first (P-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one released last. Surplus connections rest and age out even under steady traffic.
    Lifo,
    /// The one that has rested longest. Keeps every connection warm; choose it when the server
    /// sits behind a balancer that counts connections.
    Fifo,
}

/// When a connection is tested before it is lent (P-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestOnAcquire {
    /// Never: only [`Manager::is_closed`](crate::Manager::is_closed) is asked, which costs no I/O.
    Never,
    /// Before every lending. Costs a round trip each time.
    Always,
    /// Only when it has rested for at least this long.
    IfIdleFor(Duration),
}

/// Who hears of a transient connect error (P-14). Permanent ones always fail the waiters at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConnectError {
    /// Nobody: the pool tries again until the callers' deadlines.
    Retry,
    /// The first waiter, at once: what generic-pool, sequelize-pool and node-mysql do.
    FailFirst,
    /// Everybody who waits.
    FailAll,
}

/// When the slot of a connection that is being closed becomes free (P-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeSlot {
    /// When the close begins: a replacement can be made at once, and for a moment the server may
    /// see `max_size` connections and the ones that say goodbye.
    AtClose,
    /// When the close has ended: the server never sees more than `max_size`.
    WhenClosed,
}

/// All settings of a pool. Built by [`Builder`](crate::Builder), changed while running by
/// [`Pool::reconfigure`](crate::Pool::reconfigure).
///
/// ```
/// use cenote::Options;
///
/// let mut options = Options::default();
/// options.min_size = 20;
/// let error = options.validate().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "min_size is 20, but it must not exceed max_size, which is 10: raise max_size or lower min_size",
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Most connections that exist at once. Default 10. Keep it below the server's own limit, after
    /// what other processes need. (P-11)
    pub max_size: Bound,
    /// Connections kept in total, lent ones included. Default 0. (P-11)
    pub min_size: usize,
    /// Connections kept idle, ready to be lent. Default 0. (P-11)
    pub min_idle: usize,
    /// Most connections that rest; the coldest beyond it are closed at release. Default unlimited,
    /// which means `max_size`. (P-11)
    pub max_idle: Bound,
    /// Most callers that wait while nothing can be made for them. Default unlimited; 0 means "fail
    /// at once instead of queueing". (P-6)
    pub max_waiting: Bound,
    /// Number of priority levels, 1 to 32. Default 3; 0 is the most urgent, the middle one the
    /// default. Fixed at build. (P-4)
    pub priorities: u8,
    /// Order of reuse. Default [`Order::Lifo`]. (P-7)
    pub order: Order,
    /// How long `acquire` may take in all: waiting, connecting, testing. Default 30 s. (P-3)
    pub acquire_timeout: Timeout,
    /// An acquire that takes longer than this is reported once, with its causes. Default 2 s. (P-3)
    pub slow_acquire: Timeout,
    /// Most borrowers that share one connection at a time, 1 to 4096; only `share` looks at it.
    /// Default 64. (P-32)
    pub max_sharers: usize,

    /// How long one connect may take. Default 5 s. (P-13)
    pub connect_timeout: Timeout,
    /// Most connects under way at once. Default 16. (P-13)
    pub max_connecting: usize,
    /// Start with two connects at a time and double while they succeed. Default true; switch it off
    /// when a cold start must be as fast as the server allows. (P-13)
    pub ramp: bool,
    /// Pause after the first failed connect; it doubles with each further failure. Default 100 ms. (P-13)
    pub backoff_first: Duration,
    /// Longest pause between connects while they fail. Default 5 s. (P-13)
    pub backoff_max: Duration,
    /// Who hears of a transient connect error. Default [`OnConnectError::Retry`]. (P-14)
    pub on_connect_error: OnConnectError,
    /// While connects fail and no connection exists, callers get that error at once. Default false:
    /// they wait until their deadline. (P-14)
    pub fail_fast: bool,

    /// Test a connection after it was made. Default false. (P-15)
    pub test_on_create: bool,
    /// Test a connection before it is lent. Default: if it was idle for 1 s. (P-15)
    pub test_on_acquire: TestOnAcquire,
    /// How long one test may take. Default 5 s. (P-15)
    pub test_timeout: Timeout,
    /// Test idle connections this often, so that firewalls keep them and dead ones are found.
    /// Default never. (P-15)
    pub keepalive: Timeout,
    /// How long one reset may take. Default 5 s. (P-16)
    pub reset_timeout: Timeout,

    /// Close connections idle for this long, but keep the minimums. Default 10 min. (P-17)
    pub idle_timeout: Timeout,
    /// Close connections idle for this long, minimums or not (generic-pool's `refreshIdle`).
    /// Default never. (P-17)
    pub idle_timeout_hard: Timeout,
    /// Retire connections of this age. Default 30 min. Keep it below what firewalls and the server
    /// allow. (P-17)
    pub max_lifetime: Timeout,
    /// Share of `max_lifetime`, in percent, by which a connection may retire earlier, drawn at its
    /// birth. Default 25. (P-17)
    pub lifetime_jitter_percent: u8,
    /// Retire a connection after this many uses. Default unlimited. (P-17)
    pub max_uses: Bound,
    /// How late retirements may be, and how often a resting pool looks. Default 1 s. (P-17)
    pub upkeep_interval: Duration,
    /// How long one close may take. Default 5 s. (P-20)
    pub close_timeout: Timeout,
    /// When the slot of a closing connection is free again. Default [`FreeSlot::AtClose`]. (P-20)
    pub free_slot: FreeSlot,

    /// Record how long connections are held. Default false: it costs two clock readings. (P-27)
    pub measure_hold: bool,
    /// A connection lent for longer than this is reported once, with the place that acquired it, and again
    /// when it comes back. Default never. (P-30)
    pub leak_after: Timeout,
}

impl Default for Options {
    fn default() -> Options {
        let secs = |n| Timeout::After(Duration::from_secs(n));
        Options {
            max_size: Bound::At(10),
            min_size: 0,
            min_idle: 0,
            max_idle: Bound::Unlimited,
            max_waiting: Bound::Unlimited,
            priorities: 3,
            order: Order::Lifo,
            acquire_timeout: secs(30),
            slow_acquire: secs(2),
            max_sharers: 64,
            connect_timeout: secs(5),
            max_connecting: 16,
            ramp: true,
            backoff_first: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            on_connect_error: OnConnectError::Retry,
            fail_fast: false,
            test_on_create: false,
            test_on_acquire: TestOnAcquire::IfIdleFor(Duration::from_secs(1)),
            test_timeout: secs(5),
            keepalive: Timeout::Never,
            reset_timeout: secs(5),
            idle_timeout: secs(10 * 60),
            idle_timeout_hard: Timeout::Never,
            max_lifetime: secs(30 * 60),
            lifetime_jitter_percent: 25,
            max_uses: Bound::Unlimited,
            upkeep_interval: Duration::from_secs(1),
            close_timeout: secs(5),
            free_slot: FreeSlot::AtClose,
            measure_hold: false,
            leak_after: Timeout::Never,
        }
    }
}

/// The most slots a pool can count.
const MOST: usize = u32::MAX as usize - 1;
/// The most borrowers that one connection can have at a time.
pub(crate) const MOST_SHARERS: usize = 4096;
/// The longest span that makes sense; arithmetic with it cannot overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Options {
    /// Says whether these options can work together.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and what to do.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |field, value: String, rule: &str| {
            Err(ConfigError { field, value, rule: rule.to_owned() })
        };
        match self.max_size {
            Bound::At(0) => {
                return fail(
                    "max_size",
                    "0".into(),
                    "it must be at least 1: a pool of no connections lends none (for no limit say Bound::Unlimited)",
                );
            }
            Bound::At(n) if n > MOST => {
                return fail("max_size", n.to_string(), "it must be below 4294967295");
            }
            _ => {}
        }
        let max = self.max_size;
        for (field, value) in [("min_size", self.min_size), ("min_idle", self.min_idle)] {
            if value > max.get() {
                let rule = format!(
                    "it must not exceed max_size, which is {max}: raise max_size or lower {field}"
                );
                return fail(field, value.to_string(), &rule);
            }
        }
        for (field, value) in [("min_idle", self.min_idle), ("min_size", self.min_size)] {
            if self.max_idle.get() < value {
                // Otherwise a pool at rest would make connections and close them for ever.
                let rule = format!(
                    "it must not be below {field}, which is {value}: raise max_idle or lower {field}"
                );
                return fail("max_idle", self.max_idle.to_string(), &rule);
            }
        }
        if !(1..=32).contains(&self.priorities) {
            return fail("priorities", self.priorities.to_string(), "it must be from 1 to 32");
        }
        if !(1..=MOST_SHARERS).contains(&self.max_sharers) {
            return fail("max_sharers", self.max_sharers.to_string(), "it must be from 1 to 4096");
        }
        if self.max_connecting == 0 {
            return fail(
                "max_connecting",
                "0".into(),
                "it must be at least 1: otherwise no connection is ever made",
            );
        }
        if self.max_uses == Bound::At(0) {
            return fail(
                "max_uses",
                "0".into(),
                "it must be at least 1 (for no limit say Bound::Unlimited)",
            );
        }
        if self.lifetime_jitter_percent > 100 {
            return fail(
                "lifetime_jitter_percent",
                self.lifetime_jitter_percent.to_string(),
                "it must be from 0 to 100",
            );
        }
        let timeouts = [
            ("acquire_timeout", self.acquire_timeout),
            ("slow_acquire", self.slow_acquire),
            ("connect_timeout", self.connect_timeout),
            ("test_timeout", self.test_timeout),
            ("keepalive", self.keepalive),
            ("reset_timeout", self.reset_timeout),
            ("idle_timeout", self.idle_timeout),
            ("idle_timeout_hard", self.idle_timeout_hard),
            ("max_lifetime", self.max_lifetime),
            ("close_timeout", self.close_timeout),
            ("leak_after", self.leak_after),
        ];
        for (field, value) in timeouts {
            if matches!(value, Timeout::After(d) if d > LONGEST) {
                return fail(
                    field,
                    format!("{:?}", value.get()),
                    "it must not exceed 100 years (to switch it off say Timeout::Never)",
                );
            }
            if value == Timeout::After(Duration::ZERO) {
                return fail(
                    field,
                    "0s".into(),
                    "it must be longer than zero (to switch it off say Timeout::Never)",
                );
            }
        }
        let durations = [
            ("backoff_first", self.backoff_first),
            ("backoff_max", self.backoff_max),
            ("upkeep_interval", self.upkeep_interval),
        ];
        for (field, value) in durations {
            if value > LONGEST {
                return fail(field, format!("{value:?}"), "it must not exceed 100 years");
            }
            if value.is_zero() {
                return fail(field, "0s".into(), "it must be longer than zero");
            }
        }
        if self.backoff_first > self.backoff_max {
            let rule = format!("it must not exceed backoff_max, which is {:?}", self.backoff_max);
            return fail("backoff_first", format!("{:?}", self.backoff_first), &rule);
        }
        Ok(())
    }
}

/// An option that cannot work: which, its value, and the rule it breaks (P-24).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: &'static str,
    value: String,
    rule: String,
}

impl ConfigError {
    /// The option's name.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, but {}", self.field, self.value, self.rule)
    }
}

impl std::error::Error for ConfigError {}
