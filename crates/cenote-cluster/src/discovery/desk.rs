//! One source as a cluster knows it: its name, its stabilizer and a bell to end its task with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cenote::Time;

use super::{SafetyRules, SourceStatus, Stabilizer};
use crate::watch::Bell;

pub(crate) struct Desk {
    name: Arc<str>,
    stabilizer: Mutex<Stabilizer>,
    /// A node went: what stood in the way of others may be gone.
    freed: AtomicBool,
    /// Raised when the cluster ends, or the task has to look.
    pub(super) bell: Bell,
}

impl Desk {
    pub(crate) fn new(name: String, rules: SafetyRules) -> Arc<Desk> {
        let stabilizer = Mutex::new(Stabilizer::new(rules));
        let freed = AtomicBool::new(false);
        Arc::new(Desk { name: name.into(), stabilizer, freed, bell: Bell::default() })
    }

    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Stabilizer> {
        self.stabilizer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self, now: Time) -> SourceStatus {
        self.lock().status(self.name(), now)
    }

    pub(crate) fn is_hopeless(&self) -> bool {
        self.lock().is_hopeless()
    }

    /// A node of some source went.
    pub(crate) fn freed(&self) {
        if self.lock().has_refused() {
            self.freed.store(true, Ordering::Release);
            self.bell.raise();
        }
    }

    /// Whether a node went since the last time.
    pub(super) fn take_freed(&self) -> bool {
        self.freed.swap(false, Ordering::AcqRel)
    }

    /// The cluster has ended, or ends.
    pub(crate) fn dismiss(&self) {
        self.bell.raise();
    }
}
