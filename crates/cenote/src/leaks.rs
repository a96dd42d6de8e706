//! The leak report (P-30): a walk over the lent connections, in slices, that only runs when `leak_after` is
//! set. A lease is dated when the walk first meets it, which is never before it was taken: the clock that
//! dates hits may be late in a pool at rest, and nobody must be accused too early. So a report comes up to
//! two looks of the upkeep late.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Timeout;
use crate::manager::Manager;
use crate::observe::{EventKind, Subject, count};
use crate::shell::{Locked, Shell};
use crate::time::Time;

/// The most leases that one turn under the lock looks at.
const SLICE: usize = 256;

impl<M: Manager> Shell<M> {
    pub(crate) fn find_leaks(self: &Arc<Self>, leak_after: Timeout, now: Time) {
        let Timeout::After(limit) = leak_after else { return };
        let mut from = 0;
        while let Some(next) = self.run(|state| self.look_at_leases(state, from, limit, now)) {
            from = next;
        }
    }

    /// Looks at one slice; returns where the next begins.
    fn look_at_leases(
        &self,
        state: &mut Locked<M>,
        from: usize,
        limit: Duration,
        now: Time,
    ) -> Option<usize> {
        let end = state.leases().min(from + SLICE);
        for index in from..end {
            let Some((id, lease)) = state.lease(&self.lane, index) else { continue };
            let since = *lease.seen.get_or_insert(now);
            let held = now.since(since);
            if lease.leaked || held < limit {
                continue;
            }
            lease.leaked = true;
            let location = lease.location;
            state.leaks += 1;
            count(&self.watch.marks.leaked);
            let in_transaction = state.idles_in_transaction(index, id);
            let leaked = EventKind::Leaked { location, held, in_transaction };
            state.note(&self.watch, Subject::Connection(id), leaked);
        }
        (end < state.leases()).then_some(end)
    }
}
