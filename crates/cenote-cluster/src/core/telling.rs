//! Who is told what was decided: pools what they may have, observers what has happened. Both in the order in which it
//! was decided, and after the state is let go.

use std::sync::Arc;

use cenote::{Bound, Manager, Pool};

use super::Core;
use crate::event::Observer;

/// What a pool is told.
pub(super) enum Instruction<M: Manager> {
    /// What it may have.
    Grant(Pool<M>, Bound),
    /// Its node was found to be unreachable, or not to be any more.
    Seek(Pool<M>, bool),
}

impl<M: Manager> Core<M> {
    pub(crate) fn observe(&self, observer: Observer) -> u64 {
        let mut state = self.lock();
        state.last_observer += 1;
        let id = state.last_observer;
        state.observers.push((id, observer));
        id
    }

    /// Tells somebody what happens in the pools of the nodes that are there and that come, as long as these are.
    pub(crate) fn observe_pools(&self, observer: Arc<dyn cenote::Observer>) {
        let mut state = self.lock();
        for member in &state.members {
            member.pool.observe(Arc::clone(&observer)).forget();
        }
        state.pool_observers.push(observer);
    }

    pub(crate) fn forget_observer(&self, id: u64) {
        let mut state = self.lock();
        let at = state.observers.iter().position(|(known, _)| *known == id);
        let gone = at.map(|at| state.observers.swap_remove(at));
        drop(state);
        drop(gone);
    }

    /// Tells the pools, in the order in which it was decided: of two who decide at the same time, the later word stands.
    /// Whoever comes while somebody does so leaves it to them.
    pub(super) fn instruct(&self) {
        let mut state = self.lock();
        if state.instructing {
            return;
        }
        state.instructing = true;
        while let Some(instruction) = state.instructions.pop_front() {
            drop(state);
            match instruction {
                Instruction::Grant(pool, grant) => pool.set_grant(grant),
                Instruction::Seek(pool, seeking) => pool.set_seeking(seeking),
            }
            state = self.lock();
        }
        state.instructing = false;
    }

    /// Tells the observers. Whoever comes while somebody does so leaves it to them, so the order is kept and an observer
    /// may do anything.
    pub(super) fn deliver(&self) {
        let mut state = self.lock();
        if state.delivering {
            return;
        }
        state.delivering = true;
        while let Some(event) = state.outbox.pop_front() {
            let observers: Vec<Observer> =
                state.observers.iter().map(|(_, observer)| Arc::clone(observer)).collect();
            drop(state);
            for observer in observers {
                // An observer that panics hurts nobody.
                let tell = std::panic::AssertUnwindSafe(|| observer(&event));
                let _ = std::panic::catch_unwind(tell);
            }
            state = self.lock();
        }
        state.delivering = false;
    }
}
