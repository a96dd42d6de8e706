//! Pausing, clearing, changing options and ending: each changes the state at once; what follows comes
//! through the pump.

use super::queue::Failure;
use super::slot::{Phase, SlotKey};
use super::steady::Steady;
use super::{Core, Order};
use crate::config::{Bound, Options};
use crate::stats::{CloseReason, State};
use crate::time::Time;

impl Core {
    /// Ends the present generation: idle connections close now, others when they come back, connects
    /// under way on arrival (P-18).
    pub(crate) fn clear(&mut self) {
        self.bump();
        self.pump();
    }

    /// As [`Core::clear`], asked for by somebody who knows why: the next connect need not wait for the pause
    /// after a failure.
    pub(crate) fn clear_by_hand(&mut self, now: Time) {
        self.tick(now);
        self.gate.try_now();
        self.clear();
    }

    /// A borrower says that its connection's host failed: the first victim clears the pool, later
    /// ones (of the old generation) do not hurt the fresh connections (P-18). Returns whether it cleared.
    pub(crate) fn host_failed(&mut self, key: SlotKey) -> bool {
        let first =
            self.slots.owns(key) && self.slots[key.index].generation == self.life.generation;
        if first {
            self.clear();
        }
        first
    }

    fn bump(&mut self) {
        self.life.generation += 1;
        self.stale.append(&mut self.slots, &mut self.idle);
        self.phases.keepalive_idle = 0;
    }

    pub(crate) fn pause(&mut self, refuse: bool) {
        self.life.pause(refuse);
        self.pump();
    }

    pub(crate) fn resume(&mut self, now: Time) {
        self.tick(now);
        self.life.resume();
        self.pump();
    }

    /// No new callers; queued ones are served; settles when nobody waits or holds, or at the deadline.
    pub(crate) fn drain(&mut self, deadline: Time, now: Time) {
        self.end(State::Draining, deadline, now);
    }

    /// Fails the queue and closes everything; borrowers may finish until the deadline.
    pub(crate) fn close(&mut self, deadline: Time, now: Time) {
        if self.life.state() != State::Closed {
            self.doomed = Some((u64::MAX, Failure::Closed));
            self.bump();
        }
        self.end(State::Closed, deadline, now);
    }

    fn end(&mut self, state: State, deadline: Time, now: Time) {
        self.tick(now);
        self.life.end(state, deadline);
        if self.life.state() == state && !self.life.settled {
            self.arm(self.life.deadline);
        }
        self.pump();
    }

    /// Gives up every connection that borrowers and tasks have: what comes back later is only closed.
    /// With `closes`, closes under way are no longer waited for either.
    pub(crate) fn abandon(&mut self, closes: bool) {
        // A grant that nobody came for is nobody's: it closes like an idle connection.
        while let Some(w) = self.queue.stale_grant(Time::NEVER) {
            let kind = self.queue[w].request.kind;
            let first = self.queue.park(w);
            self.ungrant(first, kind);
        }
        while let Some(index) = self.stale.pick_cold(&self.slots) {
            self.stale.remove(&mut self.slots, index);
            self.begin_close(index, CloseReason::PoolClosed);
        }
        for index in 0..self.slots.len() as u32 {
            match self.slots[index].phase {
                Phase::Lent => self.phases.lent -= 1,
                Phase::Shared => {
                    self.phases.lent -= 1;
                    self.shares.forget(&mut self.slots, index);
                    self.orders.push(Order::Forget(self.slots.key(index)));
                }
                Phase::Connecting => self.phases.connecting -= 1,
                Phase::Testing => self.phases.testing -= 1,
                Phase::Resetting => self.phases.resetting -= 1,
                Phase::Keepalive => {
                    self.phases.keepalive -= 1;
                    self.stale.remove(&mut self.slots, index);
                }
                Phase::Swept => self.stale.remove(&mut self.slots, index),
                Phase::Closing if closes => self.phases.closing -= 1,
                Phase::Closing | Phase::Free => continue,
                Phase::Idle | Phase::Laned => unreachable!("what rested was closed above"),
            }
            self.counts.detached += 1;
            self.free_slot(index);
        }
        self.returning = 0;
        self.supply_epoch = self.supply_epoch.wrapping_add(1);
        self.pump();
    }

    /// The drain's or close's deadline has passed: a close gives up what is not back.
    pub(crate) fn overrun(&mut self) {
        if self.life.state() == State::Closed {
            self.abandon(true);
        }
        if !self.life.settled {
            self.end_settled();
        }
    }

    /// The lent connections.
    pub(crate) fn lent(&self) -> Vec<SlotKey> {
        let all = 0..self.slots.len() as u32;
        let lent = |&i: &u32| matches!(self.slots[i].phase, Phase::Lent | Phase::Shared);
        all.filter(lent).map(|i| self.slots.key(i)).collect()
    }

    /// The connection in this slot, if it is lent.
    pub(crate) fn lent_at(&self, index: u32) -> Option<SlotKey> {
        let lent = (index as usize) < self.slots.len()
            && matches!(self.slots[index].phase, Phase::Lent | Phase::Shared);
        lent.then(|| self.slots.key(index))
    }

    /// Age of a connection's slot, for reports.
    pub(crate) fn age(&self, key: SlotKey, now: Time) -> std::time::Duration {
        now.since(self.slots[key.index].born)
    }

    /// The runtime that carries the tasks was shut down: nothing can be made, tested or reset again.
    pub(crate) fn runtime_gone(&mut self) {
        if !self.life.runtime_gone {
            self.life.runtime_gone = true;
            self.doomed = Some((u64::MAX, Failure::RuntimeGone));
            self.bump();
            self.pump();
            self.announce();
        }
    }

    /// The task that had this connection was dropped unfinished.
    pub(crate) fn task_dropped(&mut self, key: SlotKey) {
        if !self.slots.owns(key) {
            return;
        }
        let index = key.index;
        match self.slots[index].phase {
            Phase::Connecting => {
                self.phases.connecting -= 1;
                self.free_slot(index);
            }
            Phase::Testing => {
                self.phases.testing -= 1;
                self.drop_task_slot(index);
            }
            Phase::Resetting => {
                self.phases.resetting -= 1;
                self.drop_task_slot(index);
            }
            Phase::Keepalive => {
                self.phases.keepalive -= 1;
                if self.slots[index].generation == self.life.generation {
                    self.phases.keepalive_idle -= 1;
                    self.take_idle(index);
                } else {
                    self.stale.remove(&mut self.slots, index);
                }
                self.drop_task_slot(index);
            }
            phase => unreachable!("no task owns a connection that is {phase:?}"),
        }
        self.runtime_gone();
        self.pump();
    }

    fn drop_task_slot(&mut self, index: u32) {
        if self.slots[index].epoch == self.supply_epoch {
            self.returning -= 1;
        }
        self.counts.closes.add(CloseReason::RuntimeGone);
        self.free_slot(index);
    }

    /// Swaps the options, which must be valid. The number of priority levels stays.
    /// Somebody above the pool lets it have so many connections.
    pub(crate) fn set_grant(&mut self, grant: Bound, now: Time) {
        self.tick(now);
        self.gate.set_grant(grant);
        self.pump();
    }

    /// Somebody wants to know whether connections can be made: one is kept at rest.
    pub(crate) fn set_seeking(&mut self, seeking: bool, now: Time) {
        self.tick(now);
        self.seeking = seeking;
        self.pump();
    }

    pub(crate) fn reconfigure(&mut self, options: Options, now: Time) {
        self.tick(now);
        let priorities = self.queue.levels();
        self.options = Options { priorities, ..options };
        self.steady = Steady::new(&self.options);
        self.orders.push(Order::Kick);
        self.armed = Time::ZERO;
        self.on_time = false;
        self.pump();
    }
}
