//! The upkeep: one task of each pool that carries out what time asks for. It wakes when the core says so:
//! about every 100 ms while connections come and go, once per `upkeep_interval` while the pool rests, and
//! not at all while it is empty. It is also how the pool learns that its runtime was shut down: then the
//! task is dropped before its end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use crate::core::Core;
use crate::env::Task;
use crate::manager::Manager;
use crate::shell::Shell;
use crate::stats::{CloseReason, State};
use crate::time::Time;

struct Upkeep<M: Manager> {
    shell: Arc<Shell<M>>,
    ended: bool,
}

/// The pool's upkeep task.
pub(crate) fn task<M: Manager>(shell: Arc<Shell<M>>) -> Task {
    let upkeep = Upkeep { shell, ended: false };
    Box::pin(async move {
        let mut upkeep = upkeep;
        loop {
            let shell = &upkeep.shell;
            let next = shell.look_after();
            if shell.needs_no_upkeep() {
                upkeep.ended = true;
                return;
            }
            let mut sleep = pin!(shell.env.sleep_until(next));
            let mut heard = pin!(shell.upkeep.heard());
            poll_fn(|cx| match heard.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => sleep.as_mut().poll(cx),
            })
            .await;
        }
    })
}

impl<M: Manager> Shell<M> {
    /// Does what is due; returns when to look again.
    fn look_after(self: &Arc<Self>) -> Time {
        let now = self.env.now();
        self.sample.begin();
        let (next, sweep, leak_after) = self.run(|state| {
            state.overrun(&self.lane, now);
            let leak_after = state.core.options().leak_after;
            (state.core.upkeep(now), state.core.sweep_is_due(now), leak_after)
        });
        self.find_leaks(leak_after, now);
        if sweep {
            self.sweep(None, |entry| {
                let dead = self.is_dead(&entry.conn);
                dead.then_some(CloseReason::Died)
            });
        }
        next
    }

    fn needs_no_upkeep(&self) -> bool {
        if self.orphaned.load(Ordering::Acquire) {
            return true;
        }
        let state = self.lock();
        state.core.status().state == State::Closed && state.core.is_settled()
    }
}

impl<M: Manager> Drop for Upkeep<M> {
    fn drop(&mut self) {
        if !self.ended {
            let now = self.shell.env.now();
            self.shell.run(|state| {
                state.change(&self.shell.watch, Core::runtime_gone);
                state.overrun(&self.shell.lane, now);
            });
        }
    }
}
