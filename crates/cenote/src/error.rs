//! Every way in which an acquire can fail, as a type with a sentence that says what, where and what to
//! do, with the numbers and the cause.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::config::ConfigError;
use crate::manager::Fault;
use crate::observe::FailReason;
use crate::stats::Status;

/// Why there is no connection, or why the closure of [`Pool::with`](crate::Pool::with) failed.
///
/// `E` is the driver's error. A connect error sits in an [`Arc`], because one failed connect may fail
/// many callers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// The deadline passed (P-3). `last` is why connects failed lately, if they did.
    Timeout {
        /// The pool's name.
        pool: Arc<str>,
        /// How long the caller waited.
        waited: Duration,
        /// The pool's counts when it gave up.
        status: Box<Status>,
        /// The last connect error, if no connect has succeeded since.
        last: Option<Arc<ConnectError<E>>>,
    },
    /// A connect failed and the rules say that this caller hears of it at once (P-14).
    Connect {
        /// The pool's name.
        pool: Arc<str>,
        /// What went wrong.
        error: Arc<ConnectError<E>>,
    },
    /// The closure given to `with` returned this error.
    Run(E),
    /// As many callers wait as `max_waiting` allows (P-6).
    QueueFull {
        /// The pool's name.
        pool: Arc<str>,
        /// `max_waiting`; with 0 nobody may wait at all.
        max_waiting: usize,
        /// The pool's counts at that moment.
        status: Box<Status>,
    },
    /// `acquire_many` wants more connections than the pool may have (P-10).
    TooMany {
        /// The pool's name.
        pool: Arc<str>,
        /// How many were wanted.
        wanted: usize,
        /// `max_size`.
        max: usize,
    },
    /// `try_acquire` or `try_share` found no connection.
    Exhausted {
        /// The pool's name.
        pool: Arc<str>,
        /// The pool's counts at that moment.
        status: Box<Status>,
    },
    /// The hook `on_acquire` refused this caller (P-28).
    Refused {
        /// The pool's name.
        pool: Arc<str>,
        /// What the hook said.
        reason: String,
    },
    /// The pool is paused and refuses newcomers (P-21).
    Paused {
        /// The pool's name.
        pool: Arc<str>,
    },
    /// The pool is draining and takes no newcomers (P-21).
    Draining {
        /// The pool's name.
        pool: Arc<str>,
    },
    /// The pool is closed (P-21).
    Closed {
        /// The pool's name.
        pool: Arc<str>,
    },
    /// The runtime that carried the pool's tasks was shut down (P-16).
    RuntimeGone {
        /// The pool's name.
        pool: Arc<str>,
    },
    /// The pool's own code panicked: a bug of the pool's, which has closed itself (P-23).
    Broken {
        /// The pool's name.
        pool: Arc<str>,
    },
}

impl<E> Error<E> {
    /// Whether the caller may try again later with a chance of success.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Timeout { .. }
            | Error::QueueFull { .. }
            | Error::Exhausted { .. }
            | Error::Refused { .. }
            | Error::Paused { .. } => true,
            Error::Connect { error, .. } => error.fault() != Fault::Permanent,
            Error::Run(_)
            | Error::TooMany { .. }
            | Error::Draining { .. }
            | Error::Closed { .. }
            | Error::RuntimeGone { .. }
            | Error::Broken { .. } => false,
        }
    }

    /// The same in a word, for events.
    pub(crate) fn fail_reason(&self) -> FailReason {
        match self {
            Error::Timeout { .. } => FailReason::Timeout,
            Error::Connect { .. } => FailReason::Connect,
            Error::QueueFull { .. } => FailReason::QueueFull,
            Error::TooMany { .. } => FailReason::TooMany,
            Error::Exhausted { .. } => FailReason::Exhausted,
            Error::Refused { .. } => FailReason::Refused,
            Error::Paused { .. } => FailReason::Paused,
            Error::Draining { .. } => FailReason::Draining,
            Error::Closed { .. } => FailReason::Closed,
            Error::RuntimeGone { .. } => FailReason::RuntimeGone,
            Error::Broken { .. } => FailReason::Broken,
            Error::Run(_) => FailReason::Other,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Timeout { pool, waited, status, last } => {
                write!(f, "pool \"{pool}\": no connection within {waited:.1?} ({status})")?;
                match last {
                    Some(last) => write!(f, "; the last connect failed: {last}"),
                    None => Ok(()),
                }
            }
            Error::Connect { pool, error } => write!(f, "pool \"{pool}\": cannot connect: {error}"),
            Error::Run(error) => error.fmt(f),
            Error::QueueFull { pool, max_waiting: 0, status } => write!(
                f,
                "pool \"{pool}\": no connection is free and max_waiting is 0 ({status}): raise max_size, or let callers wait"
            ),
            Error::QueueFull { pool, max_waiting, status } => write!(
                f,
                "pool \"{pool}\": as many callers wait as max_waiting allows, which is {max_waiting} ({status}): raise it or max_size, or shed load"
            ),
            Error::TooMany { pool, wanted, max } => write!(
                f,
                "pool \"{pool}\": {wanted} connections are wanted at once, but max_size is {max}: raise it or take fewer"
            ),
            Error::Exhausted { pool, status } => {
                write!(f, "pool \"{pool}\": no idle connection right now ({status})")
            }
            Error::Refused { pool, reason } => {
                write!(f, "pool \"{pool}\": the hook on_acquire refused: {reason}")
            }
            Error::Paused { pool } => write!(f, "pool \"{pool}\" is paused: resume it first"),
            Error::Draining { pool } => {
                write!(f, "pool \"{pool}\" is draining and lends nothing new")
            }
            Error::Closed { pool } => write!(f, "pool \"{pool}\" is closed"),
            Error::RuntimeGone { pool } => write!(
                f,
                "pool \"{pool}\": the runtime it was built on was shut down: build it on one that lives as long"
            ),
            Error::Broken { pool } => write!(
                f,
                "pool \"{pool}\" has closed itself because its own code panicked: build another, and report the panic's message as a bug of cenote"
            ),
        }
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Timeout { last: Some(error), .. } | Error::Connect { error, .. } => {
                Some(&**error)
            }
            Error::Run(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a connect failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError<E> {
    /// The manager's error, and its class.
    Failed {
        /// The driver's error.
        error: E,
        /// What the manager says it means.
        fault: Fault,
    },
    /// `connect_timeout` passed.
    TimedOut {
        /// The timeout.
        after: Duration,
    },
    /// [`Manager::connect`](crate::Manager::connect) panicked, or what belongs to a connect: the hook
    /// `after_connect`, the test of a new connection.
    Panicked,
}

impl<E> ConnectError<E> {
    /// The class of the error.
    pub fn fault(&self) -> Fault {
        match self {
            ConnectError::Failed { fault, .. } => *fault,
            ConnectError::TimedOut { .. } => Fault::Timeout,
            ConnectError::Panicked => Fault::Connection,
        }
    }

    /// The driver's own error, if there is one.
    pub fn driver_error(&self) -> Option<&E> {
        match self {
            ConnectError::Failed { error, .. } => Some(error),
            ConnectError::TimedOut { .. } | ConnectError::Panicked => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for ConnectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Failed { error, .. } => error.fmt(f),
            ConnectError::TimedOut { after } => write!(f, "no answer within {after:?}"),
            ConnectError::Panicked => f.write_str("the manager's connect panicked"),
        }
    }
}

impl<E: StdError + 'static> StdError for ConnectError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // The sentence is the driver's: go on with what is below it.
            ConnectError::Failed { error, .. } => error.source(),
            ConnectError::TimedOut { .. } | ConnectError::Panicked => None,
        }
    }
}

/// Why a pool could not be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError<E> {
    /// An option cannot work.
    Config(ConfigError),
    /// `build` was called outside a runtime, and none was given.
    NoRuntime,
    /// The system gave a pool for threads no thread.
    NoThread(io::Error),
    /// `build_ready` could not fill the pool.
    Ready(Error<E>),
}

impl<E: fmt::Display> fmt::Display for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Config(error) => error.fmt(f),
            BuildError::NoRuntime => f.write_str(
                "a pool needs a tokio runtime with timers: build it inside one, or give one with Builder::runtime",
            ),
            BuildError::NoThread(error) => write!(
                f,
                "a pool needs a thread for its upkeep, and the system gave none ({error}): raise its limit of threads"
            ),
            BuildError::Ready(error) => write!(f, "the pool could not be filled: {error}"),
        }
    }
}

impl<E: StdError + 'static> StdError for BuildError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            BuildError::Config(_) | BuildError::NoRuntime => None,
            BuildError::NoThread(error) => error.source(),
            BuildError::Ready(error) => error.source(),
        }
    }
}

impl<E> From<ConfigError> for BuildError<E> {
    fn from(error: ConfigError) -> BuildError<E> {
        BuildError::Config(error)
    }
}
