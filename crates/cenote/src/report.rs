//! What the calls that end things tell when they have settled: who still held a connection, and what
//! went wrong while closing.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::sync::Mutex;

/// A borrower that did not give its connection back in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The connection's id.
    pub id: u64,
    /// The connection's age.
    pub age: Duration,
    /// How long it was held, to about 100 ms.
    pub held: Duration,
    /// Where it was acquired; of a shared connection, by the latest sharer.
    pub location: &'static Location<'static>,
    /// How many borrowers share it; 0 if it has one of its own.
    pub sharers: usize,
    /// Whether it idles in an open transaction, as far as the manager tells (P-30).
    pub in_transaction: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { id, held, location, sharers, in_transaction, .. } = self;
        match sharers {
            0 => write!(f, "connection {id}, held for {held:.1?}, acquired at {location}"),
            n => {
                write!(f, "connection {id}, shared by {n}, the latest for {held:.1?} at {location}")
            }
        }?;
        f.write_str(if *in_transaction { ", idle in a transaction" } else { "" })
    }
}

/// Why a close failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseError<E> {
    /// The driver's error.
    Failed(E),
    /// `close_timeout` passed.
    TimedOut {
        /// The timeout.
        after: Duration,
    },
    /// [`Manager::close`](crate::Manager::close) panicked.
    Panicked,
    /// The runtime was shut down before the close had ended.
    RuntimeGone,
}

impl<E: fmt::Display> fmt::Display for CloseError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseError::Failed(error) => write!(f, "closing a connection failed: {error}"),
            CloseError::TimedOut { after } => {
                write!(f, "closing a connection took longer than {after:?}")
            }
            CloseError::Panicked => f.write_str("the manager's close panicked"),
            CloseError::RuntimeGone => {
                f.write_str("the runtime was shut down before a connection was closed")
            }
        }
    }
}

impl<E: StdError + 'static> StdError for CloseError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            CloseError::Failed(error) => error.source(),
            _ => None,
        }
    }
}

/// How a `clear`, a drain or a close went.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<E> {
    /// Connections that this call closed.
    pub closed: usize,
    /// The closes among them that failed (P-20).
    pub errors: Vec<Arc<CloseError<E>>>,
    /// Who still held a connection at the deadline (P-21).
    pub holders: Vec<Holder>,
}

impl<E> Clone for Report<E> {
    fn clone(&self) -> Report<E> {
        Report { closed: self.closed, errors: self.errors.clone(), holders: self.holders.clone() }
    }
}

impl<E> Report<E> {
    pub(crate) fn new() -> Report<E> {
        Report { closed: 0, errors: Vec::new(), holders: Vec::new() }
    }

    /// Whether everything came back and closed without an error.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty() && self.holders.is_empty()
    }
}

impl<E: fmt::Display> fmt::Display for Report<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { closed, errors, holders } = self;
        write!(f, "{closed} closed, {} failed, {} still held", errors.len(), holders.len())?;
        for holder in holders {
            write!(f, "; {holder}")?;
        }
        for error in errors {
            write!(f, "; {error}")?;
        }
        Ok(())
    }
}

struct Sheet<E> {
    pending: usize,
    closed: usize,
    errors: Vec<Arc<CloseError<E>>>,
    watchers: Vec<Waker>,
}

/// Counts the closes that belong to one call.
pub(crate) struct Tally<E>(Mutex<Sheet<E>>);

impl<E> Tally<E> {
    pub(crate) fn new() -> Tally<E> {
        Tally(Mutex::new(Sheet { pending: 0, closed: 0, errors: Vec::new(), watchers: Vec::new() }))
    }

    fn with<R>(&self, run: impl FnOnce(&mut Sheet<E>) -> R) -> R {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn begin(&self) {
        self.with(|sheet| sheet.pending += 1);
    }

    pub(crate) fn end(&self, error: Option<CloseError<E>>) {
        let watchers = self.with(|sheet| {
            sheet.pending -= 1;
            sheet.closed += 1;
            sheet.errors.extend(error.map(Arc::new));
            if sheet.pending == 0 { std::mem::take(&mut sheet.watchers) } else { Vec::new() }
        });
        for waker in watchers {
            waker.wake();
        }
    }

    /// The results if all closes have ended; else the waker is woken when they have.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<Report<E>> {
        let waker = waker.clone();
        self.with(|sheet| {
            if sheet.pending > 0 {
                sheet.watchers.push(waker);
                return None;
            }
            Some(sheet.report())
        })
    }

    /// The results so far.
    pub(crate) fn report(&self) -> Report<E> {
        self.with(|sheet| sheet.report())
    }
}

impl<E> Sheet<E> {
    fn report(&self) -> Report<E> {
        Report { closed: self.closed, errors: self.errors.clone(), holders: Vec::new() }
    }
}
