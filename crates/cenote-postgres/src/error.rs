//! What can go wrong with PostgreSQL, each as one sentence that names the server, the reason and what to do, and as
//! a [`Fault`] that tells the pool what it means. SQL, values and passwords are in none of them.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cenote::Fault;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::fault;

/// Why a connection could not be made or a request failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum PostgresError {
    /// A URL, an environment variable or a setting cannot be used.
    #[non_exhaustive]
    Settings {
        /// What is wrong and what to do.
        reason: String,
    },
    /// The connection could not be made.
    #[non_exhaustive]
    Connect {
        /// Where: `host:port/database as user`.
        place: Arc<str>,
        /// What is wrong and what to do.
        reason: String,
        /// What it means for the pool.
        fault: Fault,
        /// The driver's own error, if it came to that.
        source: Option<Error>,
    },
    /// [`Postgres::credentials`](crate::Postgres::credentials) returned this error.
    #[non_exhaustive]
    Credentials {
        /// Where they were for.
        place: Arc<str>,
        /// What it returned.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A request failed.
    #[non_exhaustive]
    Query {
        /// Where.
        place: Arc<str>,
        /// The driver's own error.
        source: Error,
    },
    /// A request on the [client itself](crate::Session::client) failed.
    #[non_exhaustive]
    Client {
        /// The driver's own error.
        source: Error,
    },
    /// The connection is closed.
    #[non_exhaustive]
    Closed {
        /// Where it led to.
        place: Arc<str>,
        /// What ended it, if that is known.
        why: Option<Arc<Error>>,
    },
    /// A transaction took longer than its [`timeout`](crate::TransactionBuilder::timeout).
    #[non_exhaustive]
    TimedOut {
        /// Where.
        place: Arc<str>,
        /// Its timeout.
        after: Duration,
        /// It was being committed: whether it was is not known.
        committing: bool,
    },
    /// A transaction could not be committed, because a statement in it had failed; it was rolled back.
    #[non_exhaustive]
    Aborted {
        /// Where.
        place: Arc<str>,
    },
}

impl PostgresError {
    /// The driver's own error, if it came to that.
    pub fn postgres(&self) -> Option<&Error> {
        match self {
            PostgresError::Query { source, .. } | PostgresError::Client { source } => Some(source),
            PostgresError::Connect { source, .. } => source.as_ref(),
            PostgresError::Closed { why, .. } => why.as_deref(),
            _ => None,
        }
    }

    /// The server's own error, with detail, hint and position, if it sent one.
    pub fn db(&self) -> Option<&DbError> {
        self.postgres()?.as_db_error()
    }

    /// The server's SQLSTATE, if it sent one.
    pub fn code(&self) -> Option<&SqlState> {
        Some(self.db()?.code())
    }

    /// What the error means for the pool (P-14).
    pub fn fault(&self) -> Fault {
        match self {
            PostgresError::Connect { fault, .. } => *fault,
            PostgresError::Query { source, .. } | PostgresError::Client { source } => {
                fault::of_request(source)
            }
            PostgresError::Closed { why, .. } => match why {
                // Who ended it says for whom it matters.
                Some(error) if fault::of_request(error) == Fault::Host => Fault::Host,
                _ => Fault::Connection,
            },
            PostgresError::TimedOut { .. } => Fault::Timeout,
            PostgresError::Aborted { .. } => Fault::Query,
            // Whoever hands out passwords may be back in a moment.
            PostgresError::Credentials { .. } => Fault::Connection,
            PostgresError::Settings { .. } => Fault::Permanent,
        }
    }

    pub(crate) fn settings(reason: impl Into<String>) -> PostgresError {
        PostgresError::Settings { reason: reason.into() }
    }

    /// The error of a connect that came to speak with the server.
    pub(crate) fn connect(place: Arc<str>, error: Error) -> PostgresError {
        let fault = fault::of_connect(&error);
        let mut reason = words(&error);
        if let Some(advice) = error.code().and_then(|state| advice(state.code())) {
            reason = format!("{reason}: {advice}");
        } else if reason.contains("password missing") {
            reason = "the server asks for a password, and there is none: set one".to_owned();
        } else if reason.starts_with("error performing TLS") {
            reason =
                format!("{reason}: correct sslmode or sslrootcert, or the server's certificate");
        } else if error.as_db_error().is_none() && fault == Fault::Connection {
            reason = format!("{reason}: whoever listens there hung up or is no PostgreSQL server");
        }
        PostgresError::Connect { place, reason, fault, source: Some(error) }
    }

    /// The error of a connect that nobody answered.
    pub(crate) fn unreachable(place: Arc<str>, error: &io::Error) -> PostgresError {
        let fault = cenote_driver::io::fault(error);
        let reason = cenote_driver::io::unreachable(error, "server");
        PostgresError::Connect { place, reason, fault, source: None }
    }
}

/// The driver's words for an error, the server's if it has any; in one line.
pub(crate) fn words(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        return format!("{message} ({})", error.code().code());
    }
    match error.source() {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}

/// What to do about a SQLSTATE, where there is something to be said.
fn advice(state: &str) -> Option<&'static str> {
    Some(match state {
        "28P01" => "correct the user or the password",
        "28000" => "let the user in from here (pg_hba.conf), or correct the user",
        "3D000" => "create the database, or correct its name",
        "53300" => {
            "lower max_size in the processes that use it, raise max_connections, or put a pooler between"
        }
        "57P01" => "an administrator ended the session or the server: acquire another",
        "57P02" => "the server crashed and restarts: try again",
        "57P03" => "it starts up or shuts down: try again in a moment",
        "57P05" => "raise idle_session_timeout, or lower the pool's idle_timeout",
        "25P03" => "keep transactions short, or raise idle_in_transaction_session_timeout",
        "25006" => "this server or transaction only reads: write to the primary",
        "57014" => "make the statement faster, or raise its timeout",
        "40001" | "40P01" => "run the transaction again",
        "53100" => "free space on the server's disk",
        "55P03" => "another transaction holds the lock: try again, or raise lock_timeout",
        "26000" => {
            "a DEALLOCATE or DISCARD took prepared statements away: acquire another connection"
        }
        _ => return None,
    })
}

fn tell(f: &mut fmt::Formatter<'_>, error: &Error) -> fmt::Result {
    f.write_str(&words(error))?;
    match error.code().and_then(|state| advice(state.code())) {
        Some(advice) => write!(f, ": {advice}"),
        None => Ok(()),
    }
}

/// What a closure of [`Pool::with`](cenote::Pool::with) that uses the [client itself](crate::Session::client) needs
/// for its `?`.
impl From<Error> for PostgresError {
    fn from(source: Error) -> PostgresError {
        PostgresError::Client { source }
    }
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PostgresError::Settings { reason } => f.write_str(reason),
            PostgresError::Connect { place, reason, .. } => {
                write!(f, "PostgreSQL at {place}: {reason}")
            }
            PostgresError::Credentials { place, source } => write!(
                f,
                "PostgreSQL at {place}: there are no credentials for it ({source}): see what hands them out"
            ),
            PostgresError::Query { place, source } => {
                write!(f, "PostgreSQL at {place}: ")?;
                tell(f, source)
            }
            PostgresError::Client { source } => {
                f.write_str("PostgreSQL: ")?;
                tell(f, source)
            }
            PostgresError::Closed { place, why: Some(why) } => {
                write!(f, "PostgreSQL at {place}: this connection has ended: ")?;
                tell(f, why)
            }
            PostgresError::Closed { place, why: None } => {
                write!(f, "PostgreSQL at {place}: this connection is closed: acquire another")
            }
            PostgresError::TimedOut { place, after, committing: false } => write!(
                f,
                "PostgreSQL at {place}: the transaction was not over within {after:?} and is rolled back: make it shorter, or raise its timeout"
            ),
            PostgresError::TimedOut { place, after, committing: true } => write!(
                f,
                "PostgreSQL at {place}: the commit was not confirmed within {after:?}, so whether it took place is not known: look before you repeat it"
            ),
            PostgresError::Aborted { place } => write!(
                f,
                "PostgreSQL at {place}: the transaction was rolled back, because a statement in it had failed: return that error from the closure"
            ),
        }
    }
}

impl StdError for PostgresError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The sentence holds the words of the error below: go on with what is below that.
        match self {
            PostgresError::Credentials { source, .. } => source.source(),
            error => error.postgres()?.source()?.source(),
        }
    }
}
