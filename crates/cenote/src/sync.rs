//! Locks, conditions, atomics and threads that the pool decides by: the standard library's, or, in the tests of
//! `schedules` and `permutations`, those of a scheduler that runs threads in any order it likes. What only counts stays
//! the standard library's.

#[cfg(not(all(test, any(cenote_shuttle, cenote_loom))))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
};

#[cfg(all(test, cenote_shuttle))]
pub(crate) use shuttle::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
};

#[cfg(all(test, cenote_loom))]
pub(crate) use self::permuted::{Condvar, thread_local};
#[cfg(all(test, cenote_loom))]
pub(crate) use loom::{
    sync::{Mutex, MutexGuard, atomic},
    thread,
};

/// What loom lacks.
#[cfg(all(test, cenote_loom))]
mod permuted {
    use std::sync::LockResult;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::Duration;

    use loom::sync::{Condvar as Bell, MutexGuard};

    /// A condition with waits that end by themselves: when the test says so, not when time has passed.
    pub(crate) struct Condvar {
        bell: Bell,
        over: AtomicBool,
    }

    pub(crate) struct Waited(bool);

    impl Waited {
        pub(crate) fn timed_out(&self) -> bool {
            self.0
        }
    }

    impl Default for Condvar {
        fn default() -> Condvar {
            Condvar::new()
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Condvar {
            Condvar { bell: Bell::new(), over: AtomicBool::new(false) }
        }

        pub(crate) fn wait<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
        ) -> LockResult<MutexGuard<'a, T>> {
            self.bell.wait(guard)
        }

        /// As in the standard library, a wait may be both rung and out of time.
        pub(crate) fn wait_timeout<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, Waited)> {
            let guard = self.bell.wait(guard).expect("a panic ends the test");
            Ok((guard, Waited(self.over.swap(false, SeqCst))))
        }

        pub(crate) fn notify_one(&self) {
            self.bell.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.bell.notify_all();
        }

        /// The time of whoever waits longest is over. If nobody waits, the next one to be rung is out of time as well.
        pub(crate) fn run_out(&self) {
            self.over.store(true, SeqCst);
            self.bell.notify_one();
        }
    }

    /// loom's, with a constant for a beginning.
    macro_rules! local {
        ($($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };)+) => {
            loom::thread_local! { $($(#[$attribute])* static $name: $type = $value;)+ }
        };
    }
    pub(crate) use local as thread_local;
}
