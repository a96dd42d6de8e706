//! Events for `tracing`: each with its level, the target `cenote`, the pool's name and the correlation id as
//! fields, and its line as the message.

use tracing::{error, info, trace, warn};

use super::event::{Event, Level, Subject};
use super::registry::Observer;

/// Passes events on to the current subscriber.
pub(crate) struct Tracing;

impl Observer for Tracing {
    fn event(&self, event: &Event<'_>) {
        let (pool, kind) = (event.pool(), event.kind().name());
        let (acquire, connection) = match event.subject() {
            Subject::Pool => (None, None),
            Subject::Acquire(ticket) => (Some(ticket), None),
            Subject::Connection(id) => (None, Some(id)),
        };
        macro_rules! tell {
            ($level:ident) => {
                $level!(target: "cenote", pool, event = kind, acquire, connection, "{event}")
            };
        }
        match event.level() {
            Level::Trace => tell!(trace),
            Level::Info => tell!(info),
            Level::Warn => tell!(warn),
            Level::Error => tell!(error),
        }
    }
}
