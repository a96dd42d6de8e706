//! What can go wrong with MySQL, each as one sentence that names the server, the reason and what to do, and as a
//! [`Fault`] that tells the pool what it means. Values and passwords are in none of them; the server's own words may
//! repeat a part of the statement.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cenote::Fault;
use mysql_async::{DriverError, Error, IoError, ServerError};

use crate::fault;

/// Why a connection could not be made or a request failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum MysqlError {
    /// A URL or a setting cannot be used.
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
    /// [`Mysql::credentials`](crate::Mysql::credentials) returned this error.
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
    /// A row that came is not of the type that was asked for.
    #[non_exhaustive]
    Row {
        /// Where.
        place: Arc<str>,
        /// The type's name.
        wanted: &'static str,
        /// What came: the names of its columns.
        columns: Vec<String>,
    },
    /// A statement wants another number of parameters than were given.
    #[non_exhaustive]
    Parameters {
        /// Where.
        place: Arc<str>,
        /// How many it wants.
        wanted: usize,
        /// How many there were.
        given: usize,
    },
    /// The connection is closed.
    #[non_exhaustive]
    Closed {
        /// Where it led to.
        place: Arc<str>,
        /// Whether a request was given up halfway on it.
        abandoned: bool,
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
    /// A transaction had ended before its commit.
    #[non_exhaustive]
    Aborted {
        /// Where.
        place: Arc<str>,
    },
}

impl MysqlError {
    /// The driver's own error, if it came to that.
    pub fn mysql(&self) -> Option<&Error> {
        match self {
            MysqlError::Query { source, .. } => Some(source),
            MysqlError::Connect { source, .. } => source.as_ref(),
            _ => None,
        }
    }

    /// The server's own error, with its number and its SQLSTATE, if it sent one.
    pub fn server(&self) -> Option<&ServerError> {
        match self.mysql()? {
            Error::Server(error) => Some(error),
            _ => None,
        }
    }

    /// The number of the server's error, if it sent one.
    pub fn code(&self) -> Option<u16> {
        Some(self.server()?.code)
    }

    /// What the error means for the pool (P-14).
    pub fn fault(&self) -> Fault {
        match self {
            MysqlError::Connect { fault, .. } => *fault,
            MysqlError::Query { source, .. } => fault::of_request(source),
            MysqlError::Closed { .. } => Fault::Connection,
            MysqlError::TimedOut { .. } => Fault::Timeout,
            MysqlError::Aborted { .. } | MysqlError::Row { .. } | MysqlError::Parameters { .. } => {
                Fault::Query
            }
            // Whoever hands out passwords may be back in a moment.
            MysqlError::Credentials { .. } => Fault::Connection,
            MysqlError::Settings { .. } => Fault::Permanent,
        }
    }

    pub(crate) fn settings(reason: impl Into<String>) -> MysqlError {
        MysqlError::Settings { reason: reason.into() }
    }

    /// The error of a connect.
    pub(crate) fn connect(place: Arc<str>, error: Error) -> MysqlError {
        let fault = fault::of_connect(&error);
        let reason = match &error {
            Error::Io(IoError::Io(io)) => unreachable(io, fault),
            #[cfg(feature = "tls")]
            Error::Io(IoError::Tls(tls)) => no_tls(tls),
            Error::Server(server) => told(server),
            Error::Driver(DriverError::NoClientSslFlagFromServer) => {
                "it speaks no TLS, and ssl_mode wants it: give it a certificate, or set ssl_mode to preferred".to_owned()
            }
            Error::Driver(DriverError::UnknownAuthPlugin { name }) => format!(
                "the account logs in by {name}, which the driver does not know: give it another plugin"
            ),
            error => format!("{}: whoever listens there hung up or is no MySQL server", words(error)),
        };
        MysqlError::Connect { place, reason, fault, source: Some(error) }
    }
}

/// What is understood by its kind, whoever says it.
const NAMED: [io::ErrorKind; 3] =
    [io::ErrorKind::ConnectionRefused, io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied];

fn unreachable(error: &io::Error, fault: Fault) -> String {
    let foreign = error.raw_os_error().is_none() && !NAMED.contains(&error.kind());
    match error.kind() {
        io::ErrorKind::InvalidData if fault == Fault::Permanent => no_tls(error),
        // Not the system's words but the driver's, or those for the end of a connection that was there.
        kind if foreign || kind == io::ErrorKind::ConnectionReset => format!(
            "it hung up ({error}): it shuts down, or somebody in between does not let you pass"
        ),
        _ => cenote_driver::io::unreachable(error, "server"),
    }
}

fn no_tls(error: &dyn fmt::Display) -> String {
    format!(
        "TLS does not come about ({error}): correct ssl_mode or ssl_ca, or the server's certificate"
    )
}

/// The server's words in one line, with its number, and what to do about it.
fn told(error: &ServerError) -> String {
    let message = error.message.split_whitespace().collect::<Vec<_>>().join(" ");
    match advice(error) {
        Some(advice) => format!("{message} ({}): {advice}", error.code),
        None => format!("{message} ({})", error.code),
    }
}

/// The driver's words for an error that is not the server's.
fn words(error: &Error) -> String {
    match error {
        Error::Server(error) => told(error),
        Error::Io(IoError::Io(error)) => error.to_string(),
        // Its own words would show the values.
        Error::Driver(DriverError::FromRow { .. } | DriverError::FromValue { .. }) => {
            "a value is not of the type that was asked for".to_owned()
        }
        Error::Driver(DriverError::UnexpectedPacket { .. }) => "an unexpected answer".to_owned(),
        Error::Driver(error) => error.to_string().trim_end_matches('.').to_owned(),
        error => error.to_string(),
    }
}

/// What to do about a number, where there is something to be said.
fn advice(error: &ServerError) -> Option<&'static str> {
    Some(match error.code {
        1040 => "lower max_size in the processes that use it, or raise max_connections",
        1203 | 1226 => "lower max_size in the processes that use it, or raise the user's limit",
        1044 => "grant the user rights to the database, or correct its name",
        1045 | 1698 => "correct the user or the password",
        1049 => "create the database, or correct its name",
        1053 => "it shuts down: acquire another connection in a moment",
        1129 => {
            "somebody connected there in vain too often: run FLUSH HOSTS, and raise max_connect_errors"
        }
        1130 => "let the user in from here, or correct the host",
        1205 => "another transaction holds the lock: try again, or raise innodb_lock_wait_timeout",
        1213 => "run the transaction again",
        1290 | 1836 if crate::fault::of_server(error) == Fault::Role => "write to the primary",
        1317 => "somebody stopped the statement: ask again if it was not you",
        1792 => "write to the primary, or in a transaction that is not read only",
        1927 => "an administrator ended the session: acquire another connection",
        1969 | 3024 => "make the statement faster, or raise its timeout",
        3159 => "set ssl_mode to required or better",
        4031 => "raise wait_timeout, or lower the pool's idle_timeout",
        _ => return None,
    })
}

impl fmt::Display for MysqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MysqlError::Settings { reason } => f.write_str(reason),
            MysqlError::Connect { place, reason, .. } => write!(f, "MySQL at {place}: {reason}"),
            MysqlError::Credentials { place, source } => write!(
                f,
                "MySQL at {place}: there are no credentials for it ({source}): see what hands them out"
            ),
            MysqlError::Query { place, source: source @ Error::Io(_) } => write!(
                f,
                "MySQL at {place}: this connection has ended ({}): acquire another",
                words(source)
            ),
            MysqlError::Query { place, source } => write!(f, "MySQL at {place}: {}", words(source)),
            MysqlError::Row { place, wanted, columns } => write!(
                f,
                "MySQL at {place}: a row of {} columns ({}) is no {wanted}: ask for as many values, of these types, and for an Option where there can be NULL",
                columns.len(),
                columns.join(", ")
            ),
            MysqlError::Parameters { place, wanted, given } => write!(
                f,
                "MySQL at {place}: the statement wants {wanted} parameters and got {given}: give as many"
            ),
            MysqlError::Closed { place, abandoned: true } => write!(
                f,
                "MySQL at {place}: a request was given up halfway on this connection, and its answer would be taken for that of the next: acquire another"
            ),
            MysqlError::Closed { place, abandoned: false } => {
                write!(f, "MySQL at {place}: this connection is closed: acquire another")
            }
            MysqlError::TimedOut { place, after, committing: false } => write!(
                f,
                "MySQL at {place}: the transaction was not over within {after:?} and is rolled back: make it shorter, or raise its timeout"
            ),
            MysqlError::TimedOut { place, after, committing: true } => write!(
                f,
                "MySQL at {place}: the commit was not confirmed within {after:?}, so whether it took place is not known: look before you repeat it"
            ),
            MysqlError::Aborted { place } => write!(
                f,
                "MySQL at {place}: the transaction had ended before its commit, rolled back by a deadlock or committed by a statement such as CREATE TABLE: return the error from the closure, and leave such statements out"
            ),
        }
    }
}

impl StdError for MysqlError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The sentence holds the words of the error below: go on with what is below that.
        match self {
            MysqlError::Credentials { source, .. } => source.source(),
            error => error.mysql()?.source()?.source(),
        }
    }
}
