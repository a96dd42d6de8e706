//! The timers of waits. A wait that got what it wanted leaves its timer to the next one, armed as it is: putting off a timer
//! is one atomic exchange, making one anew and taking it away are two turns under the runtime's lock for all timers,
//! and an allocation. Each wait has a timer to itself while it waits (P-3).

use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Locked, Shell};
use crate::env::Sleep;
use crate::manager::Manager;
use crate::time::Time;

/// The most that are kept. A crowd that ends together leaves no more behind.
const MOST: usize = 64;

/// The timer of one wait.
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// Some futures must not be polled after their end.
    has_ended: bool,
}

impl Timer {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.has_ended = self.has_ended || self.sleep.as_mut().poll(cx).is_ready();
        if self.has_ended { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Before it is left: a task that has what it wanted is neither woken by it nor kept alive. One that is not left
    /// after all must be polled again.
    pub(crate) fn hush(&mut self) {
        self.has_ended = self.has_ended || self.sleep.as_mut().hush().is_ready();
    }
}

impl<M: Manager> Shell<M> {
    /// A timer that ends at this time: the one that was left, if it can be set anew.
    pub(crate) fn timer(&self, left: Option<Timer>, at: Time) -> Timer {
        if let Some(mut timer) = left {
            if self.env.rearm(timer.sleep.as_mut(), at) {
                timer.has_ended = false;
                return timer;
            }
        }
        Timer { sleep: Box::pin(self.env.sleep_until(at)), has_ended: false }
    }
}

impl<M: Manager> Locked<M> {
    /// Leaves a timer to the next wait, if it can be of use there and there are not many already; else it stays.
    #[inline(never)]
    pub(crate) fn leave_timer(&mut self, timer: &mut Option<Timer>) {
        let is_of_use = |timer: &mut Timer| timer.sleep.can_be_rearmed();
        if self.timers.len() < MOST {
            if let Some(timer) = timer.take_if(is_of_use) {
                self.timers.push(timer);
            }
        }
    }
}
