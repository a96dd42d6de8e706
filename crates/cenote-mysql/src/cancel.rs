//! Cancels, and the fence around them (P-16). A cancel goes to the server on a connection of its own, as `KILL QUERY`, and
//! names a session, not a request: one that comes late hits whatever the session does then. So a [`Canceller`] belongs to
//! one loan, and a connection is not lent again while a cancel for it is under way. No manual says that a server forgets
//! one that comes when nothing runs (MariaDB 10.11 does), so after any cancel the connection makes round trips of its own
//! until nothing hits them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use crate::connect::Side;
use crate::error::MysqlError;

/// Stops, from anywhere, what a borrower's connection does at the moment;
/// [`canceller`](crate::MysqlConnection::canceller) makes it.
///
/// It belongs to the loan that it was made in: when the connection has been given back, it does nothing. The request
/// that is stopped fails with the server's error 1317.
#[derive(Clone)]
pub struct Canceller {
    fence: Weak<Fence>,
    side: Side,
    loan: u64,
}

impl Canceller {
    pub(crate) fn new(fence: &Arc<Fence>, side: Side) -> Canceller {
        Canceller { loan: fence.open(), fence: Arc::downgrade(fence), side }
    }

    /// Asks the server to stop what the connection does. Returns whether it was asked: false if the loan is over, or the
    /// connection is.
    ///
    /// If this future is dropped, nobody knows whether the server was asked, and the connection is closed when it is
    /// given back.
    ///
    /// # Errors
    /// [`MysqlError::Connect`] if the server cannot be asked; then the connection is closed when it is given back, too.
    pub async fn cancel(&self) -> Result<bool, MysqlError> {
        let Some(fence) = self.fence.upgrade() else { return Ok(false) };
        let Some(mut under_way) = fence.enter(self.loan) else { return Ok(false) };
        let asked = self.side.stop_query().await?;
        under_way.known = true;
        Ok(asked)
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").field("loan", &self.loan).finish_non_exhaustive()
    }
}

/// Knows the loans of a connection, and the cancels of this one.
#[derive(Default)]
pub(crate) struct Fence {
    /// Somebody made a canceller in this loan.
    opened: AtomicBool,
    state: Mutex<State>,
    over: Notify,
}

#[derive(Default)]
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
pub(crate) enum Cancels {
    /// There was none.
    None,
    /// There was one, or there is; all of them will be known to be over.
    Some,
    /// One may come at any time.
    Unknown,
}

impl Fence {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in there can panic halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> u64 {
        self.opened.store(true, Ordering::Release);
        self.state().loan
    }

    fn enter(&self, loan: u64) -> Option<UnderWay<'_>> {
        let mut state = self.state();
        if state.loan != loan {
            return None;
        }
        state.under_way += 1;
        state.any = true;
        Some(UnderWay { fence: self, known: false })
    }

    /// The loan is over: no cancel begins any more.
    pub(crate) fn end_loan(&self) -> Cancels {
        // A canceller is made by the borrower, who has finished.
        if !self.opened.swap(false, Ordering::AcqRel) {
            return Cancels::None;
        }
        let mut state = self.state();
        state.loan += 1;
        match *state {
            State { unknown: true, .. } => Cancels::Unknown,
            State { any: true, .. } => Cancels::Some,
            _ => Cancels::None,
        }
    }

    /// Waits until no cancel is under way. Returns whether there was any; none if one may still come.
    pub(crate) async fn wait(&self) -> Option<bool> {
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

struct UnderWay<'a> {
    fence: &'a Fence,
    known: bool,
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
        let mut one = fence.enter(fence.open()).unwrap();
        let mut other = fence.enter(0).unwrap();
        assert_eq!(fence.end_loan(), Cancels::Some);
        let mut cx = Context::from_waker(Waker::noop());
        let mut wait = pin!(fence.wait());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        one.known = true;
        drop(one);
        assert!(wait.as_mut().poll(&mut cx).is_pending(), "the other is under way");
        other.known = true;
        drop(other);
        assert_eq!(wait.as_mut().poll(&mut cx), Poll::Ready(Some(true)));
        assert_eq!(pin!(fence.wait()).poll(&mut cx), Poll::Ready(Some(false)), "it was told");
    }

    // P-16
    #[test]
    fn a_cancel_that_is_over_is_remembered_until_the_loan_is() {
        let fence = Fence::default();
        fence.enter(fence.open()).unwrap().known = true;
        assert_eq!(fence.end_loan(), Cancels::Some);
    }

    // P-16
    #[test]
    fn a_cancel_that_was_dropped_may_still_come() {
        let fence = Fence::default();
        drop(fence.enter(fence.open()).unwrap());
        assert_eq!(fence.end_loan(), Cancels::Unknown);
    }
}
