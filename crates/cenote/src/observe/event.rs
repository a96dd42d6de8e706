//! The events: what happened, to which acquire or connection, and how much it matters. An event borrows what
//! it shows, so telling one copies nothing; whoever wants to keep something takes what it needs.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::config::Options;
use crate::hooks::Hook;
use crate::manager::Fault;
use crate::stats::{CloseReason, Status};

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Part of every day: acquires and releases, the steps of making and closing a connection.
    Trace,
    /// Rare, and as it should be: connections and the pool's state come and go.
    Info,
    /// Something went wrong that the pool deals with.
    Warn,
    /// Somebody should look: wrong credentials, a hook that panics, a runtime that is gone.
    Error,
}

impl Level {
    /// The level in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What an event is about. The number ties the events of one acquire, or of one connection, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The pool as a whole.
    Pool,
    /// The acquire with this ticket: its place in the order of arrival.
    Acquire(u64),
    /// The connection with this id, as [`Pooled::id`](crate::Pooled::id) tells it.
    Connection(u64),
}

macro_rules! fail_reasons {
    ($($(#[$doc:meta])* $variant:ident => $text:literal,)*) => {
        /// Why an acquire failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FailReason { $($(#[$doc])* $variant,)* }

        impl FailReason {
            /// The reason in snake case, as logs and metrics show it.
            pub const fn name(self) -> &'static str {
                match self { $(FailReason::$variant => $text,)* }
            }
        }
    };
}

fail_reasons! {
    /// The deadline passed.
    Timeout => "timeout",
    /// The future was dropped.
    Cancelled => "cancelled",
    /// A connect failed and this caller hears of it.
    Connect => "connect",
    /// The queue is full.
    QueueFull => "queue_full",
    /// `acquire_many` wants more than `max_size`.
    TooMany => "too_many",
    /// `try_acquire` or `try_share` found no connection.
    Exhausted => "exhausted",
    /// The hook `on_acquire` refused.
    Refused => "refused",
    /// The pool is paused and refuses newcomers.
    Paused => "paused",
    /// The pool is draining.
    Draining => "draining",
    /// The pool is closed.
    Closed => "closed",
    /// The pool's runtime was shut down.
    RuntimeGone => "runtime_gone",
    /// The pool's own code panicked.
    Broken => "broken",
    /// Anything else that the error tells.
    Other => "other",
}

impl fmt::Display for FailReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

type Cause<'a> = &'a (dyn StdError + Send + Sync + 'static);

/// What happened.
///
/// Every event is told once, and those of one subject in order: an acquire is started, perhaps queued, perhaps slow,
/// and succeeds or fails; a connection is created, ready, closing and closed; a pool is created first and closed
/// last, but for connections that borrowers still hold at the close's deadline. What follows from a thing is
/// told after it. Events of different subjects that happen in different threads may be told in either order.
///
/// Errors are the driver's own: the pool adds no secret to them, and takes none out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// The pool was built and begins to fill its minimums. Info.
    PoolCreated,
    /// The minimums are there for the first time; without any, the first connection is. Info.
    PoolReady,
    /// A generation of connections ended. Info after [`Pool::clear`](crate::Pool::clear); warn after a
    /// borrower's error said that the host failed.
    PoolCleared {
        /// Whether a borrower's error of class [`Fault::Host`] was the reason.
        host_failed: bool,
    },
    /// Nothing is lent for now. Info.
    PoolPaused,
    /// Connections are lent again. Info.
    PoolResumed,
    /// Options were changed while the pool runs. Info.
    PoolReconfigured,
    /// No newcomers any more. Info.
    PoolDraining,
    /// The drain has settled. Info; warn if somebody still holds a connection.
    PoolDrained {
        /// Borrowers that did not give back in time.
        holders: usize,
    },
    /// The pool was closed: those that wait fail, idle connections close. Info.
    PoolClosing,
    /// The close has settled. Info; warn if somebody still holds a connection.
    PoolClosed {
        /// Borrowers that did not give back in time. What they hold is closed when they do.
        holders: usize,
    },
    /// The runtime that carried the pool's tasks was shut down. A task it dropped is told no more. Error.
    RuntimeGone,

    /// A caller asks for a connection: its future was polled for the first time. Trace.
    AcquireStarted {
        /// The place in the source.
        location: &'static Location<'static>,
    },
    /// The caller waits in the queue. Trace.
    AcquireQueued,
    /// The caller has what it wanted. Trace.
    AcquireSucceeded {
        /// The connection's id; the first one's, if there are several.
        connection: u64,
        /// How many connections; 1 but for [`Pool::acquire_many`](crate::Pool::acquire_many).
        taken: usize,
        /// How long the caller was queued; zero for a hit.
        waited: Duration,
    },
    /// The caller gets none. Warn; trace if it gave up itself.
    AcquireFailed {
        /// Why.
        reason: FailReason,
        /// The error that the caller gets; none if it dropped the future.
        error: Option<Cause<'a>>,
        /// How long the caller was queued.
        waited: Duration,
    },
    /// The acquire took longer than `slow_acquire`: told once, before its success or failure (P-3). Warn.
    AcquireSlow {
        /// How long the caller was queued.
        waited: Duration,
        /// The counts when it ended.
        status: &'a Status,
        /// The last connect error, if no connect has succeeded since.
        last: Option<Cause<'a>>,
    },
    /// Nobody came for a granted connection within a second: the next waiter gets it (P-5). Warn.
    GrantTakenBack,

    /// A connect begins. Trace.
    ConnectStarted,
    /// The manager made a connection; set-up and test may follow. Trace.
    ConnectionCreated {
        /// How long [`Manager::connect`](crate::Manager::connect) took.
        took: Duration,
    },
    /// A new connection can be lent. Info.
    ConnectionReady {
        /// How long making it took, set-up and test included.
        took: Duration,
    },
    /// A connect failed, or what belongs to it. Warn; error if trying again makes no sense.
    ConnectFailed {
        /// A [`ConnectError`](crate::ConnectError).
        error: Cause<'a>,
        /// Its class.
        fault: Fault,
        /// How long the attempt took.
        took: Duration,
    },
    /// A connection is about to be closed. Trace.
    ConnectionClosing {
        /// Why.
        reason: CloseReason,
    },
    /// A connection is gone, its close failed or not. Info.
    ConnectionClosed {
        /// Why.
        reason: CloseReason,
    },
    /// Closing a connection failed; told before [`ConnectionClosed`](EventKind::ConnectionClosed). Warn.
    CloseFailed {
        /// A [`CloseError`](crate::CloseError).
        error: Cause<'a>,
    },
    /// A borrower took the connection out of the pool for good. Info.
    ConnectionDetached,
    /// A test before lending, or of a resting connection, failed. Warn.
    TestFailed {
        /// What it said, or that it hung or panicked.
        error: Cause<'a>,
    },
    /// A reset failed. Warn.
    ResetFailed {
        /// What it said, or that it hung or panicked.
        error: Cause<'a>,
    },
    /// A borrower gave its connection, or its share of one, back. Trace.
    Released {
        /// How long it was held, if `measure_hold` is on; of shares it is not measured.
        held: Option<Duration>,
    },
    /// A connection is lent for longer than `leak_after`: told once (P-30). Warn.
    Leaked {
        /// Where it was acquired.
        location: &'static Location<'static>,
        /// For how long, at least.
        held: Duration,
        /// Whether it idles in a transaction, as far as the manager tells.
        in_transaction: bool,
    },
    /// A connection that was told as leaked has come back. Warn.
    LeakReturned {
        /// Where it was acquired.
        location: &'static Location<'static>,
        /// For how long it was away.
        held: Duration,
    },

    /// A hook returned an error that no caller gets. Warn.
    HookFailed {
        /// Which.
        hook: Hook,
        /// What it said.
        error: Cause<'a>,
    },
    /// A hook panicked. Error.
    HookPanicked {
        /// Which.
        hook: Hook,
    },
    /// Another observer panicked; it goes on being told. Error.
    ObserverPanicked,
}

impl EventKind<'_> {
    /// The kind in snake case, as logs and metrics show it.
    pub const fn name(&self) -> &'static str {
        match self {
            EventKind::PoolCreated => "pool_created",
            EventKind::PoolReady => "pool_ready",
            EventKind::PoolCleared { .. } => "pool_cleared",
            EventKind::PoolPaused => "pool_paused",
            EventKind::PoolResumed => "pool_resumed",
            EventKind::PoolReconfigured => "pool_reconfigured",
            EventKind::PoolDraining => "pool_draining",
            EventKind::PoolDrained { .. } => "pool_drained",
            EventKind::PoolClosing => "pool_closing",
            EventKind::PoolClosed { .. } => "pool_closed",
            EventKind::RuntimeGone => "runtime_gone",
            EventKind::AcquireStarted { .. } => "acquire_started",
            EventKind::AcquireQueued => "acquire_queued",
            EventKind::AcquireSucceeded { .. } => "acquire_succeeded",
            EventKind::AcquireFailed { .. } => "acquire_failed",
            EventKind::AcquireSlow { .. } => "acquire_slow",
            EventKind::GrantTakenBack => "grant_taken_back",
            EventKind::ConnectStarted => "connect_started",
            EventKind::ConnectionCreated { .. } => "connection_created",
            EventKind::ConnectionReady { .. } => "connection_ready",
            EventKind::ConnectFailed { .. } => "connect_failed",
            EventKind::ConnectionClosing { .. } => "connection_closing",
            EventKind::ConnectionClosed { .. } => "connection_closed",
            EventKind::CloseFailed { .. } => "close_failed",
            EventKind::ConnectionDetached => "connection_detached",
            EventKind::TestFailed { .. } => "test_failed",
            EventKind::ResetFailed { .. } => "reset_failed",
            EventKind::Released { .. } => "released",
            EventKind::Leaked { .. } => "leaked",
            EventKind::LeakReturned { .. } => "leak_returned",
            EventKind::HookFailed { .. } => "hook_failed",
            EventKind::HookPanicked { .. } => "hook_panicked",
            EventKind::ObserverPanicked => "observer_panicked",
        }
    }

    /// How much it matters.
    pub(crate) const fn level(&self) -> Level {
        match self {
            EventKind::AcquireStarted { .. }
            | EventKind::AcquireQueued
            | EventKind::AcquireSucceeded { .. }
            | EventKind::AcquireFailed { reason: FailReason::Cancelled, .. }
            | EventKind::ConnectStarted
            | EventKind::ConnectionCreated { .. }
            | EventKind::ConnectionClosing { .. }
            | EventKind::Released { .. } => Level::Trace,

            EventKind::PoolCreated
            | EventKind::PoolReady
            | EventKind::PoolCleared { host_failed: false }
            | EventKind::PoolPaused
            | EventKind::PoolResumed
            | EventKind::PoolReconfigured
            | EventKind::PoolDraining
            | EventKind::PoolDrained { holders: 0 }
            | EventKind::PoolClosing
            | EventKind::PoolClosed { holders: 0 }
            | EventKind::ConnectionReady { .. }
            | EventKind::ConnectionClosed { .. }
            | EventKind::ConnectionDetached => Level::Info,

            EventKind::PoolCleared { .. }
            | EventKind::PoolDrained { .. }
            | EventKind::PoolClosed { .. }
            | EventKind::AcquireFailed { .. }
            | EventKind::AcquireSlow { .. }
            | EventKind::GrantTakenBack
            | EventKind::CloseFailed { .. }
            | EventKind::TestFailed { .. }
            | EventKind::ResetFailed { .. }
            | EventKind::Leaked { .. }
            | EventKind::LeakReturned { .. }
            | EventKind::HookFailed { .. } => Level::Warn,

            EventKind::ConnectFailed { fault: Fault::Permanent, .. }
            | EventKind::RuntimeGone
            | EventKind::HookPanicked { .. }
            | EventKind::ObserverPanicked => Level::Error,

            EventKind::ConnectFailed { .. } => Level::Warn,
        }
    }
}

/// Something noted under the lock, to be told after it: a plain value, nothing of the user's.
pub(crate) type Note = (Subject, EventKind<'static>);

/// What an event can ask its pool for.
pub(crate) trait Source {
    fn status(&self) -> Status;
    fn options(&self) -> Options;
}

/// Something that happened to a pool, as its [observers](crate::Observer) are told.
///
/// `Display` writes it as one line, as [`Builder::log`](crate::Builder::log) shows it.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub(crate) pool: &'a str,
    pub(crate) subject: Subject,
    pub(crate) kind: EventKind<'a>,
    pub(crate) source: &'a dyn Source,
}

impl<'a> Event<'a> {
    /// The pool's name.
    pub fn pool(&self) -> &'a str {
        self.pool
    }

    /// What it is about: the pool, one acquire, or one connection.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// What happened.
    pub fn kind(&self) -> &EventKind<'a> {
        &self.kind
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        self.kind.level()
    }

    /// The pool's counts now. Asks the pool, which takes its lock for a moment.
    pub fn status(&self) -> Status {
        self.source.status()
    }

    /// The pool's options now. Asks the pool, which takes its lock for a moment.
    pub fn options(&self) -> Options {
        self.source.options()
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("pool", &self.pool)
            .field("subject", &self.subject)
            .field("kind", &self.kind)
            .finish()
    }
}
