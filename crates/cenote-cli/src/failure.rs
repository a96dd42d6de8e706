//! How the program fails: with one sentence on stderr and an exit code.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use cenote::{BuildError, Error};
use cenote_sqlite::SqliteError;

use crate::harmless::harmless;

#[derive(Debug)]
pub(crate) struct Failure {
    sentence: String,
    code: u8,
}

impl Failure {
    pub(crate) fn new(sentence: impl Display) -> Failure {
        Failure { sentence: sentence.to_string(), code: 1 }
    }

    /// The user ended the run before there was anything to show.
    pub(crate) fn interrupted() -> Failure {
        Failure { sentence: "interrupted before anything was measured".to_owned(), code: 130 }
    }

    /// The command line itself is wrong.
    pub(crate) fn usage(sentence: impl Display) -> Failure {
        Failure { sentence: sentence.to_string(), code: 2 }
    }

    #[cfg(test)]
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    pub(crate) fn tell(self) -> ExitCode {
        say(&format!("error: {}", self.sentence));
        ExitCode::from(self.code)
    }
}

/// Writes a line to stderr, without what it may hold of passwords; if that is closed, nobody is listening.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", harmless(line));
}

impl From<SqliteError> for Failure {
    fn from(error: SqliteError) -> Failure {
        Failure::new(error)
    }
}

/// What the user is told of a pool's error: the database's own words where there are some.
pub(crate) fn cause<E: StdError>(error: &Error<E>) -> String {
    match error {
        Error::Connect { error, .. } => error.to_string(),
        error => error.to_string(),
    }
}

impl<E: StdError> From<BuildError<E>> for Failure {
    fn from(error: BuildError<E>) -> Failure {
        match error {
            BuildError::Ready(error) => Failure::new(cause(&error)),
            error => Failure::new(error),
        }
    }
}
