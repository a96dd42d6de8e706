//! The door to the outside world: the time, timers and tasks. The pool asks nothing else of a runtime.
//! [`Tokio`] is the default; the testkit's simulator is another, with virtual time.

pub(crate) mod park;
mod threads;

pub(crate) use park::block_on;
pub(crate) use threads::Threads;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::time::Time;

/// A task of the pool.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The time, timers and tasks of one runtime.
pub trait Env: Send + Sync + 'static {
    /// The present, exactly.
    fn now(&self) -> Time;

    /// The same point in this environment's time. Default: as far from now as it is from the system's.
    fn at(&self, instant: Instant) -> Time {
        let now = Instant::now();
        if instant >= now { self.now() + (instant - now) } else { self.now() - (now - instant) }
    }

    /// Where the chance of a pool that is built here begins: its jitter follows from this number. Default: another
    /// one for every pool. A simulation gives what follows from its seed, so that the same one does the same again.
    fn seed(&self) -> u64 {
        seed()
    }

    /// A future that ends at this time, or soon after.
    fn sleep_until(&self, at: Time) -> Sleep;

    /// Sets a timer of this environment to another time, whether or not it has ended, instead of making one; returns
    /// whether it did. Default: no. Of [`Sleep::Other`] the pool keeps none, so it is not asked.
    fn rearm(&self, sleep: Pin<&mut Sleep>, at: Time) -> bool {
        let _ = (sleep, at);
        false
    }

    /// Runs a task to its end. A task that is dropped before its end tells the pool that the runtime is
    /// gone: nothing else may drop one.
    fn spawn(&self, task: Task);

    /// As [`spawn`](Env::spawn), for an environment that keeps the kinds of work apart. Default: all alike.
    fn spawn_for(&self, errand: Errand, task: Task) {
        let _ = errand;
        self.spawn(task);
    }
}

/// A different number each time, without a dependency: the standard library's hash keys.
#[cfg(not(all(test, any(cenote_shuttle, cenote_loom))))]
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// The same for every pool: a schedule that is run again must find the same pool.
#[cfg(all(test, any(cenote_shuttle, cenote_loom)))]
fn seed() -> u64 {
    1
}

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Errand {
    /// It rests most of the time and lives as long as the pool.
    Upkeep,
    /// A connect.
    Connect,
    /// A test or a reset: somebody may wait for the connection.
    Check,
    /// A close.
    Close,
}

#[cfg(feature = "tokio")]
use tokio::time::Sleep as TokioSleep;

/// Stands where tokio's timer would, and cannot exist.
#[cfg(not(feature = "tokio"))]
#[derive(Debug)]
pub enum TokioSleep {}

#[cfg(not(feature = "tokio"))]
impl Future for TokioSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match *self {}
    }
}

pin_project! {
    /// A timer. The kinds that this crate knows need no allocation.
    // The macro takes no docs on the fields of variants.
    #[allow(missing_docs)]
    #[project = SleepKind]
    #[must_use = "a timer does nothing unless polled"]
    pub enum Sleep {
        /// Tokio's timer; there is none without the feature `tokio`.
        Tokio {
            #[pin]
            sleep: TokioSleep,
        },
        /// The timer of the blocking face: it is watched by the thread that waits.
        Thread { until: Instant },
        /// Any other.
        Other {
            sleep: Pin<Box<dyn Future<Output = ()> + Send>>,
        },
        /// One that never ends.
        Never,
    }
}

impl Sleep {
    /// Whether it is of a kind that [`Env::rearm`] may set anew.
    pub(crate) fn can_be_rearmed(&self) -> bool {
        matches!(self, Sleep::Tokio { .. } | Sleep::Thread { .. })
    }

    /// Wakes nobody any more, until it is polled again.
    pub(crate) fn hush(self: Pin<&mut Self>) -> Poll<()> {
        match &*self {
            Sleep::Tokio { .. } => self.poll(&mut Context::from_waker(Waker::noop())),
            _ => Poll::Pending,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project() {
            SleepKind::Tokio { sleep } => {
                // A timer of a runtime that is being shut down panics. Then the pool tells its waiters
                // (RuntimeGone), so there is nothing to wait for here.
                let polled = std::panic::AssertUnwindSafe(|| sleep.poll(cx));
                std::panic::catch_unwind(polled).unwrap_or(Poll::Pending)
            }
            SleepKind::Thread { until } if Instant::now() >= *until => Poll::Ready(()),
            SleepKind::Thread { until } => {
                park::set_alarm(*until);
                Poll::Pending
            }
            SleepKind::Other { sleep } => sleep.as_mut().poll(cx),
            SleepKind::Never => Poll::Pending,
        }
    }
}

#[cfg(feature = "tokio")]
pub use with_tokio::Tokio;

#[cfg(feature = "tokio")]
mod with_tokio {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use tokio::runtime::Handle;

    use super::{Env, Instant, Pin, Sleep, SleepKind, Task, Time};

    /// A tokio runtime.
    #[derive(Clone, Debug)]
    pub struct Tokio {
        handle: Handle,
        origin: tokio::time::Instant,
    }

    impl Tokio {
        /// The runtime around the caller; `None` outside one, or if its timers are not enabled.
        pub fn current() -> Option<Tokio> {
            Tokio::new(Handle::try_current().ok()?)
        }

        /// This runtime; `None` if its timers are not enabled.
        pub fn new(handle: Handle) -> Option<Tokio> {
            let inside = handle.clone();
            // Only a panic tells whether a runtime has timers: better here than at the first wait.
            let timers = catch_unwind(AssertUnwindSafe(move || {
                let _inside = inside.enter();
                drop(tokio::time::sleep(Duration::ZERO));
            }));
            timers.ok()?;
            let origin = {
                let _inside = handle.enter();
                tokio::time::Instant::now()
            };
            Some(Tokio { handle, origin })
        }

        /// A time that is too far away for a timer is `None`.
        fn instant(&self, at: Time) -> Option<tokio::time::Instant> {
            let after = Duration::from_nanos(at.as_nanos());
            self.origin.checked_add(after).filter(|_| at != Time::NEVER)
        }
    }

    impl Env for Tokio {
        fn now(&self) -> Time {
            Time::ZERO + self.origin.elapsed()
        }

        fn at(&self, instant: Instant) -> Time {
            Time::ZERO
                + tokio::time::Instant::from_std(instant).saturating_duration_since(self.origin)
        }

        fn sleep_until(&self, at: Time) -> Sleep {
            let Some(at) = self.instant(at) else { return Sleep::Never };
            let _inside = self.handle.enter();
            Sleep::Tokio { sleep: tokio::time::sleep_until(at) }
        }

        fn rearm(&self, sleep: Pin<&mut Sleep>, at: Time) -> bool {
            match (sleep.project(), self.instant(at)) {
                (SleepKind::Tokio { sleep }, Some(at)) => {
                    sleep.reset(at);
                    true
                }
                _ => false,
            }
        }

        fn spawn(&self, task: Task) {
            drop(self.handle.spawn(task));
        }
    }
}
