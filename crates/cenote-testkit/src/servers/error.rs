//! Why there is no server: each is one sentence with what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a private server could not be started, or did not do what was asked of it. `Debug` shows the sentence too, since
/// that is what tests show that `unwrap` it.
#[non_exhaustive]
pub enum ServerError {
    /// A program is not installed.
    Missing {
        /// Its name.
        program: &'static str,
        /// The package of Debian that has it.
        package: &'static str,
    },
    /// A file or a folder cannot be used.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program is there and could not be run, or not be signalled.
    Program {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program ran and failed: a server that ended before it answered, or a statement that is wrong.
    Failed {
        /// Its name.
        program: String,
        /// The end of what it said.
        said: String,
    },
    /// A server did not do in time what was asked of it.
    Late {
        /// Its name.
        program: String,
        /// What was waited for.
        awaited: &'static str,
        /// For how long.
        limit: Duration,
        /// The end of what it said.
        said: String,
    },
    /// The server does not run at the moment.
    NotRunning {
        /// Its name.
        program: String,
    },
    /// No port is free.
    NoPort {
        /// The first of those that were tried.
        first: u16,
        /// The last.
        last: u16,
    },
}

impl ServerError {
    /// For `map_err`: what happened at this path.
    pub(crate) fn at(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> ServerError {
        move |source| ServerError::File { path: path.as_ref().to_owned(), source }
    }

    /// For `map_err`: what happened to this program.
    pub(crate) fn of(program: &str) -> impl FnOnce(io::Error) -> ServerError {
        move |source| ServerError::Program { program: program.to_owned(), source }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerError::Missing { program, package } => write!(
                f,
                "the program {program} is not installed: install it (on Debian: apt-get install {package}), or leave out what needs it (cargo xtask test --no-servers)"
            ),
            ServerError::File { path, source } => write!(
                f,
                "{} cannot be used for a private server ({source}): set TMPDIR to a folder that may be written and that every user may enter",
                path.display()
            ),
            ServerError::Program { program, source } => {
                write!(f, "the program {program} cannot be run or signalled: {source}")
            }
            ServerError::Failed { program, said } => write!(f, "{program} failed: {said}"),
            ServerError::Late { program, awaited, limit, said } => write!(
                f,
                "{program} was not {awaited} within {} s; the last that it said: {said}",
                limit.as_secs()
            ),
            ServerError::NotRunning { program } => {
                write!(f, "{program} does not run at the moment: start it again first")
            }
            ServerError::NoPort { first, last } => write!(
                f,
                "no port from {first} to {last} is free on 127.0.0.1: end what listens there"
            ),
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServerError::File { source, .. } | ServerError::Program { source, .. } => Some(source),
            _ => None,
        }
    }
}
