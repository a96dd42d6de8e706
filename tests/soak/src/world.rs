//! What all pools, borrowers and keepers of a run have in common.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cenote::{Error, Status};

use crate::error::SoakError;
use crate::faults::Faults;
use crate::leak::{Leak, Leaks};
use crate::ledger::Ledger;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) faults: Arc<Faults>,
    pub(crate) ledger: Ledger,
    pub(crate) tally: Tally,
    pub(crate) leaks: Leaks,
    /// How long whatever must end may take.
    pub(crate) patience: Duration,
    /// The round is over: borrowers and keepers go home.
    over: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

/// What borrowers met.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) acquired: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) reopened: AtomicU64,
}

impl World {
    pub(crate) fn new(seed: u64, ledger: Ledger, leak: Option<Leak>, patience: Duration) -> World {
        World {
            faults: Arc::new(Faults::new(seed)),
            ledger,
            tally: Tally::default(),
            leaks: Leaks::new(leak),
            patience,
            over: AtomicBool::new(false),
            wrong: Mutex::default(),
        }
    }

    pub(crate) fn begin(&self) {
        self.over.store(false, Ordering::SeqCst);
        self.faults.switch(true);
    }

    /// The load ends, and nothing goes wrong any more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.faults.switch(false);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Something is not as it must be.
    pub(crate) fn complain(&self, sentence: impl Into<String>) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(sentence.into());
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.wrong.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts how an acquire ended; true if it failed.
    pub(crate) fn count<T>(&self, got: &Result<T, Error<SoakError>>) -> bool {
        let counter = match got {
            Ok(_) => &self.tally.acquired,
            Err(Error::Timeout { .. }) => &self.tally.timed_out,
            Err(_) => &self.tally.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        got.is_err()
    }

    /// The counts of a status add up at any moment.
    pub(crate) fn look(&self, name: &str, status: &Status) {
        let Status { size, available, using, connecting, testing, resetting, closing, .. } =
            *status;
        let least = available + using + connecting + testing + resetting;
        if size != least && size != least + closing {
            self.complain(format!("the counts of {name} do not add up: {status:?}"));
        }
    }
}
