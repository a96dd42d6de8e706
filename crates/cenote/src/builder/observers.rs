//! The setters of observers and logs (P-29, P-31). They are told from the pool's first event on.

use std::sync::Arc;

use super::Builder;
use crate::manager::Manager;
use crate::observe::{Level, Lines, Observer, Stderr};

impl<M: Manager> Builder<M> {
    /// Adds an observer that stays as long as the pool and is told everything from its creation on. For one
    /// that goes again see [`Pool::observe`](crate::Pool::observe).
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// use cenote::{Event, Level};
    ///
    /// let builder = Pool::builder(Script::new()).observer(|event: &Event<'_>| {
    ///     if event.level() >= Level::Warn {
    ///         eprintln!("{event} ({})", event.status());
    ///     }
    /// });
    /// ```
    pub fn observer(self, observer: impl Observer) -> Self {
        self.watch.join(Arc::new(observer));
        self
    }

    /// Writes the events from level info on to standard error, one line each. Default false.
    pub fn log(self, log: bool) -> Self {
        if log { self.observer(Stderr) } else { self }
    }

    /// Gives every event as a line to a closure, for whatever log the program has. It is called as
    /// observers are: see [`Observer`].
    ///
    /// ```
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// use cenote::Level;
    ///
    /// let builder = Pool::builder(Script::new()).log_with(|level, line| {
    ///     if level >= Level::Warn {
    ///         println!("{level}: {line}");
    ///     }
    /// });
    /// ```
    pub fn log_with(self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Self {
        self.observer(Lines(log))
    }

    /// Gives the events to `tracing`, with the target `cenote`, and makes spans of the waits of acquires that
    /// queue and of connects, tests, resets and closes (P-31). Feature `tracing`.
    #[cfg(feature = "tracing")]
    pub fn tracing(self) -> Self {
        self.watch.set(crate::observe::flags::TRACED, true);
        self.observer(crate::observe::Tracing)
    }

    /// Gives the pool's numbers to the `metrics` facade, by the names of OpenTelemetry's semantic
    /// conventions where those have one (P-31). Hold times need
    /// [`measure_hold`](Builder::measure_hold). Feature `metrics`.
    #[cfg(feature = "metrics")]
    pub fn metrics(self) -> Self {
        self.observer(crate::observe::Metrics)
    }
}
