//! The fence around cancels (P-16). A cancel goes to the server by another way than the connection and names a session,
//! not a request: one that comes late hits whatever the session does then. So who cancels does it inside one loan, and a
//! connection is not lent again while a cancel for it is under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Knows the loans of a connection, and the cancels of this one.
///
/// ```
/// use cenote_driver::{Cancels, Fence};
///
/// let fence = Fence::default();
/// let loan = fence.open();
/// let under_way = fence.enter(loan).expect("the loan goes on");
/// assert_eq!(fence.end_loan(), Cancels::UnderWay);
/// under_way.done();
/// assert!(fence.enter(loan).is_none(), "it is over");
/// ```
#[derive(Debug, Default)]
pub struct Fence {
    /// Somebody made a canceller in this loan.
    opened: AtomicBool,
    state: Mutex<State>,
    over: Notify,
}

#[derive(Debug, Default)]
struct State {
    loan: u64,
    /// There was one in this loan, or one that is not over.
    any: bool,
    under_way: u32,
    /// One may still come.
    unknown: bool,
}

/// What is known of cancels when a loan ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancels {
    /// There was none.
    None,
    /// There was one; all of them are over.
    Over,
    /// There is one; all of them will be known to be over.
    UnderWay,
    /// One may come at any time.
    Unknown,
}

impl Fence {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in there can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present loan, for somebody who may cancel in it.
    pub fn open(&self) -> u64 {
        self.opened.store(true, Ordering::Release);
        self.state().loan
    }

    /// A cancel begins; none if that loan is over.
    pub fn enter(&self, loan: u64) -> Option<UnderWay<'_>> {
        let mut state = self.state();
        if state.loan != loan {
            return None;
        }
        state.under_way += 1;
        state.any = true;
        Some(UnderWay { fence: self, known: false })
    }

    /// The loan is over: no cancel begins any more.
    pub fn end_loan(&self) -> Cancels {
        // A canceller is made by the borrower, who has finished.
        if !self.opened.swap(false, Ordering::AcqRel) {
            return Cancels::None;
        }
        let mut state = self.state();
        state.loan += 1;
        match *state {
            State { unknown: true, .. } => Cancels::Unknown,
            State { any: false, .. } => Cancels::None,
            State { under_way: 0, .. } => Cancels::Over,
            _ => Cancels::UnderWay,
        }
    }

    /// Waits until no cancel is under way. Returns whether there was any since the last wait; none if one may still come.
    pub async fn wait(&self) -> Option<bool> {
        loop {
            let over = self.over.notified();
            let mut over = std::pin::pin!(over);
            // Before looking, so that no notice is missed.
            over.as_mut().enable();
            match &mut *self.state() {
                State { unknown: true, .. } => return None,
                State { under_way: 0, any, .. } => return Some(std::mem::take(any)),
                _ => {}
            }
            over.await;
        }
    }
}

/// A cancel that is under way. Dropped, it may come at any time.
#[derive(Debug)]
pub struct UnderWay<'a> {
    fence: &'a Fence,
    known: bool,
}

impl UnderWay<'_> {
    /// It is over: whatever comes of it has come.
    pub fn done(mut self) {
        self.known = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.fence.state();
        state.under_way -= 1;
        state.unknown |= !self.known;
        drop(state);
        self.fence.over.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    // P-16
    #[test]
    fn a_canceller_of_an_earlier_loan_does_nothing() {
        let fence = Fence::default();
        let loan = fence.open();
        assert_eq!(fence.end_loan(), Cancels::None);
        assert!(fence.enter(loan).is_none());
        let next = fence.open();
        assert!(next != loan && fence.enter(next).is_some());
    }

    // P-16
    #[test]
    fn a_loan_that_ends_during_a_cancel_waits_for_it() {
        let fence = Fence::default();
        let one = fence.enter(fence.open()).unwrap();
        let other = fence.enter(0).unwrap();
        assert_eq!(fence.end_loan(), Cancels::UnderWay);
        let mut cx = Context::from_waker(Waker::noop());
        let mut wait = pin!(fence.wait());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        one.done();
        assert!(wait.as_mut().poll(&mut cx).is_pending(), "the other is under way");
        other.done();
        assert_eq!(wait.as_mut().poll(&mut cx), Poll::Ready(Some(true)));
        assert_eq!(pin!(fence.wait()).poll(&mut cx), Poll::Ready(Some(false)), "it was told");
    }

    // P-16
    #[test]
    fn a_cancel_that_is_over_is_remembered_until_the_loan_is() {
        let fence = Fence::default();
        fence.enter(fence.open()).unwrap().done();
        assert_eq!(fence.end_loan(), Cancels::Over);
    }

    // P-16
    #[test]
    fn a_cancel_that_was_dropped_may_still_come() {
        let fence = Fence::default();
        drop(fence.enter(fence.open()).unwrap());
        assert_eq!(fence.end_loan(), Cancels::Unknown);
    }
}
