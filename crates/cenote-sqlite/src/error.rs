//! What can go wrong with an SQLite connection, each as one sentence that names the database, the reason
//! and what to do, and as a [`Fault`] that tells the pool what it means. SQL is left out of the sentences:
//! literals in it may be secrets. [`SqliteError::sqlite`] has all of it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use cenote::Fault;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// Why a connection could not be opened or a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqliteError {
    /// The database could not be opened or set up.
    #[non_exhaustive]
    Open {
        /// The database's path.
        path: Arc<str>,
        /// What is wrong and what to do.
        reason: String,
        /// What it means for the pool.
        fault: Fault,
        /// SQLite's own error, if it came to that.
        source: Option<rusqlite::Error>,
    },
    /// The connection's thread could not be started.
    #[non_exhaustive]
    Thread {
        /// The database's path.
        path: Arc<str>,
        /// The system's error.
        source: io::Error,
    },
    /// The closure given to [`call`](crate::SqliteConnection::call) returned this error.
    #[non_exhaustive]
    Call {
        /// The database's path.
        path: Arc<str>,
        /// The closure's error.
        source: rusqlite::Error,
    },
    /// A statement on a connection that threads borrowed failed.
    #[non_exhaustive]
    Statement {
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The connection is closed: a closure panicked on it.
    #[non_exhaustive]
    Closed {
        /// The database's path.
        path: Arc<str>,
    },
    /// The URL is not one of an SQLite database.
    #[non_exhaustive]
    Url {
        /// What is wrong and what to do.
        reason: String,
    },
}

impl SqliteError {
    /// SQLite's own error, if it came to that.
    pub fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            SqliteError::Call { source, .. } | SqliteError::Statement { source } => Some(source),
            SqliteError::Open { source, .. } => source.as_ref(),
            _ => None,
        }
    }

    /// SQLite's primary result code, if it came to that.
    pub fn code(&self) -> Option<ErrorCode> {
        self.sqlite()?.sqlite_error_code()
    }

    /// What the error means for the pool (P-14).
    ///
    /// The file is no server, so nothing is ever [`Fault::Host`]. A statement that failed leaves its
    /// connection well, a full disk and a lock included; broken I/O costs the connection, and a
    /// file that is damaged or no database makes trying again senseless.
    pub fn fault(&self) -> Fault {
        match self {
            SqliteError::Open { fault, .. } => *fault,
            // Too many threads: fewer connections may work.
            SqliteError::Thread { .. } => Fault::Overload,
            SqliteError::Call { source, .. } | SqliteError::Statement { source } => {
                call_fault(source)
            }
            SqliteError::Closed { .. } => Fault::Connection,
            SqliteError::Url { .. } => Fault::Permanent,
        }
    }
}

fn call_fault(error: &rusqlite::Error) -> Fault {
    let Some(error @ ffi::Error { code, .. }) = error.sqlite_error() else {
        return match error {
            rusqlite::Error::UnwindingPanic => Fault::Connection,
            rusqlite::Error::SqliteSingleThreadedMode => Fault::Permanent,
            _ => Fault::Query,
        };
    };
    match code {
        // The file under the connection is another one now.
        ErrorCode::ReadOnly if error.extended_code == ffi::SQLITE_READONLY_DBMOVED => {
            Fault::Connection
        }
        ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::OutOfMemory
        | ErrorCode::InternalMalfunction => Fault::Connection,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::PermissionDenied => {
            Fault::Permanent
        }
        _ => Fault::Query,
    }
}

/// SQLite's words for an error, without the SQL.
pub(crate) fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    }
}

/// The error without the SQL: what sets a connection up may hold a key.
pub(crate) fn without_sql(error: rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            rusqlite::Error::SqliteFailure(error, Some(msg))
        }
        error => error,
    }
}

/// What to do about an error of a call, where there is something to be said.
fn advice(error: &rusqlite::Error) -> Option<&'static str> {
    let error = error.sqlite_error()?;
    let advice = match (error.code, error.extended_code) {
        (_, ffi::SQLITE_BUSY_SNAPSHOT) => {
            "another connection wrote since this transaction began to read: begin with BEGIN IMMEDIATE what will write"
        }
        (_, ffi::SQLITE_READONLY_DBMOVED) => {
            "the file was moved or deleted while it was open: put it back, or use a new pool"
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            "another connection kept it for longer than busy_timeout: keep write transactions short, or write through one connection (Sqlite::split)"
        }
        (ErrorCode::DiskFull, _) => "nothing that was committed is lost: free space and try again",
        (ErrorCode::ReadOnly, _) => {
            "this connection only reads: write through one that may, such as the writer of Sqlite::split"
        }
        (ErrorCode::DatabaseCorrupt, _) => {
            "restore it from a backup, or try .recover of the sqlite3 shell"
        }
        _ => return None,
    };
    Some(advice)
}

fn advise(f: &mut fmt::Formatter<'_>, error: &rusqlite::Error) -> fmt::Result {
    match advice(error) {
        Some(advice) => write!(f, "; {advice}"),
        None => Ok(()),
    }
}

/// What a closure of [`blocking::Pool::with`](cenote::blocking::Pool::with) needs for its `?`.
impl From<rusqlite::Error> for SqliteError {
    fn from(source: rusqlite::Error) -> SqliteError {
        SqliteError::Statement { source }
    }
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqliteError::Open { path, reason, .. } => {
                write!(f, "SQLite database \"{path}\": {reason}")
            }
            SqliteError::Thread { path, source } => write!(
                f,
                "SQLite database \"{path}\": a thread for the connection could not be started ({source}): lower max_size or raise the system's limit"
            ),
            SqliteError::Call { path, source } => {
                write!(f, "SQLite database \"{path}\": {}", words(source))?;
                advise(f, source)
            }
            SqliteError::Statement { source } => {
                write!(f, "SQLite: {}", words(source))?;
                advise(f, source)
            }
            SqliteError::Closed { path } => write!(
                f,
                "SQLite database \"{path}\": this connection is closed, because a call panicked on it: acquire another"
            ),
            SqliteError::Url { reason } => f.write_str(reason),
        }
    }
}

impl StdError for SqliteError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The sentence holds the words of the error below: go on with what is below that.
        match self {
            SqliteError::Open { source, .. } => source.as_ref()?.source(),
            SqliteError::Call { source, .. } | SqliteError::Statement { source } => source.source(),
            SqliteError::Thread { source, .. } => source.source(),
            SqliteError::Closed { .. } | SqliteError::Url { .. } => None,
        }
    }
}
