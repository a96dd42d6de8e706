//! What goes wrong with a connection here: what the driver says, and what was planted.

use std::error::Error;
use std::fmt;

use cenote::Fault;
use cenote_sqlite::SqliteError;

use crate::faults::Act;

#[derive(Debug)]
pub(crate) enum SoakError {
    Driver(SqliteError),
    Planted { act: Act, fault: Fault },
}

impl SoakError {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            SoakError::Driver(error) => error.fault(),
            SoakError::Planted { fault, .. } => *fault,
        }
    }
}

impl From<SqliteError> for SoakError {
    fn from(error: SqliteError) -> SoakError {
        SoakError::Driver(error)
    }
}

impl fmt::Display for SoakError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SoakError::Driver(error) => error.fmt(f),
            SoakError::Planted { act, fault } => write!(f, "a planted {fault} error in {act:?}"),
        }
    }
}

impl Error for SoakError {}
