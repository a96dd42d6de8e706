//! Locks and atomics that the pool decides by: the standard library's, or, in the tests of `schedules`, those of a
//! scheduler that runs threads in any order it likes. What only counts stays the standard library's, and so does
//! what has threads of its own (`crew`, `blocking`, `env/park`): no schedule runs it.

#[cfg(not(all(test, cenote_shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

#[cfg(all(test, cenote_shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};
