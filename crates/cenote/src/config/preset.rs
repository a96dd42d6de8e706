//! The defaults of systems that people come from, as options of this pool. What such a system has no word for
//! is set to how it behaves where that can be told; the rest stays as it was, with the driver's defaults in it.
//! The guide's page on presets has a table for each, and a test compares the two.

use std::time::Duration;

use super::table::Options;
use super::values::{Bound, OnConnectError, Order, TestOnAcquire, Timeout};

/// A system whose defaults can be taken over; see [`Options::preset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// generic-pool 2.4 for Node.js: one resource, callers wait without end, idle resources are renewed after
    /// 30 s.
    GenericPool,
    /// sequelize-pool with the defaults of Sequelize's guide: five connections, 30 s for an acquire, 10 s of
    /// rest.
    SequelizePool,
    /// The pool of mysqljs/mysql for Node.js: ten connections, each pinged before it is lent, oldest first,
    /// callers wait without end.
    NodeMysql,
    /// HikariCP for Java: ten connections, always kept, 30 s for an acquire, retired after half an hour.
    Hikari,
}

impl Preset {
    /// All presets.
    pub const ALL: [Preset; 4] =
        [Preset::GenericPool, Preset::SequelizePool, Preset::NodeMysql, Preset::Hikari];

    /// The number of connects under way that stands for "as many as there is room for".
    const NO_LIMIT: usize = 1000;

    /// Lays this system's defaults over `options`. What it has no counterpart for stays.
    pub fn apply(self, options: &mut Options) {
        match self {
            Preset::GenericPool => generic_pool(options),
            Preset::SequelizePool => sequelize_pool(options),
            Preset::NodeMysql => node_mysql(options),
            Preset::Hikari => hikari(options),
        }
    }
}

impl Options {
    /// Every default of another system, in this pool's options (P-24). `Timeout::Never` stands where that
    /// system waits without end.
    ///
    /// ```
    /// use cenote::{Bound, Options, Preset, Timeout};
    ///
    /// let options = Options::preset(Preset::NodeMysql);
    /// assert_eq!((options.max_size, options.acquire_timeout), (Bound::At(10), Timeout::Never));
    /// ```
    pub fn preset(preset: Preset) -> Options {
        let mut options = Options::default();
        preset.apply(&mut options);
        options
    }
}

const fn secs(n: u64) -> Timeout {
    Timeout::After(Duration::from_secs(n))
}

/// What the three systems for Node.js have in common: a queue without priorities, bounds or ramps, whose first
/// caller gets the error of a failed connect, and which then tries again at once; no lifetimes, no tests of
/// idle connections, no leak reports.
fn node(options: &mut Options) {
    options.min_size = 0;
    options.min_idle = 0;
    options.max_idle = Bound::Unlimited;
    options.max_waiting = Bound::Unlimited;
    options.priorities = 1;
    options.max_connecting = Preset::NO_LIMIT;
    options.ramp = false;
    options.backoff_first = Duration::from_millis(1);
    // They never wait longer; but here minimums are tried again too, and a server that is down must not be
    // asked a thousand times a second.
    options.backoff_max = Duration::from_millis(100);
    options.on_connect_error = OnConnectError::FailFirst;
    options.fail_fast = false;
    options.test_on_create = false;
    options.keepalive = Timeout::Never;
    options.idle_timeout_hard = Timeout::Never;
    options.max_lifetime = Timeout::Never;
    options.max_uses = Bound::Unlimited;
    options.upkeep_interval = Duration::from_secs(1);
    options.leak_after = Timeout::Never;
}

fn generic_pool(options: &mut Options) {
    node(options);
    options.max_size = Bound::At(1);
    options.order = Order::Fifo;
    options.acquire_timeout = Timeout::Never;
    options.connect_timeout = Timeout::Never;
    options.test_on_acquire = TestOnAcquire::Always;
    options.test_timeout = Timeout::Never;
    options.idle_timeout = secs(30);
    options.idle_timeout_hard = secs(30);
}

fn sequelize_pool(options: &mut Options) {
    node(options);
    options.max_size = Bound::At(5);
    options.order = Order::Lifo;
    options.acquire_timeout = secs(30);
    options.connect_timeout = Timeout::Never;
    options.test_on_acquire = TestOnAcquire::Never;
    options.idle_timeout = secs(10);
}

fn node_mysql(options: &mut Options) {
    node(options);
    options.max_size = Bound::At(10);
    options.order = Order::Fifo;
    options.acquire_timeout = Timeout::Never;
    options.connect_timeout = secs(10);
    options.test_on_acquire = TestOnAcquire::Always;
    options.test_timeout = secs(10);
    options.idle_timeout = Timeout::Never;
}

fn hikari(options: &mut Options) {
    options.max_size = Bound::At(10);
    options.min_size = 0;
    options.min_idle = 10;
    options.max_idle = Bound::Unlimited;
    options.max_waiting = Bound::Unlimited;
    options.priorities = 1;
    options.order = Order::Lifo;
    options.acquire_timeout = secs(30);
    options.connect_timeout = secs(30);
    options.max_connecting = 1;
    options.ramp = false;
    options.backoff_first = Duration::from_millis(10);
    options.backoff_max = Duration::from_secs(5);
    options.on_connect_error = OnConnectError::Retry;
    options.fail_fast = false;
    options.test_on_create = false;
    options.test_on_acquire = TestOnAcquire::IfIdleFor(Duration::from_millis(500));
    options.test_timeout = secs(5);
    options.keepalive = secs(2 * 60);
    options.idle_timeout = secs(10 * 60);
    options.idle_timeout_hard = Timeout::Never;
    options.max_lifetime = secs(30 * 60);
    options.lifetime_jitter_percent = 25;
    options.max_uses = Bound::Unlimited;
    options.leak_after = Timeout::Never;
}
