//! One source as a cluster knows it: its name, its stabilizer and a bell to end its task with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cenote::Time;

use super::{SafetyRules, SourceStatus, Stabilizer};
use crate::watch::Bell;

pub(crate) struct Desk {
    name: Arc<str>,
    stabilizer: Mutex<Stabilizer>,
    /// Raised when the cluster ends.
    pub(super) bell: Bell,
}

impl Desk {
    pub(crate) fn new(name: String, rules: SafetyRules) -> Arc<Desk> {
        let stabilizer = Mutex::new(Stabilizer::new(rules));
        Arc::new(Desk { name: name.into(), stabilizer, bell: Bell::default() })
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

    /// The cluster has ended, or ends.
    pub(crate) fn dismiss(&self) {
        self.bell.raise();
    }
}
