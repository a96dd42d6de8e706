//! The wait's short ways: where others wait already, a caller lines up and later picks up what it got, each in one turn.

use std::borrow::Borrow;
use std::pin::Pin;
use std::task::{Context, Waker};

use super::super::outcome::{Patience, Span, tell_got};
use super::super::want::Want;
use super::{Stage, Wait, WaitProj};
use crate::manager::Manager;
use crate::observe::flags;
use crate::pool::Pool;
use crate::shell::Shell;
use crate::time::Time;

impl<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> WaitProj<'_, P, M, W> {
    /// Goes to the end of the queue, if that is all there is to do: others wait, nobody looks on, and no timer is
    /// needed. Says whether it did.
    #[inline(always)]
    pub(super) fn line_up(self, cx: &mut Context<'_>) -> bool {
        let shell = &(*self.pool).borrow().shell;
        if !is_plain(shell, *self.patience) {
            return false;
        }
        let Ok(wanted) = u32::try_from(self.want.wanted()) else { return false };
        let level = *self.level;
        let stands_for = shell.sample.draw();
        let now = (stands_for > 0).then(|| shell.env.now());
        let waker = cx.waker().clone();
        let lined_up = shell.turn(|state| {
            let place = state.line_up(level, wanted, W::KIND, now, waker)?;
            if !shell.is_crowded() {
                shell.set_crowded(state);
            }
            Ok::<_, Waker>((place, state.core.clock()))
        });
        let Ok(((ticket, w), since)) = lined_up else { return false };
        *self.ticket = Some(ticket);
        *self.stage = Stage::Waiting(w);
        // A wait that is not measured began when the pool's clock says, as far as somebody asks.
        let never = Time::NEVER;
        *self.span = Some(Span { since, deadline: never, slow: never, stands_for });
        true
    }

    /// Takes what was granted, if something was. What is left of it, if that turns out dead, is the error.
    #[inline(always)]
    pub(super) fn pick_up(self, w: u32) -> Option<Result<W::Given, W::Rest>> {
        let location = *self.location;
        // If nothing was granted the long way polls it again.
        if let Some(timer) = self.timer {
            timer.hush();
        }
        let (taken, clock) = (*self.pool).borrow().shell.turn(|state| {
            let key = state.core.collect_grant(w)?;
            if self.timer.is_some() {
                state.leave_timer(self.timer);
            }
            let taken = self.want.take(state, key, location);
            if !state.core.has_waiters() {
                state.maybe_open_lane(&(*self.pool).borrow().shell);
            }
            Some((taken, state.core.clock()))
        })?;
        // It stays so if what was taken turns out dead.
        *self.stage = Stage::Asking;
        let shell = &(*self.pool).borrow().shell;
        let taken = match self.want.look_over(shell, taken, false, *self.flags) {
            Ok(taken) => taken,
            Err(rest) => return Some(Err(rest)),
        };
        *self.stage = Stage::Done;
        let usual = self.span.is_some_and(|span| span.is_of_no_interest(clock));
        if !usual || shell.watch.flags() & flags::OBSERVED != 0 {
            let (id, wanted) = (self.want.id(&taken), self.want.wanted());
            tell_got(shell, *self.ticket, *self.span, id, wanted);
        }
        Some(Ok(self.want.give(shell, taken, *self.flags)))
    }
}

impl<P: Borrow<Pool<M>>, M: Manager, W: Want<M>> Wait<P, M, W> {
    /// As `line_up`, for a wait that has a deadline, or is to be reported when it is slow.
    #[inline(never)]
    pub(super) fn line_up_timed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut this = self.project();
        let shell = &(*this.pool).borrow().shell;
        if !is_plain(shell, *this.patience) {
            return false;
        }
        let Ok(wanted) = u32::try_from(this.want.wanted()) else { return false };
        let level = *this.level;
        let stands_for = shell.sample.draw();
        let now = shell.env.now();
        let waker = cx.waker().clone();
        let lined_up = shell.turn(|state| {
            let (ticket, w) = state.line_up(level, wanted, W::KIND, Some(now), waker)?;
            if !shell.is_crowded() {
                shell.set_crowded(state);
            }
            let options = state.core.options();
            let (timeout, slow) = (options.acquire_timeout.get(), options.slow_acquire.get());
            Ok::<_, Waker>((ticket, w, now + timeout, now + slow, state.timers.pop()))
        });
        let Ok((ticket, w, deadline, slow, left)) = lined_up else { return false };
        *this.ticket = Some(ticket);
        *this.stage = Stage::Waiting(w);
        *this.span = Some(Span { since: now, deadline, slow, stands_for });
        this.arm(left);
        // One that has ended already is polled again by the long way, which takes the last look.
        this.poll_timer(cx).is_pending()
    }
}

/// Others wait, nobody looks on, and the caller wants nothing of its own.
#[inline(always)]
fn is_plain<M: Manager>(shell: &Shell<M>, patience: Patience) -> bool {
    shell.is_crowded() && matches!(patience, Patience::Default) && shell.watch.flags() == 0
}
