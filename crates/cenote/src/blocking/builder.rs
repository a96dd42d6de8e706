//! Building a pool for threads: the options that mean something there, and no runtime.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Direct, Manager, Pool};
use crate::config::{
    Bound, ConfigError, FreeSlot, OnConnectError, Options, Order, Preset, Settings, TestOnAcquire,
    Timeout,
};
use crate::env::{Threads, block_on};
use crate::error::BuildError;

/// Builds a [`Pool`] for threads. Made by [`Pool::builder`]; nothing is checked before
/// [`build`](Builder::build).
///
/// There are no timeouts for connects, tests and resets: a call that blocks cannot be cut short, so
/// `connect_timeout`, `test_timeout` and `reset_timeout` do nothing here. Give the driver timeouts of its own.
///
/// ```
/// # use cenote_testkit::Script;
/// use cenote::blocking::Pool;
/// use std::time::Duration;
///
/// let pool = Pool::builder(Script::new())
///     .name("orders")
///     .max_size(20)
///     .min_idle(2)
///     .acquire_timeout(Duration::from_secs(3))
///     .build_ready()
///     .unwrap();
/// assert_eq!(pool.status().available, 2);
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct Builder<B: Manager> {
    builder: crate::Builder<Direct<B>>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {$(
        $(#[$doc])*
        pub fn $name(self, $name: $type) -> Self {
            Builder { builder: self.builder.$name($name) }
        }
    )*};
}

impl<B: Manager> Builder<B> {
    pub(super) fn new(manager: B) -> Builder<B> {
        Builder { builder: crate::Builder::new(Direct(manager)) }
    }

    setters! {
        /// The pool's name, as errors and reports show it. Default "pool".
        name: impl Into<String>,
        /// All options at once; those of the driver's that are to stay must be in them.
        options: Options,
        /// Every default of another system; see [`Builder::preset`](crate::Builder::preset).
        preset: Preset,
        /// Settings from the environment, a URL or a file, over the options chosen so far.
        settings: &Settings,
        /// Most connections that exist at once; see [`Options::max_size`].
        max_size: impl Into<Bound>,
        /// Connections kept in total; see [`Options::min_size`].
        min_size: usize,
        /// Connections kept idle; see [`Options::min_idle`].
        min_idle: usize,
        /// Most connections that rest; see [`Options::max_idle`].
        max_idle: impl Into<Bound>,
        /// Most callers that wait; see [`Options::max_waiting`].
        max_waiting: impl Into<Bound>,
        /// Number of priority levels; see [`Options::priorities`].
        priorities: u8,
        /// Order of reuse; see [`Options::order`].
        order: Order,
        /// How long an acquire may take; see [`Options::acquire_timeout`].
        acquire_timeout: impl Into<Timeout>,
        /// How slow an acquire must be to be reported; see [`Options::slow_acquire`].
        slow_acquire: impl Into<Timeout>,
        /// Most borrowers that share a connection; see [`Options::max_sharers`].
        max_sharers: usize,
        /// Most connects under way, and most threads for them; see [`Options::max_connecting`].
        max_connecting: usize,
        /// Whether connects ramp up; see [`Options::ramp`].
        ramp: bool,
        /// First pause after a failed connect; see [`Options::backoff_first`].
        backoff_first: Duration,
        /// Longest pause between failed connects; see [`Options::backoff_max`].
        backoff_max: Duration,
        /// Who hears of connect errors; see [`Options::on_connect_error`].
        on_connect_error: OnConnectError,
        /// Whether callers of a pool that cannot connect fail at once; see [`Options::fail_fast`].
        fail_fast: bool,
        /// Whether new connections are tested; see [`Options::test_on_create`].
        test_on_create: bool,
        /// When connections are tested before lending; see [`Options::test_on_acquire`].
        test_on_acquire: TestOnAcquire,
        /// How often idle connections are tested; see [`Options::keepalive`].
        keepalive: impl Into<Timeout>,
        /// When idle connections close, minimums kept; see [`Options::idle_timeout`].
        idle_timeout: impl Into<Timeout>,
        /// When idle connections close in any case; see [`Options::idle_timeout_hard`].
        idle_timeout_hard: impl Into<Timeout>,
        /// The longest life of a connection; see [`Options::max_lifetime`].
        max_lifetime: impl Into<Timeout>,
        /// Jitter of the lifetime in percent; see [`Options::lifetime_jitter_percent`].
        lifetime_jitter_percent: u8,
        /// Most uses of a connection; see [`Options::max_uses`].
        max_uses: impl Into<Bound>,
        /// How late upkeep may be; see [`Options::upkeep_interval`].
        upkeep_interval: Duration,
        /// How long [`Pool::clear`] and [`Pool::close_now`] wait for connections that are closing.
        close_timeout: impl Into<Timeout>,
        /// When a closing connection's slot is free. Default here [`FreeSlot::WhenClosed`]: a close that is
        /// stuck keeps its slot.
        free_slot: FreeSlot,
        /// Whether hold times are recorded; see [`Options::measure_hold`].
        measure_hold: bool,
        /// How long a lent connection may stay away before it is reported; see [`Options::leak_after`].
        leak_after: impl Into<Timeout>,
    }

    pub(super) fn map(
        self,
        change: impl FnOnce(crate::Builder<Direct<B>>) -> crate::Builder<Direct<B>>,
    ) -> Self {
        Builder { builder: change(self.builder) }
    }

    /// Builds the pool and starts to fill its minimums. Needs no runtime, and uses none if there is one.
    ///
    /// # Errors
    /// [`BuildError::Config`] if an option cannot work, [`BuildError::NoThread`] if the system gives the
    /// pool no thread.
    pub fn build(self) -> Result<Pool<B>, BuildError<B::Error>> {
        let env = self.env()?;
        Ok(Pool::new(self.builder.env(env).build()?))
    }

    /// Builds the pool and waits until its minimums are there; with no minimums, until one connection
    /// could be made. Waits for `acquire_timeout` at most.
    ///
    /// # Errors
    /// Those of [`build`](Builder::build), and [`BuildError::Ready`] with the connect error: at once if it
    /// is permanent, at the deadline otherwise.
    pub fn build_ready(self) -> Result<Pool<B>, BuildError<B::Error>> {
        let env = self.env()?;
        Ok(Pool::new(block_on(self.builder.env(env).build_ready())?))
    }

    fn env(&self) -> Result<Arc<Threads>, BuildError<B::Error>> {
        self.validate()?;
        Threads::new().map(Arc::new).map_err(BuildError::NoThread)
    }

    /// Says whether the options can work, without building.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.builder.validate()
    }
}

impl<B: Manager> fmt::Debug for Builder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.builder.fmt(f)
    }
}
