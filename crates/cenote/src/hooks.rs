//! What the user puts in the pool's way: closures that may change an outcome (P-28). None of them runs
//! under the lock. A panic in one is counted and told; it costs at most the connection at hand, never a slot.
//!
//! In the order of a connection's life: `on_acquire`, `after_connect`, `before_acquire`, `after_release`,
//! `before_close`, `after_close`.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Timeout;
use crate::error::Error;
use crate::manager::{Fault, Manager};
use crate::observe::{EventKind, Subject, count, flags};
use crate::shell::{Entry, Shell, guarded};
use crate::stats::CloseReason;

/// A future in a box, as stored hooks return them.
pub type HookFuture<'c, E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'c>>;

/// The hooks, as reports name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hook {
    /// [`Builder::on_acquire`](crate::Builder::on_acquire).
    OnAcquire,
    /// [`Builder::after_connect`](crate::Builder::after_connect).
    AfterConnect,
    /// [`Builder::before_acquire`](crate::Builder::before_acquire).
    BeforeAcquire,
    /// [`Builder::after_release`](crate::Builder::after_release).
    AfterRelease,
    /// [`Builder::before_close`](crate::Builder::before_close).
    BeforeClose,
    /// [`Builder::after_close`](crate::Builder::after_close).
    AfterClose,
    /// [`Builder::classify_with`](crate::Builder::classify_with).
    ClassifyWith,
}

impl Hook {
    /// The hook's name, as the builder has it.
    pub const fn name(self) -> &'static str {
        match self {
            Hook::OnAcquire => "on_acquire",
            Hook::AfterConnect => "after_connect",
            Hook::BeforeAcquire => "before_acquire",
            Hook::AfterRelease => "after_release",
            Hook::BeforeClose => "before_close",
            Hook::AfterClose => "after_close",
            Hook::ClassifyWith => "classify_with",
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What becomes of the connection that a hook has looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// It goes on.
    Keep,
    /// It is closed, and another takes its place.
    Drop,
}

/// A caller that asks for a connection, as [`Builder::on_acquire`](crate::Builder::on_acquire) sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AcquireRequest {
    /// The priority level; 0 is the most urgent.
    pub priority: u8,
    /// Where the caller stands in the source.
    pub location: &'static Location<'static>,
    /// How many connections it wants.
    pub wanted: usize,
    /// It would share a connection.
    pub shared: bool,
    /// How long it would wait at most; zero for the calls that never wait.
    pub timeout: Timeout,
}

/// The connection at hand, as [`Builder::before_acquire`](crate::Builder::before_acquire) sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The connection's id.
    pub id: u64,
    /// How long ago it was made.
    pub age: Duration,
    /// How often it was lent before.
    pub uses: u64,
}

/// A connection that is gone, as [`Builder::after_close`](crate::Builder::after_close) sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ClosedConnection<'a> {
    /// The connection's id.
    pub id: u64,
    /// Why it was closed.
    pub reason: CloseReason,
    /// A [`CloseError`](crate::CloseError), if the close failed.
    pub error: Option<&'a (dyn StdError + Send + Sync + 'static)>,
}

type OnAcquire = Box<dyn Fn(&AcquireRequest) -> Result<(), String> + Send + Sync>;
type WithConnection<M> = Box<
    dyn for<'c> Fn(&'c mut <M as Manager>::Connection) -> HookFuture<'c, <M as Manager>::Error>
        + Send
        + Sync,
>;
type BeforeAcquire<M> =
    Box<dyn Fn(&mut <M as Manager>::Connection, &ConnectionInfo) -> Choice + Send + Sync>;
type AfterRelease<M> = Box<dyn Fn(&mut <M as Manager>::Connection) -> Choice + Send + Sync>;
type AfterClose = Box<dyn Fn(&ClosedConnection<'_>) + Send + Sync>;
type Classify<M> = Box<dyn Fn(&<M as Manager>::Error) -> Fault + Send + Sync>;

/// What the user put in the pool's way.
pub(crate) struct Hooks<M: Manager> {
    pub(crate) on_acquire: Option<OnAcquire>,
    pub(crate) after_connect: Option<WithConnection<M>>,
    pub(crate) before_acquire: Option<BeforeAcquire<M>>,
    pub(crate) after_release: Option<AfterRelease<M>>,
    pub(crate) before_close: Option<WithConnection<M>>,
    pub(crate) after_close: Option<AfterClose>,
    pub(crate) classify: Option<Classify<M>>,
}

impl<M: Manager> Hooks<M> {
    pub(crate) fn new() -> Hooks<M> {
        Hooks {
            on_acquire: None,
            after_connect: None,
            before_acquire: None,
            after_release: None,
            before_close: None,
            after_close: None,
            classify: None,
        }
    }

    /// The flags of a hit: whether anything is in the way of a lending or a release.
    pub(crate) fn flags(&self) -> u8 {
        let on_the_way = self.on_acquire.is_some()
            || self.before_acquire.is_some()
            || self.after_release.is_some();
        if on_the_way { flags::HOOKED } else { 0 }
    }
}

impl<M: Manager> Shell<M> {
    /// Whether a caller may ask at all; a hook that panics refuses.
    #[cold]
    pub(crate) fn admit(
        &self,
        request: impl FnOnce() -> AcquireRequest,
    ) -> Result<(), Error<M::Error>> {
        let Some(hook) = &self.hooks.on_acquire else { return Ok(()) };
        let request = request();
        let refused = match guarded(|| hook(&request)) {
            Some(Ok(())) => return Ok(()),
            Some(Err(reason)) => reason,
            None => {
                self.hook_panicked(Subject::Pool, Hook::OnAcquire);
                "the hook on_acquire panicked".to_owned()
            }
        };
        count(&self.watch.marks.refused);
        Err(Error::Refused { pool: Arc::clone(&self.name), reason: refused })
    }

    /// Why the connection must not be lent after all, if so: the driver knows that it is dead, or the
    /// hook drops it. A panic of either says so too.
    #[inline]
    pub(crate) fn reject(&self, entry: &mut Entry<M>, flags: u8) -> Option<CloseReason> {
        if self.is_dead(&entry.conn) {
            return Some(CloseReason::Died);
        }
        match flags & flags::HOOKED {
            0 => None,
            _ => self.reject_by_hook(entry),
        }
    }

    #[cold]
    fn reject_by_hook(&self, entry: &mut Entry<M>) -> Option<CloseReason> {
        let hook = self.hooks.before_acquire.as_ref()?;
        let Entry { key, born, uses, .. } = *entry;
        let info = ConnectionInfo { id: key.id, age: self.env.now().since(born), uses };
        let choice = guarded(|| hook(&mut entry.conn, &info));
        self.judge(choice, entry, Hook::BeforeAcquire)
    }

    /// Why the connection is not taken back, if the hook says so.
    #[cold]
    pub(crate) fn reject_returned(&self, entry: &mut Entry<M>) -> Option<CloseReason> {
        let hook = self.hooks.after_release.as_ref()?;
        let choice = guarded(|| hook(&mut entry.conn));
        self.judge(choice, entry, Hook::AfterRelease)
    }

    fn judge(&self, choice: Option<Choice>, entry: &Entry<M>, hook: Hook) -> Option<CloseReason> {
        if choice.is_none() {
            self.hook_panicked(Subject::Connection(entry.key.id), hook);
        }
        (choice != Some(Choice::Keep)).then_some(CloseReason::Hook)
    }

    /// Runs a hook that awaits; a panic goes on after it was counted and told.
    pub(crate) async fn run_hook<'c>(
        &self,
        hook: Hook,
        id: u64,
        start: impl FnOnce() -> HookFuture<'c, M::Error>,
    ) -> Result<(), M::Error> {
        let panicked = |panic| -> ! {
            self.hook_panicked(Subject::Connection(id), hook);
            resume_unwind(panic)
        };
        let future = match catch_unwind(AssertUnwindSafe(start)) {
            Ok(future) => future,
            Err(panic) => panicked(panic),
        };
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(polled) => polled,
                Err(panic) => panicked(panic),
            }
        })
        .await
    }

    /// Tells the hook that a connection is gone.
    pub(crate) fn after_close(&self, closed: &ClosedConnection<'_>) {
        let Some(hook) = &self.hooks.after_close else { return };
        if guarded(|| hook(closed)).is_none() {
            self.hook_panicked(Subject::Connection(closed.id), Hook::AfterClose);
        }
    }

    pub(crate) fn classify(&self, error: &M::Error) -> Fault {
        let class = match &self.hooks.classify {
            None => guarded(|| self.manager.classify(error)),
            Some(classify) => {
                let class = guarded(|| classify(error));
                if class.is_none() {
                    self.hook_panicked(Subject::Pool, Hook::ClassifyWith);
                }
                class
            }
        };
        class.unwrap_or(Fault::Connection)
    }

    fn hook_panicked(&self, subject: Subject, hook: Hook) {
        count(&self.watch.marks.hook_panics);
        self.tell(subject, EventKind::HookPanicked { hook });
    }
}
