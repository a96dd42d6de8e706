//! Changing options while the pool runs (P-22).

use super::Pool;
use crate::config::{Bound, ConfigError, Options, Timeout};
use crate::manager::Manager;
use crate::observe::{EventKind, Subject, flags};

impl<M: Manager> Pool<M> {
    /// The options as they are now.
    pub fn options(&self) -> Options {
        self.shell.lock().core.options().clone()
    }

    /// Changes options while the pool runs (P-22). Shrinking closes idle connections now and lent ones
    /// when they come back. The number of priority levels stays.
    ///
    /// # Errors
    /// The first rule that the changed options break; then nothing is changed.
    pub fn reconfigure(&self, change: impl FnOnce(&mut Options)) -> Result<(), ConfigError> {
        let mut options = self.options();
        change(&mut options);
        options.validate()?;
        self.shell.watch.set(flags::HOLD, options.measure_hold);
        self.shell.set_timed(&options);
        let now = self.shell.env.now();
        self.shell.run(|state| {
            let changed = EventKind::PoolReconfigured;
            state.note(&self.shell.watch, Subject::Pool, changed);
            state.core.reconfigure(options, now);
        });
        Ok(())
    }

    /// What somebody above this pool lets it have, such as a cluster that has a limit for all its pools. The pool's
    /// limit is the smallest of `max_size`, the grant and what overload of the server taught (P-22). Default:
    /// unlimited. Shrinking closes idle connections now and lent ones when they come back.
    pub fn set_grant(&self, grant: impl Into<Bound>) {
        let (grant, now) = (grant.into(), self.shell.env.now());
        self.shell.run(|state| state.core.set_grant(grant, now));
    }

    /// Whether the pool tries to keep one connection idle even if `min_idle` is 0: for somebody who wants to know when a
    /// server that is down can be connected to again, while the pool's connections are all lent (P-11). Default: no.
    pub fn set_seeking(&self, seeking: bool) {
        let now = self.shell.env.now();
        self.shell.run(|state| state.core.set_seeking(seeking, now));
    }

    /// Changes [`Options::max_size`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_max_size(&self, max_size: impl Into<Bound>) -> Result<(), ConfigError> {
        self.reconfigure(|options| options.max_size = max_size.into())
    }

    /// Changes [`Options::min_size`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_min_size(&self, min_size: usize) -> Result<(), ConfigError> {
        self.reconfigure(|options| options.min_size = min_size)
    }

    /// Changes [`Options::min_idle`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_min_idle(&self, min_idle: usize) -> Result<(), ConfigError> {
        self.reconfigure(|options| options.min_idle = min_idle)
    }

    /// Changes [`Options::max_idle`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_max_idle(&self, max_idle: impl Into<Bound>) -> Result<(), ConfigError> {
        self.reconfigure(|options| options.max_idle = max_idle.into())
    }

    /// Changes [`Options::max_waiting`] while the pool runs.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_max_waiting(&self, max_waiting: impl Into<Bound>) -> Result<(), ConfigError> {
        self.reconfigure(|options| options.max_waiting = max_waiting.into())
    }

    /// Changes [`Options::acquire_timeout`] for acquires that begin from now on.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_acquire_timeout(&self, timeout: impl Into<Timeout>) -> Result<(), ConfigError> {
        self.reconfigure(|options| options.acquire_timeout = timeout.into())
    }

    /// Changes [`Options::connect_timeout`] for connects that begin from now on.
    ///
    /// # Errors
    /// As [`reconfigure`](Pool::reconfigure).
    pub fn set_connect_timeout(&self, timeout: impl Into<Timeout>) -> Result<(), ConfigError> {
        self.reconfigure(|options| options.connect_timeout = timeout.into())
    }
}
