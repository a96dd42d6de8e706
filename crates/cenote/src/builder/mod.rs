//! Building a pool: options with their checks and the runtime here, hooks and observers in rooms of their own.

mod hooks;
mod observers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{
    Bound, ConfigError, FreeSlot, OnConnectError, Options, Order, TestOnAcquire, Timeout,
};
use crate::core::Core;
use crate::env::Env;
use crate::error::BuildError;
use crate::hooks::Hooks;
use crate::manager::Manager;
use crate::observe::Watch;
use crate::pool::Pool;
use crate::shell::Shell;

/// Where the pool's tasks will run.
enum Where {
    /// In the runtime around the caller of `build`.
    Here,
    There(Arc<dyn Env>),
    /// In one that was given and cannot do it.
    #[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "only a runtime can fail"))]
    Nowhere,
}

/// Builds a [`Pool`]. Made by [`Pool::builder`]; nothing is checked before [`build`](Builder::build).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote_testkit::Script;
/// use cenote::Pool;
/// use std::time::Duration;
///
/// let pool = Pool::builder(Script::new())
///     .name("orders")
///     .max_size(20)
///     .min_idle(2)
///     .acquire_timeout(Duration::from_secs(3))
///     .build_ready()
///     .await
///     .unwrap();
/// assert_eq!(pool.status().available, 2);
/// # }
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct Builder<M: Manager> {
    manager: M,
    options: Options,
    name: String,
    env: Where,
    hooks: Hooks<M>,
    watch: Watch,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.options.$name = $name.into();
            self
        }
    )*};
}

impl<M: Manager> Builder<M> {
    pub(crate) fn new(manager: M) -> Builder<M> {
        let options = manager.defaults(Options::default());
        Builder {
            manager,
            options,
            name: "pool".to_owned(),
            env: Where::Here,
            hooks: Hooks::new(),
            watch: Watch::new(),
        }
    }

    /// The pool's name, as errors and reports show it. Default "pool".
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// All options at once.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    setters! {
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
        /// How long a connect may take; see [`Options::connect_timeout`].
        connect_timeout: impl Into<Timeout>,
        /// Most connects under way; see [`Options::max_connecting`].
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
        /// How long a test may take; see [`Options::test_timeout`].
        test_timeout: impl Into<Timeout>,
        /// How often idle connections are tested; see [`Options::keepalive`].
        keepalive: impl Into<Timeout>,
        /// How long a reset may take; see [`Options::reset_timeout`].
        reset_timeout: impl Into<Timeout>,
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
        /// How long a close may take; see [`Options::close_timeout`].
        close_timeout: impl Into<Timeout>,
        /// When a closing connection's slot is free; see [`Options::free_slot`].
        free_slot: FreeSlot,
        /// Whether hold times are recorded; see [`Options::measure_hold`].
        measure_hold: bool,
        /// How long a lent connection may stay away before it is reported; see [`Options::leak_after`].
        leak_after: impl Into<Timeout>,
    }

    /// Runs the pool in this environment instead of the runtime around the caller of `build`.
    pub fn env(mut self, env: Arc<dyn Env>) -> Self {
        self.env = Where::There(env);
        self
    }

    /// Builds the pool and starts to fill its minimums.
    ///
    /// The pool keeps the runtime that it is built in (or that [`env`](Builder::env) gave): connects, tests,
    /// resets and closes run there. Guards may be used and dropped anywhere.
    ///
    /// # Errors
    /// [`BuildError::Config`] if an option cannot work, [`BuildError::NoRuntime`] outside a runtime.
    pub fn build(self) -> Result<Pool<M>, BuildError<M::Error>> {
        self.options.validate()?;
        let env = match self.env {
            Where::Here => current_env(),
            Where::There(env) => Some(env),
            Where::Nowhere => None,
        };
        let Some(env) = env else { return Err(BuildError::NoRuntime) };
        let now = env.now();
        let core = Core::new(self.options, seed(), now);
        let shell =
            Shell::new(self.manager, self.hooks, self.watch, env, Arc::from(self.name), core);
        Ok(Pool::start(shell))
    }

    /// Builds the pool and waits until its minimums are there; with no minimums, until one connection
    /// could be made. Waits for `acquire_timeout` at most.
    ///
    /// # Errors
    /// Those of [`build`](Builder::build), and [`BuildError::Ready`] with the connect error: at once if it
    /// is permanent, at the deadline otherwise.
    pub async fn build_ready(self) -> Result<Pool<M>, BuildError<M::Error>> {
        let pool = self.build()?;
        match pool.ready().await {
            Ok(()) => Ok(pool),
            Err(error) => Err(BuildError::Ready(error)),
        }
    }

    /// Says whether the options can work, without building.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.options.validate()
    }
}

#[cfg(feature = "tokio")]
impl<M: Manager> Builder<M> {
    /// Runs the pool's tasks on this runtime instead of the one around the caller of `build`.
    ///
    /// # Errors
    /// At [`build`](Builder::build), [`BuildError::NoRuntime`] if the runtime's timers are not enabled.
    pub fn runtime(mut self, handle: tokio::runtime::Handle) -> Self {
        self.env = match crate::env::Tokio::new(handle) {
            Some(env) => Where::There(Arc::new(env)),
            None => Where::Nowhere,
        };
        self
    }
}

#[cfg(feature = "tokio")]
fn current_env() -> Option<Arc<dyn Env>> {
    Some(Arc::new(crate::env::Tokio::current()?))
}

#[cfg(not(feature = "tokio"))]
fn current_env() -> Option<Arc<dyn Env>> {
    None
}

/// A different number for every pool, without a dependency: the standard library's hash keys.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

impl<M: Manager> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
