//! What a pool tells while it works (P-29): every event goes to every [`Observer`], outside the lock.
//!
//! Events are noted in the order in which things happen and told before what follows from them is carried
//! out: a release is told before its connection's next borrower is woken, a close before its task begins.
//! What other threads do meanwhile may be told in between: each event is exact, and the events of one
//! acquire or one connection are in order, but two events of different ones may be told the other way round.
//!
//! - of an acquire: started, queued, then succeeded or failed, once; slow at most once, just before its end
//! - of a connection: connect started, created, ready, closing, closed; a connect that fails is told
//!   instead of "ready", a connection that leaves with its borrower is told as detached instead of closed
//! - of a pool: created first, closed last
//!
//! One idea a file: the events, how they read as a line, who is told, the log, and the two facades.

mod event;
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod registry;
mod span;
mod text;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "metrics")]
pub(crate) use self::metrics::Metrics;
#[cfg(feature = "tracing")]
pub(crate) use self::tracing::Tracing;
pub use event::{Event, EventKind, FailReason, Level, Subject};
pub(crate) use event::{Note, Source};
pub(crate) use log::{Lines, Stderr};
pub(crate) use registry::{Audience, Watched, count, flags};
pub use registry::{FromLevel, Observer, Subscription};
pub(crate) use span::{StepSpan, WaitSpan};
