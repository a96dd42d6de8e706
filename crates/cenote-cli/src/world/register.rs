//! What the operator knows of all servers together, as a cluster's manager keeps it in a place of its own: whose time it is,
//! and up to where writes were acknowledged. Whoever is to lead must have all of that.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

#[derive(Default)]
pub(crate) struct Register {
    epoch: AtomicU64,
    acknowledged: AtomicI64,
    strays: AtomicU64,
}

impl Register {
    /// The how many-th primary's time it is.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// A new primary's time begins.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// A write has reached a server that thinks it leads.
    pub(crate) fn reached(&self, epoch: u64) {
        if epoch < self.epoch() {
            self.strays.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A client was told that its write is done.
    pub(crate) fn acknowledge(&self, position: i64) {
        self.acknowledged.fetch_max(position, Ordering::SeqCst);
    }

    /// Up to where clients were told that their writes are done.
    pub(crate) fn acknowledged(&self) -> i64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Writes that reached a primary of the past.
    pub(crate) fn strays(&self) -> u64 {
        self.strays.load(Ordering::SeqCst)
    }
}
