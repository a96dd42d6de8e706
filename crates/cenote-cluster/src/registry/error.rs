//! Why something could not be done to a pool or a cluster of the list.

use std::fmt;
use std::sync::Arc;

use cenote::ConfigError;

use crate::by_hand::UnknownNode;

/// Why something could not be done to a pool or a cluster of a [`Registry`](crate::Registry).
#[derive(Debug)]
#[non_exhaustive]
pub enum ListError {
    /// It was dropped.
    Gone {
        /// Its name.
        name: Arc<str>,
    },
    /// The cluster has no such node.
    NoSuchNode(UnknownNode),
    /// The pool's options would not fit together any more.
    Refused(ConfigError),
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListError::Gone { name } => {
                write!(f, "\"{name}\" is gone: its last handle was dropped")
            }
            ListError::NoSuchNode(error) => error.fmt(f),
            ListError::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ListError {}
