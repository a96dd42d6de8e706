//! The one list of options. The fields of [`Options`], their defaults and documentation, the builder's setters,
//! names in errors, files, the environment and URLs, and the reference in the guide all come from it: an option
//! is added here and nowhere else.
//!
//! A row is: what it does, name, type, default, the default as text, the unit, when it can change, the rule it
//! belongs to, and why one would change it.

use std::time::Duration;

use super::text::{Plain, Value};
use super::values::{Bound, FreeSlot, OnConnectError, Order, TestOnAcquire, Timeout};

macro_rules! each_option {
    ($then:ident) => { $then! {
        // How much.

        /// Most connections that exist at once.
        max_size: Bound = Bound::At(10), "10", "connections", AtRunTime, "P-11",
            "Keep it below the server's own limit, after what other processes need.";
        /// Connections kept in total, lent ones included.
        min_size: usize = 0, "0", "connections", AtRunTime, "P-11",
            "Raise it where the first callers after a quiet time must not wait for connects.";
        /// Connections kept idle, ready to be lent.
        min_idle: usize = 0, "0", "connections", AtRunTime, "P-11",
            "Raise it where a burst must be met without connects, whatever is lent at the time.";
        /// Most connections that rest; the coldest beyond it are closed at release.
        max_idle: Bound = Bound::Unlimited, "unlimited", "connections", AtRunTime, "P-11",
            "Lower it where a peak must not leave idle sessions on the server; without a limit it is max_size.";

        // The queue.

        /// Most callers that wait while nothing can be made for them.
        max_waiting: Bound = Bound::Unlimited, "unlimited", "callers", AtRunTime, "P-6",
            "Limit it to refuse work that would come too late; 0 means \"fail at once instead of queueing\".";
        /// Number of priority levels, 1 to 32, fixed at build; 0 is the most urgent, the middle one the default.
        priorities: u8 = 3, "3", "levels", AtBuild, "P-4",
            "Set it to the number of kinds of work that must not wait for each other.";
        /// Order of reuse.
        order: Order = Order::Lifo, "lifo", "–", AtRunTime, "P-7",
            "Choose fifo when the server sits behind a balancer that counts connections.";
        /// How long `acquire` may take in all: waiting, connecting, testing.
        acquire_timeout: Timeout = secs(30), "30s", "time", AtRunTime, "P-3",
            "Set it to what your own callers wait for, or less; nobody needs a connection after that.";
        /// An acquire that takes longer than this is reported once, with its causes.
        slow_acquire: Timeout = secs(2), "2s", "time", AtRunTime, "P-3",
            "Lower it to what your service calls slow.";
        /// Most borrowers that share one connection at a time, 1 to 4096; only `share` looks at it.
        max_sharers: usize = 64, "64", "borrowers", AtRunTime, "P-32",
            "Lower it where one slow request must not hold up many others on its connection.";

        // Making connections.

        /// How long one connect may take.
        connect_timeout: Timeout = secs(5), "5s", "time", AtRunTime, "P-13",
            "Raise it for servers that are far away or slow to log in.";
        /// Most connects under way at once.
        max_connecting: usize = 16, "16", "connects", AtRunTime, "P-13",
            "Lower it for servers that suffer from many logins at a time.";
        /// Start with two connects at a time and double while they succeed.
        ramp: bool = true, "true", "–", AtRunTime, "P-13",
            "Switch it off when a cold start must be as fast as the server allows.";
        /// Pause after the first failed connect; it doubles with each further failure.
        backoff_first: Duration = Duration::from_millis(100), "100ms", "time", AtRunTime, "P-13",
            "Lower it where servers come back within milliseconds.";
        /// Longest pause between connects while they fail.
        backoff_max: Duration = Duration::from_secs(5), "5s", "time", AtRunTime, "P-13",
            "Lower it to notice sooner that a server is back; raise it to trouble it less.";
        /// Who hears of a transient connect error.
        on_connect_error: OnConnectError = OnConnectError::Retry, "retry", "–", AtRunTime, "P-14",
            "Choose fail_first or fail_all where callers have something better to do than to wait.";
        /// While connects fail and no connection exists, callers get that error at once.
        fail_fast: bool = false, "false", "–", AtRunTime, "P-14",
            "Switch it on where an answer now is worth more than one within the deadline.";

        // Testing and resetting.

        /// Test a connection after it was made.
        test_on_create: bool = false, "false", "–", AtRunTime, "P-15",
            "Switch it on where a login can succeed and the session still be of no use.";
        /// Test a connection before it is lent.
        test_on_acquire: TestOnAcquire = TestOnAcquire::IfIdleFor(Duration::from_secs(1)),
            "if_idle_for 1s", "–", AtRunTime, "P-15",
            "Choose never where a failed first query is cheap, always where it is not.";
        /// How long one test may take.
        test_timeout: Timeout = secs(5), "5s", "time", AtRunTime, "P-15",
            "Lower it: a connection that answers late is better replaced.";
        /// Test idle connections this often.
        keepalive: Timeout = Timeout::Never, "never", "time", AtRunTime, "P-15",
            "Set it below the time after which a firewall forgets connections, and to find dead ones.";
        /// How long one reset may take.
        reset_timeout: Timeout = secs(5), "5s", "time", AtRunTime, "P-16",
            "Raise it where resets have much to undo.";

        // Retiring and closing.

        /// Close connections idle for this long, but keep the minimums.
        idle_timeout: Timeout = secs(10 * 60), "10min", "time", AtRunTime, "P-17",
            "Lower it where idle sessions cost the server much.";
        /// Close connections idle for this long, minimums or not (generic-pool's `refreshIdle`).
        idle_timeout_hard: Timeout = Timeout::Never, "never", "time", AtRunTime, "P-17",
            "Set it where something on the way cuts connections that rest.";
        /// Retire connections of this age.
        max_lifetime: Timeout = secs(30 * 60), "30min", "time", AtRunTime, "P-17",
            "Keep it below what firewalls and the server allow.";
        /// Share of `max_lifetime` by which a connection may retire earlier, drawn at its birth.
        lifetime_jitter_percent: u8 = 25, "25", "percent", AtRunTime, "P-17",
            "Raise it where many replacements at the same time hurt the server.";
        /// Retire a connection after this many uses.
        max_uses: Bound = Bound::Unlimited, "unlimited", "uses", AtRunTime, "P-17",
            "Limit it where sessions grow with use, or to spread connections over servers that were added.";
        /// How late retirements may be, and how often a resting pool looks.
        upkeep_interval: Duration = Duration::from_secs(1), "1s", "time", AtRunTime, "P-17",
            "Raise it where a resting process must wake less often.";
        /// How long one close may take.
        close_timeout: Timeout = secs(5), "5s", "time", AtRunTime, "P-20",
            "Raise it where saying goodbye takes long and matters.";
        /// When the slot of a closing connection is free again.
        free_slot: FreeSlot = FreeSlot::AtClose, "at_close", "–", AtRunTime, "P-20",
            "Choose when_closed where the server must never see more than max_size connections.";

        // Being seen.

        /// Record how long connections are held.
        measure_hold: bool = false, "false", "–", AtRunTime, "P-27",
            "Switch it on to size the pool; it costs two clock readings a use.";
        /// A connection lent for longer than this is reported once, with the place that acquired it, and
        /// again when it comes back.
        leak_after: Timeout = Timeout::Never, "never", "time", AtRunTime, "P-30",
            "Set it above your longest honest use to find guards that are never dropped.";
    } };
}

pub(crate) use each_option;

const fn secs(n: u64) -> Timeout {
    Timeout::After(Duration::from_secs(n))
}

/// What there is to know about an option; [`Options::reference`] lists all.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionInfo {
    /// Its name: the field of [`Options`], the setter of the builder, the key in a file.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    /// What can be written for it, in a word or two.
    pub kind: &'static str,
    /// The same with an example, as errors say it.
    pub accepts: &'static str,
    /// What it counts; "–" if nothing.
    pub unit: &'static str,
    /// Its default as text.
    pub default: &'static str,
    /// When it can be changed.
    pub change: Change,
    /// Why one would change it.
    pub why: &'static str,
    /// The promise of the guide that it belongs to.
    pub rule: &'static str,
    /// What its type is called where it is switched off.
    pub(crate) off: Option<super::error::Off>,
    pub(crate) get: fn(&Options) -> Plain,
    /// Sets it from text; `None`, and nothing changed, if the text is no value of its type.
    pub(crate) set: fn(&mut Options, &str) -> Option<()>,
    pub(crate) copy: fn(&Options, &mut Options),
}

/// When an option can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// At any time, by [`Pool::reconfigure`](crate::Pool::reconfigure).
    AtRunTime,
    /// Only before the pool is built.
    AtBuild,
}

macro_rules! define {
    ($(
        $(#[doc = $what:literal])+
        $name:ident: $type:ident = $default:expr, $shown:literal, $unit:literal, $change:ident, $rule:literal,
            $why:literal;
    )+) => {
        /// All settings of a pool: plain data. Given to [`Builder::options`](crate::Builder::options) or set
        /// one by one by the builder, changed while the pool runs by
        /// [`Pool::reconfigure`](crate::Pool::reconfigure). The same options can be set from text
        /// ([`Options::set`]), from environment variables ([`Options::from_env`]), from a URL
        /// ([`Options::from_url`]), as another system has them ([`Options::preset`]) and, with the feature
        /// `serde`, from a file (P-24).
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
            $(
                $(#[doc = $what])+
                #[doc = concat!("Default ", $shown, ". ", $why, " (", $rule, ")")]
                pub $name: $type,
            )+
        }

        impl Default for Options {
            fn default() -> Options {
                Options { $($name: $default,)+ }
            }
        }

        /// Every option, in the order of the fields of [`Options`].
        pub(crate) static TABLE: &[OptionInfo] = &[$(
            OptionInfo {
                name: stringify!($name),
                what: concat!($($what),+).trim_ascii(),
                kind: <$type as Value>::KIND,
                accepts: <$type as Value>::ACCEPTS,
                unit: $unit,
                default: $shown,
                change: Change::$change,
                why: $why,
                rule: $rule,
                off: <$type as Value>::OFF,
                get: |options| options.$name.plain(),
                set: |options, text| {
                    options.$name = Value::read(text)?;
                    Some(())
                },
                copy: |from, to| to.$name = from.$name,
            },
        )+];
    };
}

each_option!(define);

/// The option of this name.
pub(crate) fn find(name: &str) -> Option<&'static OptionInfo> {
    TABLE.iter().find(|info| info.name == name)
}
