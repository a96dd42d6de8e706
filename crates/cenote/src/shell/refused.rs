//! Why a caller gets no connection: noted under the lock, told outside it.

use std::sync::Arc;

use super::Locked;
use crate::config::Bound;
use crate::core::{Failure, Refusal};
use crate::error::{ConnectError, Error};
use crate::manager::Manager;
use crate::stats::Status;

impl<M: Manager> Locked<M> {
    /// Why a waiter failed. Takes the error from its desk.
    pub(crate) fn failed(&mut self, w: u32, failure: Failure) -> Refused<M> {
        let why = match failure {
            Failure::Connect => Refusal::Down,
            Failure::Closed => Refusal::Closed,
            Failure::RuntimeGone => Refusal::RuntimeGone,
            Failure::Broken => Refusal::Broken,
            Failure::TooMany(wanted) => Refusal::TooMany(wanted),
        };
        let error = self.desk(w).error.take();
        Refused { error: error.or_else(|| self.last_error.clone()), ..self.refused(why) }
    }

    /// Why a newcomer is refused.
    pub(crate) fn refused(&self, why: Refusal) -> Refused<M> {
        Refused {
            why,
            status: self.status(),
            most: self.core.options().max_size,
            max_waiting: self.core.options().max_waiting,
            error: self.last_error.clone(),
        }
    }
}

/// A refusal with what its error will tell; made under the lock, turned into an [`Error`] outside.
pub(crate) struct Refused<M: Manager> {
    why: Refusal,
    status: Status,
    /// `max_size` as it is set, which overload does not change.
    most: Bound,
    max_waiting: Bound,
    error: Option<Arc<ConnectError<M::Error>>>,
}

impl<M: Manager> Refused<M> {
    pub(crate) fn into_error(self, pool: &Arc<str>) -> Error<M::Error> {
        let (pool, status) = (Arc::clone(pool), Box::new(self.status));
        match self.why {
            Refusal::Paused => Error::Paused { pool },
            Refusal::Draining => Error::Draining { pool },
            Refusal::Closed => Error::Closed { pool },
            Refusal::RuntimeGone => Error::RuntimeGone { pool },
            Refusal::Broken => Error::Broken { pool },
            Refusal::QueueFull => {
                Error::QueueFull { pool, max_waiting: self.max_waiting.get(), status }
            }
            Refusal::TooMany(wanted) => {
                Error::TooMany { pool, wanted: wanted as usize, max: self.most.get() }
            }
            Refusal::Exhausted => Error::Exhausted { pool, status },
            Refusal::Down => match self.error {
                Some(error) => Error::Connect { pool, error },
                // A connect has succeeded in between: the failure is history.
                None => Error::Exhausted { pool, status },
            },
        }
    }
}
