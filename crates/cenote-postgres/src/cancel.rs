//! Cancels, and the fence around them (P-16). A cancel goes to the server on a connection of its own and names a
//! session, not a request: one that comes late hits whatever the session does then. So a [`Canceller`] belongs to one
//! loan, and a connection is not lent again while a cancel for it is under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use crate::connect;
use crate::error::PostgresError;
use crate::plan::Plan;
use crate::session::Session;

/// Stops, from anywhere, what a borrower's connection does at the moment;
/// [`canceller`](crate::PostgresConnection::canceller) makes it.
///
/// It belongs to the loan that it was made in: when the connection has been given back, it does nothing. The request
/// that is stopped fails with SQLSTATE 57014.
#[derive(Clone)]
pub struct Canceller {
    session: Weak<Session>,
    plan: Arc<Plan>,
    loan: u64,
}

impl Canceller {
    pub(crate) fn new(session: &Arc<Session>, plan: &Arc<Plan>) -> Canceller {
        let loan = session.fence.open();
        Canceller { session: Arc::downgrade(session), plan: Arc::clone(plan), loan }
    }

    /// Asks the server to stop what the connection does. Returns whether it was asked: false if the loan is over.
    ///
    /// If this future is dropped, nobody knows whether the server was asked, and the connection is closed when it is
    /// given back.
    ///
    /// # Errors
    /// [`PostgresError::Connect`] if the server cannot be asked.
    pub async fn cancel(&self) -> Result<bool, PostgresError> {
        let Some(session) = self.session.upgrade() else { return Ok(false) };
        let Some(mut under_way) = session.fence.enter(self.loan) else { return Ok(false) };
        connect::cancel(&self.plan, &session).await?;
        under_way.known = true;
        Ok(true)
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").field("loan", &self.loan).finish_non_exhaustive()
    }
}

/// Knows the loans of a connection, and the cancels that are under way in this one.
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
    under_way: u32,
    /// A cancel may still come.
    unknown: bool,
}

/// What is known of cancels when a loan ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancels {
    /// There is none.
    None,
    /// One is under way, and will be known to be over.
    UnderWay,
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
            State { under_way: 0, .. } => Cancels::None,
            _ => Cancels::UnderWay,
        }
    }

    /// Waits until no cancel is under way. Returns whether all are known to be over.
    pub(crate) async fn wait(&self) -> bool {
        loop {
            let over = self.over.notified();
            let mut over = std::pin::pin!(over);
            // Before looking, so that no notice is missed.
            over.as_mut().enable();
            match *self.state() {
                State { unknown: true, .. } => return false,
                State { under_way: 0, .. } => return true,
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
    use std::task::{Context, Waker};

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
        assert_eq!(fence.end_loan(), Cancels::UnderWay);
        let mut cx = Context::from_waker(Waker::noop());
        let mut wait = pin!(fence.wait());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        one.known = true;
        drop(one);
        assert!(wait.as_mut().poll(&mut cx).is_pending(), "the other is under way");
        other.known = true;
        drop(other);
        assert!(wait.as_mut().poll(&mut cx).is_ready());
    }

    // P-16
    #[test]
    fn a_cancel_that_was_dropped_may_still_come() {
        let fence = Fence::default();
        drop(fence.enter(fence.open()).unwrap());
        assert_eq!(fence.end_loan(), Cancels::Unknown);
    }
}
