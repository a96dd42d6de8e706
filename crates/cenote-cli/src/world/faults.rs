//! What can be wrong with a server that lives: it answers late, its sessions break, it does not apply what it hears. Faults
//! outlive a server's death, as a slow disk would.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::units::duration;

pub(crate) struct Faults {
    latency: AtomicU64,
    breaks: AtomicBool,
    held: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Faults {
        let (latency, breaks) = (AtomicU64::new(0), AtomicBool::new(false));
        Faults { latency, breaks, held: watch::Sender::new(false) }
    }
}

impl Faults {
    /// Each request takes so much longer.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency.load(Ordering::Relaxed))
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.latency.store(millis, Ordering::Relaxed);
    }

    /// Every session that is asked for data breaks.
    pub(crate) fn breaks(&self) -> bool {
        self.breaks.load(Ordering::Relaxed)
    }

    pub(crate) fn set_breaks(&self, breaks: bool) {
        self.breaks.store(breaks, Ordering::Relaxed);
    }

    /// What is heard of the primary is kept and not applied.
    pub(crate) fn held(&self) -> watch::Receiver<bool> {
        self.held.subscribe()
    }

    pub(crate) fn set_held(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// What is wrong, in a few words.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.latency() > Duration::ZERO {
            words.push(format!("{} slower", duration(self.latency())));
        }
        if self.breaks() {
            words.push("its sessions break".to_owned());
        }
        if *self.held.borrow() {
            words.push("it does not apply what it hears".to_owned());
        }
        words
    }

    pub(crate) fn heal(&self) {
        self.set_latency(Duration::ZERO);
        self.set_breaks(false);
        self.set_held(false);
    }
}
