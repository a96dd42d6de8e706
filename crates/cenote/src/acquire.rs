//! The wait for a connection, as a future. A hit takes one short turn under the lock and nothing else: the
//! clock is read, the waker cloned and the timer made only when there is something to wait for. Dropping
//! the future costs O(1) and loses nothing: what was granted to it goes to the next (P-5).

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::config::Timeout;
use crate::core::{Acquired, Collected, Kind, Look as CoreLook, Request};
use crate::env::Sleep;
use crate::error::Error;
use crate::manager::Manager;
use crate::pool::Pool;
use crate::pooled::Pooled;
use crate::shell::{Entry, Refused};
use crate::time::Time;

/// How long the caller is willing to wait.
#[derive(Clone, Copy, Debug)]
enum Patience {
    /// The pool's `acquire_timeout`, from the first poll on.
    Default,
    For(Timeout),
    Until(Time),
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Not polled yet, or back from a connection that turned out dead.
    Asking,
    /// In the queue.
    Waiting(u32),
    Done,
}

/// When the wait began and when it ends.
#[derive(Clone, Copy, Debug)]
struct Span {
    since: Time,
    deadline: Time,
}

pin_project! {
    /// The future of [`Pool::acquire`].
    ///
    /// Its deadline is absolute: it covers waiting, connecting and testing, and nothing re-arms it (P-3).
    /// It may be moved to another task or thread before it is polled, and dropped at any time.
    #[must_use = "futures do nothing unless polled"]
    #[project = AcquireProj]
    pub struct Acquire<'a, M: Manager> {
        pool: &'a Pool<M>,
        level: u8,
        patience: Patience,
        location: &'static Location<'static>,
        stage: Stage,
        // The place in the order of arrival, kept when a connection turned out dead.
        ticket: Option<u64>,
        span: Option<Span>,
        #[pin]
        sleep: Option<Sleep>,
    }

    impl<M: Manager> PinnedDrop for Acquire<'_, M> {
        fn drop(this: Pin<&mut Self>) {
            if let Stage::Waiting(w) = this.stage {
                let shell = &this.pool.shell;
                let mut waker = None;
                let mut error = None;
                shell.run(|state| {
                    waker = state.desk(w).waker.take();
                    error = state.desk(w).error.take();
                    state.core.cancel(w, false);
                });
            }
        }
    }
}

impl<'a, M: Manager> Acquire<'a, M> {
    pub(crate) fn new(pool: &'a Pool<M>, location: &'static Location<'static>) -> Acquire<'a, M> {
        Acquire {
            pool,
            level: pool.shell.priorities / 2,
            patience: Patience::Default,
            location,
            stage: Stage::Asking,
            ticket: None,
            span: None,
            sleep: None,
        }
    }

    /// Waits at most this long, instead of `acquire_timeout`; [`Timeout::Never`] waits for ever.
    /// The time runs from the first poll.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.patience = Patience::For(timeout.into());
        self
    }

    /// Waits until this moment at most, instead of for `acquire_timeout`.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.patience = Patience::Until(self.pool.shell.env.at(deadline));
        self
    }

    /// Waits in this priority level: 0 is the most urgent, the default is the middle one. A level beyond
    /// the last is served as the last, and counted (P-4).
    pub fn priority(mut self, level: u8) -> Self {
        let last = self.pool.shell.priorities - 1;
        if level > last {
            self.pool.shell.clamped.fetch_add(1, Ordering::Relaxed);
        }
        self.level = level.min(last);
        self
    }
}

/// What one look brought.
enum Look<M: Manager> {
    Got(Box<Entry<M>>),
    Failed(Error<M::Error>),
    /// In the queue, with a waker laid down.
    Wait,
}

impl<M: Manager> Future for Acquire<'_, M> {
    type Output = Result<Pooled<M>, Error<M::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let first = matches!(this.stage, Stage::Asking);
            let mut look = match *this.stage {
                Stage::Asking => this.ask(cx),
                Stage::Waiting(w) => this.collect(w, cx),
                Stage::Done => panic!("an Acquire was polled after it had ended"),
            };
            let mut late = false;
            if let (Look::Wait, Stage::Waiting(w)) = (&look, *this.stage) {
                if this.poll_sleep(cx).is_pending() {
                    return Poll::Pending;
                }
                late = true;
                look = this.last_look(w);
            }
            *this.stage = Stage::Done;
            match look {
                Look::Got(entry) if this.pool.shell.is_dead(&entry.conn) => {
                    // Found dead without I/O: the caller keeps its place and its deadline (P-4, P-15).
                    this.pool
                        .shell
                        .hand_in(entry, |core, key| core.found_dead(key, first && !late));
                    if late {
                        return Poll::Ready(Err(this.timed_out()));
                    }
                    *this.stage = Stage::Asking;
                }
                Look::Got(entry) => return Poll::Ready(Ok(this.finish(entry))),
                Look::Failed(error) => {
                    this.record_wait();
                    return Poll::Ready(Err(error));
                }
                Look::Wait => {
                    this.record_wait();
                    return Poll::Ready(Err(this.timed_out()));
                }
            }
        }
    }
}

impl<M: Manager> AcquireProj<'_, '_, M> {
    /// The first look, and each one after a connection that turned out dead.
    fn ask(&mut self, cx: &mut Context<'_>) -> Look<M> {
        let shell = &self.pool.shell;
        let (level, location) = (*self.level, *self.location);
        let again = self.ticket.is_some();
        let look = CoreLook { again, untested: false };
        // The hit: nothing is read, cloned or made before it.
        let hit = shell.run(|state| {
            let ticket = *self.ticket.get_or_insert_with(|| state.core.ticket());
            let key = state.core.hit(level, ticket, look)?;
            Some(state.lend(key, location))
        });
        if let Some(entry) = hit {
            return Look::Got(entry);
        }
        let now = shell.env.now();
        let mut waker = Some(cx.waker().clone());
        let ticket = self.ticket.expect("it was drawn above");
        let request = Request { level, ticket, wanted: 1, kind: Kind::Exclusive };
        let asked = shell.run(|state| match state.core.acquire(request, again, now) {
            Acquired::Hit(key) => Asked::Got(state.lend(key, location)),
            Acquired::Refused(refusal) => Asked::Refused(state.refused(refusal)),
            Acquired::Queued(w) => {
                // The orders are fetched after this: a grant in the same turn finds the waker.
                state.desk(w).waker = waker.take();
                Asked::Queued(w, state.core.options().acquire_timeout)
            }
        });
        match asked {
            Asked::Got(entry) => Look::Got(entry),
            Asked::Refused(refused) => Look::Failed(refused.into_error(&shell.name)),
            Asked::Queued(w, acquire_timeout) => {
                *self.stage = Stage::Waiting(w);
                if self.span.is_none() {
                    let deadline = match *self.patience {
                        Patience::Until(deadline) => deadline,
                        Patience::For(timeout) => now + timeout.get(),
                        Patience::Default => now + acquire_timeout.get(),
                    };
                    *self.span = Some(Span { since: now, deadline });
                }
                Look::Wait
            }
        }
    }

    /// A look from the queue: something was granted, or the waker may be another one.
    fn collect(&mut self, w: u32, cx: &mut Context<'_>) -> Look<M> {
        let location = *self.location;
        let shell = &self.pool.shell;
        // Cloned before and dropped after the lock: wakers are somebody else's code.
        let mut fresh: Option<Waker> = None;
        loop {
            let mut replaced = None;
            let came = shell.run(|state| match state.core.collect(w) {
                Collected::Granted(key) => Came::Got(state.lend(key, location)),
                Collected::Failed(failure) => Came::Failed(state.failed(w, failure)),
                Collected::Waiting => {
                    let waker = &mut state.desk(w).waker;
                    if waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                        return Came::Wait;
                    }
                    if fresh.is_none() {
                        return Came::NeedsWaker;
                    }
                    replaced = std::mem::replace(waker, fresh.take());
                    Came::Wait
                }
            });
            drop(replaced);
            return match came {
                Came::Got(entry) => Look::Got(entry),
                Came::Failed(refused) => Look::Failed(refused.into_error(&shell.name)),
                Came::Wait => Look::Wait,
                Came::NeedsWaker => {
                    fresh = Some(cx.waker().clone());
                    continue;
                }
            };
        }
    }

    /// The deadline has passed: takes what came at the same moment, else leaves the queue.
    fn last_look(&mut self, w: u32) -> Look<M> {
        let location = *self.location;
        let shell = &self.pool.shell;
        let mut waker = None;
        let came = shell.run(|state| match state.core.collect(w) {
            Collected::Granted(key) => Came::Got(state.lend(key, location)),
            Collected::Failed(failure) => Came::Failed(state.failed(w, failure)),
            Collected::Waiting => {
                waker = state.desk(w).waker.take();
                state.core.cancel(w, true);
                Came::Wait
            }
        });
        match came {
            Came::Got(entry) => Look::Got(entry),
            Came::Failed(refused) => Look::Failed(refused.into_error(&shell.name)),
            Came::Wait | Came::NeedsWaker => Look::Wait,
        }
    }

    /// Polls the timer, which is made at the first sleep.
    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.sleep.is_none() {
            let deadline = self.span.expect("who waits has a span").deadline;
            self.sleep.set(Some(self.pool.shell.env.sleep_until(deadline)));
        }
        self.sleep.as_mut().as_pin_mut().expect("it was set above").poll(cx)
    }

    fn timed_out(&self) -> Error<M::Error> {
        let shell = &self.pool.shell;
        let since = self.span.expect("who waits has a span").since;
        let waited = shell.env.now().since(since);
        let state = shell.lock();
        let (status, last) = (Box::new(state.core.status()), state.last_error.clone());
        drop(state);
        Error::Timeout { pool: Arc::clone(&shell.name), waited, status, last }
    }

    /// Failed waits count too: a histogram of the winners hides the incident. (P-27)
    fn record_wait(&self) {
        if let Some(span) = *self.span {
            let shell = &self.pool.shell;
            shell.wait.record(shell.env.now().since(span.since));
        }
    }

    fn finish(&self, mut entry: Box<Entry<M>>) -> Pooled<M> {
        self.record_wait();
        let shell = &self.pool.shell;
        if shell.measure_hold.load(Ordering::Relaxed) {
            entry.lent_at = Some(shell.env.now());
        }
        Pooled::new(entry, Arc::clone(shell))
    }
}

/// How a first look ended.
enum Asked<M: Manager> {
    Got(Box<Entry<M>>),
    Refused(Refused<M>),
    Queued(u32, Timeout),
}

/// How a look from the queue ended.
enum Came<M: Manager> {
    Got(Box<Entry<M>>),
    Failed(Refused<M>),
    Wait,
    /// The caller polls with another waker: clone it, outside the lock, and look again.
    NeedsWaker,
}
