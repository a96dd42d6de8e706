//! Building a pool: options with their checks and the runtime here, hooks and observers in rooms of their own.

mod hooks;
mod observers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{
    Bound, ConfigError, FreeSlot, OnConnectError, Options, Order, Preset, Settings, TestOnAcquire,
    Timeout, each_option,
};
use crate::core::Core;
use crate::env::Env;
use crate::error::BuildError;
use crate::hooks::Hooks;
use crate::manager::Manager;
use crate::membership::Membership;
use crate::observe::Audience;
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
    membership: Option<Arc<dyn Membership>>,
    env: Where,
    hooks: Hooks<M>,
    watch: Audience,
}

/// What a setter takes for a value of this type.
macro_rules! argument {
    (Bound) => { impl Into<Bound> };
    (Timeout) => { impl Into<Timeout> };
    ($type:ident) => { $type };
}

/// A setter for each option, with the words of its field.
macro_rules! setters {
    ($($(#[doc = $what:literal])+ $name:ident: $type:ident = $default:expr, $($about:tt),+;)+) => {$(
        $(#[doc = $what])+
        #[doc = concat!("See [`Options::", stringify!($name), "`].")]
        pub fn $name(mut self, $name: argument!($type)) -> Self {
            self.options.$name = $name.into();
            self
        }
    )+};
}

impl<M: Manager> Builder<M> {
    pub(crate) fn new(manager: M) -> Builder<M> {
        let options = manager.defaults(Options::default());
        Builder {
            manager,
            options,
            name: "pool".to_owned(),
            membership: None,
            env: Where::Here,
            hooks: Hooks::new(),
            watch: Audience::new(),
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

    /// Every default of another system, mapped to this pool's options. What that system has no counterpart for
    /// stays as it is; calls that follow change single options (P-24).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use cenote_testkit::Script;
    /// use cenote::{Bound, Pool, Preset};
    ///
    /// let pool = Pool::builder(Script::new()).preset(Preset::SequelizePool).max_size(20).build()?;
    /// assert_eq!(pool.options().idle_timeout.to_string(), "10s");
    /// # Ok(()) }
    /// ```
    pub fn preset(mut self, preset: Preset) -> Self {
        preset.apply(&mut self.options);
        self
    }

    /// Lays settings from the environment, a URL or a file over the options chosen so far.
    pub fn settings(mut self, settings: &Settings) -> Self {
        settings.apply(&mut self.options);
        self
    }

    /// Makes the pool a member of a cluster, which is told from now on how its connections fare. Default: of none.
    pub fn membership(mut self, membership: Arc<dyn Membership>) -> Self {
        self.membership = Some(membership);
        self
    }

    each_option!(setters);

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
        let core = Core::new(self.options, env.seed(), now);
        let name = Arc::from(self.name);
        let shell =
            Shell::new(self.manager, self.hooks, self.watch, env, name, self.membership, core);
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

impl<M: Manager> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
