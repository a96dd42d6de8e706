//! Who is told. Observers sit in a list that is swapped as a whole, so that telling holds no lock; one byte
//! of flags says whether anybody wants to be told everything, which is all that a hit looks at, and another which
//! level is the lowest that anybody wants. A panic of an observer
//! ends with the observer: it is counted and told to the others, and the panic of one that is being told
//! of a panic is counted only, or two of them would never stop.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, Weak};

use super::event::{Event, EventKind, Level};
use crate::shell::guarded;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU8, Ordering};

/// Watches pools: it is told what happens and can change nothing (P-29).
///
/// Closures are observers. One observer may watch many pools; [`Event::pool`] says which one speaks. It is
/// called outside the pool's lock, in the thread in which things happen, by several threads at once: it
/// must not block. A panic in it is counted, told to the other observers, and hurts nobody else.
///
/// Do not keep a [`Pool`](crate::Pool) in its own observer: the pool would keep itself open. An event
/// answers what one would ask it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote_testkit::Script;
/// use cenote::{Event, EventKind, Observer, Pool};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl Observer for Failures {
///     fn event(&self, event: &Event<'_>) {
///         if let EventKind::AcquireFailed { .. } = event.kind() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let failures = Arc::new(Failures::default());
/// let pool = Pool::builder(Script::new()).observer(Arc::clone(&failures)).build().unwrap();
/// let lines = pool.observe(|event: &Event<'_>| println!("{event}"));
/// assert!(pool.try_acquire().is_err());
/// assert_eq!(failures.0.load(Ordering::Relaxed), 1);
/// drop(lines); // no more lines
/// # }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Something has happened.
    fn event(&self, event: &Event<'_>);

    /// The lowest level that it is told of; asked once, when it joins. Default: [`Level::Trace`], everything.
    ///
    /// What one acquire and its release have to tell is of level trace. While nobody wants that, a hit costs what it
    /// costs without observers.
    fn least(&self) -> Level {
        Level::Trace
    }
}

/// An observer that is told from this level on, such as a closure.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote_testkit::Script;
/// use cenote::{Event, FromLevel, Level, Pool};
///
/// let pool = Pool::builder(Script::new()).build().unwrap();
/// let warnings = pool.observe(FromLevel(Level::Warn, |event: &Event<'_>| eprintln!("{event}")));
/// drop(pool.acquire().await.unwrap()); // as quick as without an observer
/// # drop(warnings);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FromLevel<O>(pub Level, pub O);

impl<O: Observer> Observer for FromLevel<O> {
    fn event(&self, event: &Event<'_>) {
        self.1.event(event);
    }

    fn least(&self) -> Level {
        self.0
    }
}

impl<F: Fn(&Event<'_>) + Send + Sync + 'static> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn event(&self, event: &Event<'_>) {
        (**self).event(event);
    }

    fn least(&self) -> Level {
        (**self).least()
    }
}

/// What a hit looks at, all in one byte.
pub(crate) mod flags {
    /// Somebody wants to be told everything.
    pub(crate) const OBSERVED: u8 = 1;
    /// Hold times are measured.
    pub(crate) const HOLD: u8 = 2;
    /// There are hooks on the way out or back.
    pub(crate) const HOOKED: u8 = 4;
    /// Waits and steps are spans of `tracing`.
    #[cfg(feature = "tracing")]
    pub(crate) const TRACED: u8 = 8;
}

/// Numbers of what the core does not see (P-27).
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) clamped: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) slow: AtomicU64,
    pub(crate) leaked: AtomicU64,
    pub(crate) hook_failures: AtomicU64,
    pub(crate) hook_panics: AtomicU64,
    pub(crate) observer_panics: AtomicU64,
}

pub(crate) fn count(mark: &AtomicU64) {
    mark.fetch_add(1, Ordering::Relaxed);
}

struct Seat {
    id: u64,
    least: Level,
    observer: Arc<dyn Observer>,
}

/// Of an audience in which nobody is.
const NOBODY: u8 = u8::MAX;

struct Seats {
    last: u64,
    all: Arc<[Arc<Seat>]>,
}

/// The observers of one pool, and the flags of a hit.
pub(crate) struct Audience {
    flags: AtomicU8,
    /// The lowest level that somebody wants.
    least: AtomicU8,
    seats: Mutex<Seats>,
    pub(crate) marks: Marks,
}

impl Audience {
    pub(crate) fn new() -> Audience {
        Audience {
            flags: AtomicU8::new(0),
            least: AtomicU8::new(NOBODY),
            seats: Mutex::new(Seats { last: 0, all: Arc::new([]) }),
            marks: Marks::default(),
        }
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, flag: u8, on: bool) {
        if on {
            self.flags.fetch_or(flag, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flag, Ordering::Relaxed);
        }
    }

    /// Whether somebody wants to be told of events of this level.
    pub(crate) fn is_told(&self, level: Level) -> bool {
        level as u8 >= self.least.load(Ordering::Relaxed)
    }

    fn with<R>(&self, run: impl FnOnce(&mut Seats) -> R) -> R {
        run(&mut self.seats.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn join(&self, observer: Arc<dyn Observer>) -> u64 {
        // Asked outside the lock: it is somebody else's code.
        let least = observer.least();
        let (id, _old) = self.with(|seats| {
            seats.last += 1;
            let id = seats.last;
            let seat = Arc::new(Seat { id, least, observer });
            let more = seats.all.iter().cloned().chain([seat]).collect();
            (id, self.seat(seats, more))
        });
        id
    }

    fn leave(&self, id: u64) {
        // An observer is dropped outside the lock: it is somebody else's code.
        let _old = self.with(|seats| {
            let rest = seats.all.iter().filter(|seat| seat.id != id).cloned().collect();
            self.seat(seats, rest)
        });
    }

    /// Swaps the list, and keeps in step with it what is read without the lock: the last to go and the next to come
    /// agree. Returns the former list.
    fn seat(&self, seats: &mut Seats, all: Arc<[Arc<Seat>]>) -> Arc<[Arc<Seat>]> {
        let least = all.iter().map(|seat| seat.least as u8).min().unwrap_or(NOBODY);
        self.least.store(least, Ordering::Relaxed);
        self.set(flags::OBSERVED, least == Level::Trace as u8);
        std::mem::replace(&mut seats.all, all)
    }

    /// Tells everybody who wants events of this level. Never called under a pool's lock.
    #[cold]
    pub(crate) fn tell(&self, event: &Event<'_>) {
        let seats = self.with(|seats| Arc::clone(&seats.all));
        for seat in seats.iter().filter(|seat| event.level() >= seat.least) {
            if guarded(|| seat.observer.event(event)).is_some() {
                continue;
            }
            count(&self.marks.observer_panics);
            let panicked = Event { kind: EventKind::ObserverPanicked, ..*event };
            for other in seats.iter().filter(|other| other.id != seat.id) {
                if guarded(|| other.observer.event(&panicked)).is_none() {
                    count(&self.marks.observer_panics);
                }
            }
        }
        // The last to hold an observer that has left drops it.
        let _ = guarded(|| drop(seats));
    }
}

/// What keeps an observer in its place.
pub(crate) trait Watched: Send + Sync {
    fn watch(&self) -> &Audience;
}

/// An observer's place in a pool; made by [`Pool::observe`](crate::Pool::observe). Dropping it ends the
/// observing: calls that are under way in other threads may still end after it.
#[must_use = "dropping a subscription ends it; `forget` keeps the observer as long as the pool"]
pub struct Subscription {
    pool: Weak<dyn Watched>,
    id: u64,
}

impl Subscription {
    pub(crate) fn new(pool: Weak<dyn Watched>, id: u64) -> Subscription {
        Subscription { pool, id }
    }

    /// Lets the observer watch as long as the pool exists.
    pub fn forget(mut self) {
        self.id = 0;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade().filter(|_| self.id != 0) {
            pool.watch().leave(self.id);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).finish_non_exhaustive()
    }
}
