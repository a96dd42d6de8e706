//! The wait itself, as a future. A hit takes one short turn under the lock and nothing else: the
//! clock is read, the waker cloned and the timer made only when there is something to wait for. Dropping
//! the future costs O(1) and loses nothing: what was granted to it goes to the next (P-5).

mod short;

use std::borrow::Borrow;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::config::Timeout;
use crate::core::{Acquired, Collected, Kind, Look as CoreLook, Request};
use crate::error::{ConnectError, Error};
use crate::hooks::AcquireRequest;
use crate::manager::Manager;
use crate::observe::{EventKind, Subject, WaitSpan, count, flags};
use crate::pool::Pool;
use crate::shell::{Refused, Timer};
use crate::stats::Status;
use crate::time::Time;

use super::outcome::{Patience, Span, cancel, fail, refused, tell_got};
use super::want::Want;

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Not polled yet, or back from a connection that turned out dead.
    Asking,
    /// In the queue.
    Waiting(u32),
    Done,
}

pin_project! {
    /// A wait for what `W` wants, in a pool that is borrowed or owned.
    #[project = WaitProj]
    pub(crate) struct Wait<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> {
        pool: P,
        of: PhantomData<fn(M)>,
        want: W,
        level: u8,
        patience: Patience,
        location: &'static Location<'static>,
        stage: Stage,
        // The place in the order of arrival, kept when a connection turned out dead.
        ticket: Option<u64>,
        span: Option<Span>,
        // Who looks on, as of the first poll.
        flags: u8,
        // A span of `tracing` while it waits.
        traced: WaitSpan,
        // From the moment that it joins the queue, if it has a deadline.
        timer: Option<Timer>,
    }

    impl<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> PinnedDrop for Wait<P, M, W> {
        fn drop(this: Pin<&mut Self>) {
            if let Stage::Waiting(w) = this.stage {
                cancel(&this.pool.borrow().shell, w, this.ticket, this.span);
            }
        }
    }
}

impl<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> Wait<P, M, W> {
    pub(super) fn new(pool: P, want: W, location: &'static Location<'static>) -> Self {
        Wait {
            level: pool.borrow().shell.priorities / 2,
            pool,
            of: PhantomData,
            want,
            patience: Patience::Default,
            location,
            stage: Stage::Asking,
            ticket: None,
            span: None,
            flags: 0,
            traced: WaitSpan::default(),
            timer: None,
        }
    }

    pub(super) fn set_timeout(&mut self, timeout: Timeout) {
        self.patience = Patience::For(timeout);
    }

    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.patience = Patience::Until(self.pool.borrow().shell.env.at(deadline));
    }

    pub(super) fn set_deadline_at(&mut self, deadline: Time) {
        self.patience = Patience::Until(deadline);
    }

    pub(super) fn set_location(&mut self, location: &'static Location<'static>) {
        self.location = location;
    }

    pub(super) fn set_priority(&mut self, level: u8) {
        let last = self.pool.borrow().shell.priorities - 1;
        if level > last {
            count(&self.pool.borrow().shell.watch.marks.clamped);
        }
        self.level = level.min(last);
    }
}

/// What one look brought.
enum Look<M: Manager, T> {
    Got(T),
    Failed(Error<M::Error>),
    /// In the queue, with a waker laid down.
    Wait,
}

impl<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> Future for Wait<P, M, W> {
    type Output = Result<W::Given, Error<M::Error>>;

    /// A hit, and nothing else: it is spared the registers that the rest needs.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        if matches!(this.stage, Stage::Asking) && this.ticket.is_none() {
            let shell = &(*this.pool).borrow().shell;
            if let Some(given) = this.want.take_fast(shell, this.location) {
                *this.stage = Stage::Done;
                return Poll::Ready(Ok(given));
            }
        }
        self.poll_short(cx)
    }
}

impl<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> Wait<P, M, W> {
    /// The usual ways in a queue, each of which is one short turn under the lock; whatever else there may be is
    /// [`Wait::poll_on`].
    #[inline(never)]
    fn poll_short(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<W::Given, Error<M::Error>>> {
        let mut rest = None;
        let this = self.as_mut().project();
        match *this.stage {
            Stage::Asking if this.ticket.is_none() => {
                let lined_up = match (*this.pool).borrow().shell.is_timed() {
                    true => self.as_mut().line_up_timed(cx),
                    false => this.line_up(cx),
                };
                if lined_up {
                    return Poll::Pending;
                }
            }
            Stage::Waiting(w) => match this.pick_up(w) {
                Some(Ok(given)) => return Poll::Ready(Ok(given)),
                Some(Err(alive)) => rest = Some(alive),
                None => {}
            },
            _ => {}
        }
        self.poll_on(cx, rest)
    }

    /// `rest`: what is good of something that was found dead in part.
    #[inline(never)]
    fn poll_on(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut rest: Option<W::Rest>,
    ) -> Poll<Result<W::Given, Error<M::Error>>> {
        let mut this = self.project();
        loop {
            let first = matches!(this.stage, Stage::Asking);
            let mut late = false;
            let stage = *this.stage;
            let mut look = match stage {
                Stage::Asking => this.ask(cx),
                // Whose time is up takes its last look at once.
                Stage::Waiting(w) if this.poll_timer(cx).is_ready() => {
                    late = true;
                    this.last_look(w)
                }
                Stage::Waiting(w) => this.collect(w, cx),
                Stage::Done => panic!("an acquire was polled after it had ended"),
            };
            // Only now: the caller's place is taken again, so nobody who is behind it gets the rest.
            if let Some(rest) = rest.take() {
                this.want.give_back(&(*this.pool).borrow().shell, rest);
            }
            if let (true, Look::Wait, Stage::Waiting(w)) = (first, &look, *this.stage) {
                if this.poll_timer(cx).is_ready() {
                    late = true;
                    look = this.last_look(w);
                }
            }
            let came = match look {
                Look::Got(taken) => Ok(taken),
                Look::Failed(error) => Err(error),
                Look::Wait => return Poll::Pending,
            };
            *this.stage = Stage::Done;
            let error = match came {
                Ok(taken) => {
                    match this.want.look_over(
                        &(*this.pool).borrow().shell,
                        taken,
                        first && !late,
                        *this.flags,
                    ) {
                        Ok(taken) => {
                            return Poll::Ready(Ok(this.succeed(taken)));
                        }
                        // Found dead without I/O: the caller keeps its place and its deadline (P-4, P-15).
                        Err(alive) if late => {
                            let shell = &(*this.pool).borrow().shell;
                            this.want.give_back(shell, alive);
                            let state = shell.lock();
                            let (status, last) = (state.status(), state.last_error.clone());
                            drop(state);
                            this.timed_out(status, last)
                        }
                        Err(alive) => {
                            rest = Some(alive);
                            *this.stage = Stage::Asking;
                            continue;
                        }
                    }
                }
                Err(error) => error,
            };
            return Poll::Ready(Err(fail(
                &(*this.pool).borrow().shell,
                *this.ticket,
                *this.span,
                error,
            )));
        }
    }
}

impl<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> WaitProj<'_, P, M, W> {
    /// The first look, and each one after a connection that turned out dead.
    fn ask(&mut self, cx: &mut Context<'_>) -> Look<M, W::Taken> {
        let shell = &(*self.pool).borrow().shell;
        let (level, location) = (*self.level, *self.location);
        let again = self.ticket.is_some();
        if !again {
            *self.flags = shell.watch.flags();
            if *self.flags & flags::HOOKED != 0 {
                let (patience, wanted) = (*self.patience, self.want.wanted());
                let refused = refused(shell, patience, |timeout| AcquireRequest {
                    priority: level,
                    location,
                    wanted,
                    shared: W::KIND == Kind::Shared,
                    timeout,
                });
                if let Some(refused) = refused {
                    let ticket = shell.run(|state| state.core.ticket());
                    *self.ticket = Some(ticket);
                    shell.tell_started(ticket, location);
                    return Look::Failed(refused);
                }
            }
        }
        // Where others wait there is hardly anything to hit, so the way through the queue begins at once; but whoever
        // wants nothing does not wait.
        let tries = again || !shell.is_crowded() || self.want.wanted() == 0;
        if tries || *self.flags & flags::OBSERVED != 0 {
            let look = CoreLook { again, untested: false };
            // The hit: nothing is read, cloned or made before it.
            let hit = shell.run(|state| {
                let ticket = *self.ticket.get_or_insert_with(|| state.core.ticket());
                self.want.hit(state, level, ticket, look, location)
            });
            if !again && *self.flags & flags::OBSERVED != 0 {
                shell.tell_started(self.ticket.expect("it was drawn above"), location);
            }
            if let Some(taken) = hit {
                return Look::Got(taken);
            }
        }
        let now = shell.env.now();
        let mut waker = Some(cx.waker().clone());
        // More than a number of slots can say is more than any pool has.
        let wanted = u32::try_from(self.want.wanted()).unwrap_or(u32::MAX);
        let asked = shell.run(|state| {
            let ticket = *self.ticket.get_or_insert_with(|| state.core.ticket());
            let request = Request { level, ticket, wanted, kind: W::KIND };
            match state.core.acquire(request, again, now) {
                Acquired::Hit(key) => Asked::Got(self.want.take(state, key, location)),
                Acquired::Refused(refusal) => Asked::Refused(state.refused(refusal)),
                Acquired::Queued(w) => {
                    // The orders are fetched after this: a grant in the same turn finds the waker.
                    state.desk(w).waker = waker.take();
                    if self.span.is_none() {
                        // Noted before the orders, so it is told before the connect that it may cause.
                        let subject = Subject::Acquire(ticket);
                        state.note(&shell.watch, subject, EventKind::AcquireQueued);
                    }
                    shell.set_crowded(state);
                    let options = state.core.options();
                    let (timeout, slow) = (options.acquire_timeout, options.slow_acquire);
                    Asked::Queued(w, timeout, slow, state.timers.pop())
                }
            }
        });
        match asked {
            Asked::Got(taken) => Look::Got(taken),
            Asked::Refused(refused) => Look::Failed(refused.into_error(&shell.name)),
            Asked::Queued(w, acquire_timeout, slow, left) => {
                *self.stage = Stage::Waiting(w);
                if self.span.is_none() {
                    let deadline = match *self.patience {
                        Patience::Until(deadline) => deadline,
                        Patience::For(timeout) => now + timeout.get(),
                        Patience::Default => now + acquire_timeout.get(),
                    };
                    let stands_for = shell.sample.draw();
                    *self.span =
                        Some(Span { since: now, deadline, slow: now + slow.get(), stands_for });
                    let ticket = self.ticket.expect("it was drawn above");
                    *self.traced = WaitSpan::begin(&shell.watch, &shell.name, ticket);
                }
                self.arm(left);
                Look::Wait
            }
        }
    }

    /// A look from the queue: something was granted, or the waker may be another one.
    fn collect(&mut self, w: u32, cx: &mut Context<'_>) -> Look<M, W::Taken> {
        let location = *self.location;
        let shell = &(*self.pool).borrow().shell;
        // Cloned before and dropped after the lock: wakers are somebody else's code.
        let mut fresh: Option<Waker> = None;
        loop {
            let mut replaced = None;
            let came = shell.run(|state| match state.core.collect(w) {
                Collected::Granted(key) => Came::Got(self.want.take(state, key, location)),
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
                Came::Got(taken) => Look::Got(taken),
                Came::Failed(refused) => Look::Failed(refused.into_error(&shell.name)),
                Came::Wait => Look::Wait,
                Came::NeedsWaker => {
                    fresh = Some(cx.waker().clone());
                    continue;
                }
            };
        }
    }

    /// The deadline has passed: takes what came at the same moment, else leaves the queue, and says with what counts.
    fn last_look(&mut self, w: u32) -> Look<M, W::Taken> {
        let location = *self.location;
        let shell = &(*self.pool).borrow().shell;
        let (mut waker, mut left) = (None, None);
        let came = shell.run(|state| match state.core.collect(w) {
            Collected::Granted(key) => Came::Got(self.want.take(state, key, location)),
            Collected::Failed(failure) => Came::Failed(state.failed(w, failure)),
            Collected::Waiting => {
                waker = state.desk(w).waker.take();
                state.core.cancel(w, true);
                left = Some((state.status(), state.last_error.clone()));
                Came::Wait
            }
        });
        drop(waker);
        match (came, left) {
            (Came::Got(taken), _) => Look::Got(taken),
            (Came::Failed(refused), _) => Look::Failed(refused.into_error(&shell.name)),
            (_, Some((status, last))) => Look::Failed(self.timed_out(status, last)),
            (_, None) => Look::Wait,
        }
    }

    /// Whoever waits has a timer, if there is a deadline. One that another wait left may be used for it.
    fn arm(&mut self, left: Option<Timer>) {
        let deadline = self.span.expect("who waits has a span").deadline;
        if self.timer.is_none() && deadline != Time::NEVER {
            *self.timer = Some((*self.pool).borrow().shell.timer(left, deadline));
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.poll(cx))
    }

    fn timed_out(
        &self,
        status: Status,
        last: Option<Arc<ConnectError<M::Error>>>,
    ) -> Error<M::Error> {
        let shell = &(*self.pool).borrow().shell;
        let since = self.span.expect("who waits has a span").since;
        let waited = shell.env.now().since(since);
        Error::Timeout { pool: Arc::clone(&shell.name), waited, status: Box::new(status), last }
    }

    fn succeed(&self, taken: W::Taken) -> W::Given {
        let shell = &(*self.pool).borrow().shell;
        // Whoever waited looks again who looks on; a hit has just looked.
        if self.span.is_some() || *self.flags & flags::OBSERVED != 0 {
            let (id, wanted) = (self.want.id(&taken), self.want.wanted());
            tell_got(shell, *self.ticket, *self.span, id, wanted);
        }
        self.want.give(shell, taken, *self.flags)
    }
}

/// How a first look ended.
enum Asked<M: Manager, T> {
    Got(T),
    Refused(Refused<M>),
    /// With the timeouts as they are set, and a timer that was left.
    Queued(u32, Timeout, Timeout, Option<Timer>),
}

/// How a look from the queue ended.
enum Came<M: Manager, T> {
    Got(T),
    Failed(Refused<M>),
    Wait,
    /// The caller polls with another waker: clone it, outside the lock, and look again.
    NeedsWaker,
}
