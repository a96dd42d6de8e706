//! When the fast lane is opened and closed. Whoever locks closes it. It is opened again after a few turns under the
//! lock in which nothing was left to do, and after twice as many each time that it had been opened in vain.

use std::sync::Arc;

use super::locked::Lease;
use super::{Entry, Locked, Shell};
use crate::core::SlotKey;
use crate::lane::{Lane, Resting, Rider, Terms};
use crate::manager::Manager;

/// Turns without work before the first opening, and the most that are asked for.
const FIRST: u32 = 2;
const MOST: u32 = 1024;
/// An opening that served fewer hits was in vain.
const WORTH: u64 = 64;

/// How steady the traffic is.
pub(super) struct Traffic {
    /// Turns under the lock without work, in a row.
    quiet: u32,
    enough: u32,
    /// What lay on the lane when it was closed; kept for its memory.
    stack: Vec<(u32, bool)>,
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic { quiet: 0, enough: FIRST, stack: Vec::new() }
    }
}

// SAFETY: an entry holds an `Arc` of its shell, which owns the lane, whenever it is out of its cell; nobody changes that
// `Arc` for another's, and the core gives a slot to one connection at a time.
#[expect(unsafe_code, reason = "a promise to the lane")]
unsafe impl<M: Manager> Rider for Entry<M> {
    fn lane(&self) -> &Lane<Entry<M>> {
        &self.shell.as_ref().expect("what is lent knows its pool").lane
    }

    fn slot(&self) -> u32 {
        self.key.index
    }

    fn fits(&self, terms: Terms) -> bool {
        self.term.generation == terms.generation
            && self.term.clock > terms.clock
            && self.lent_at.is_none()
    }
}

impl<M: Manager> Locked<M> {
    /// Takes everything back from the lane. From now on the core knows all.
    #[cold]
    pub(super) fn close_lane(&mut self, lane: &Lane<Entry<M>>) {
        let (pops, resting) = lane.close(&mut self.lane);
        let traffic = &mut self.traffic;
        traffic.stack.clear();
        for Resting { mut rider, back, returns } in resting {
            // Not the last one: whoever locks has another.
            rider.shell = None;
            let index = rider.key.index;
            traffic.stack.push((index, back));
            let cell = &mut self.cells[index as usize];
            let more = returns.wrapping_sub(std::mem::replace(&mut cell.returns, returns));
            self.core.used(index, more);
            cell.lease = None;
            cell.entry = Some(rider);
        }
        let cells = &mut self.cells;
        self.core.unload_lane(&traffic.stack, pops, |index| {
            cells[index as usize].lease = Lease::popped(lane, index);
        });
        if pops >= WORTH {
            traffic.enough = FIRST;
        } else {
            traffic.enough = (traffic.enough * 2).min(MOST);
            traffic.quiet = 0;
        }
    }

    /// Counts how often a connection that comes back under the lock came back to the lane before.
    pub(super) fn note_uses(&mut self, lane: &Lane<Entry<M>>, key: SlotKey) {
        let Some(cell) = self.cells.get_mut(key.index as usize) else { return };
        let returns = lane.returns(key.index);
        let more = returns.wrapping_sub(std::mem::replace(&mut cell.returns, returns));
        self.core.used(key.index, more);
    }

    /// After a turn that left nothing to do.
    #[inline]
    pub(crate) fn maybe_open_lane(&mut self, shell: &Arc<Shell<M>>) {
        self.traffic.quiet += 1;
        if self.traffic.quiet >= self.traffic.enough {
            self.open_lane(shell);
        }
    }

    /// After a turn that ordered something.
    pub(super) fn not_quiet(&mut self) {
        self.traffic.quiet = 0;
    }

    #[cold]
    fn open_lane(&mut self, shell: &Arc<Shell<M>>) {
        self.traffic.quiet = 0;
        // Whom the flags stand for wants to see each acquire, and a leak each return.
        if shell.watch.flags() != 0 || self.leaks > 0 || !self.core.may_open_lane() {
            return;
        }
        shell.lane.grow(&mut self.lane, self.core.lane_slots());
        let (cells, core) = (&mut self.cells, &mut self.core);
        let terms = core.terms();
        let slots = core.load_lane();
        let riders = (0..slots).rev().map(|n| {
            let key = core.laned(n);
            let mut rider = cells[key.index as usize].entry.take();
            if let Some(rider) = &mut rider {
                rider.shell = Some(Arc::clone(shell));
                rider.term = core.term_of(key);
            }
            rider.expect("a connection that rests lies in its cell")
        });
        shell.lane.open(&mut self.lane, terms, riders);
    }

    /// What is known of the lease of this slot, if there is one. Of a connection that was taken off the lane only
    /// the lane knows where and when.
    pub(super) fn fresh_lease(
        &mut self,
        lane: &Lane<Entry<M>>,
        index: usize,
    ) -> Option<&mut Lease> {
        let cell = self.cells.get_mut(index)?;
        let lease = cell.lease.as_mut()?;
        let Some(now) = Lease::popped(lane, index as u32) else { return Some(lease) };
        match (lease.popped, now.popped) {
            // Lent under the lock, and not given back since.
            (None, Some(returns)) if returns == cell.returns => {}
            (before, returns) if before == returns => {
                (lease.location, lease.since) = (now.location, now.since);
            }
            _ => *lease = now,
        }
        Some(lease)
    }
}

impl Lease {
    /// Of a connection that was taken off the lane. Who did so a moment ago may not have said where yet: then it is
    /// the place of the one before.
    fn popped<M: Manager>(lane: &Lane<Entry<M>>, index: u32) -> Option<Lease> {
        let popped = lane.popped(index)?;
        let location = popped.place?;
        let (since, returns) = (popped.since, popped.returns);
        Some(Lease { location, since, seen: None, leaked: false, popped: Some(returns) })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use crate::{Event, Fault, FromLevel, Level, Manager, Pool};

    /// Makes connections of nothing.
    struct Nothing;

    impl Manager for Nothing {
        type Connection = ();
        type Error = Infallible;

        async fn connect(&self) -> Result<(), Infallible> {
            Ok(())
        }

        fn classify(&self, error: &Infallible) -> Fault {
            match *error {}
        }
    }

    /// Whether steady hits find the lane open.
    async fn opens(pool: &Pool<Nothing>) -> bool {
        for _ in 0..100 {
            drop(pool.acquire().await.unwrap());
        }
        pool.shell.state.lock().unwrap().lane.is_open()
    }

    // P-2, P-29
    #[tokio::test]
    async fn only_who_wants_to_be_told_of_each_acquire_keeps_the_lane_closed() {
        let pool = Pool::builder(Nothing).max_size(1).log(true).build().unwrap();
        assert!(opens(&pool).await, "a log from info on");
        let hears = |_: &Event<'_>| {};
        let infos = pool.observe(FromLevel(Level::Info, hears));
        assert!(opens(&pool).await, "an observer from info on");
        let all = pool.observe(hears);
        assert!(!opens(&pool).await, "one who wants all");
        drop(infos);
        assert!(!opens(&pool).await);
        drop(all);
        assert!(opens(&pool).await, "nobody but the log");
    }
}
