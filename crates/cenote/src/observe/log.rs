//! A log without any feature: each event as a line, to standard error or to a closure.

use std::io::Write;

use super::event::{Event, Level};
use super::registry::Observer;

/// Lines to standard error, from info on: a busy pool would drown in its acquires.
pub(crate) struct Stderr;

impl Observer for Stderr {
    fn event(&self, event: &Event<'_>) {
        // Whoever closed standard error wants no lines.
        let _ = writeln!(std::io::stderr(), "{:5} {event}", event.level());
    }

    fn least(&self) -> Level {
        Level::Info
    }
}

/// Lines to a closure, of every level.
pub(crate) struct Lines<F>(pub(crate) F);

impl<F: Fn(Level, &str) + Send + Sync + 'static> Observer for Lines<F> {
    fn event(&self, event: &Event<'_>) {
        (self.0)(event.level(), &event.to_string());
    }
}
