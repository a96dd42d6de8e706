//! Where a caller of a cluster is while it waits: in a node's queue, or among those for whom there is no node at the
//! moment. Both are left by dropping them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::standing::Standing;
use crate::watch::Watchers;

/// A place in a node's queue, or the way to it. Left by dropping it.
pub(crate) struct Queue {
    pub(crate) id: u64,
    pub(crate) standing: Arc<Standing>,
    /// The snapshot in which the node was last seen fit.
    pub(crate) version: u64,
    pub(crate) watcher: Option<usize>,
    /// This request is the one that tries whether the node works.
    pub(crate) probe: Option<u32>,
    pub(crate) waits: bool,
}

impl Queue {
    /// There is something to wait for.
    pub(crate) fn begin_wait(&mut self) {
        if !self.waits {
            self.waits = true;
            self.standing.load.waiting.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The request that was to try did not come to it. True: the next may, and those who wait for that are woken.
    pub(crate) fn give_up_probe(&mut self) -> bool {
        self.probe.take().is_some_and(|term| self.standing.give_up_probe(term))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.standing.watchers.leave(&mut self.watcher);
        if self.waits {
            self.standing.load.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        self.give_up_probe();
    }
}

/// A place among those for whom there is no node at the moment.
pub(crate) struct Lurk<'a> {
    pub(crate) watchers: &'a Watchers,
    pub(crate) place: Option<usize>,
    pub(crate) rounds: u64,
}

impl Drop for Lurk<'_> {
    fn drop(&mut self) {
        self.watchers.leave(&mut self.place);
    }
}
