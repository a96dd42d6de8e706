//! A walk over the idle connections: each is taken out, looked at outside the lock and put back in its
//! place, one at a time, so that a look costs the pool no capacity and user code never runs under the lock.

use std::sync::Arc;

use crate::manager::Manager;
use crate::report::Tally;
use crate::shell::{Entry, Shell};
use crate::stats::CloseReason;

impl<M: Manager> Shell<M> {
    /// Shows every idle connection to `look` and closes those for which it gives a reason; their closes
    /// are counted by `tally`.
    pub(crate) fn sweep(
        self: &Arc<Self>,
        tally: Option<&Arc<Tally<M::Error>>>,
        mut look: impl FnMut(&Entry<M>) -> Option<CloseReason>,
    ) {
        let mut cursor = 0;
        while let Some(entry) = self.run(|state| {
            let key = state.core.sweep_next(&mut cursor)?;
            Some(state.lift(key))
        }) {
            let dead = look(&entry);
            let tally = tally.map(Arc::clone);
            let mut old = None;
            self.hand_in_with(entry, |state, key| {
                old = std::mem::replace(&mut state.selecting, tally);
                state.core.swept(key, dead)
            });
        }
    }
}
