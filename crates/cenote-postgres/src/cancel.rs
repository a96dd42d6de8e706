//! Cancels, behind their [`Fence`](cenote_driver::Fence) (P-16). A cancel goes to the server on a connection of its own and names a
//! session, not a request: one that comes late hits whatever the session does then. So a [`Canceller`] belongs to one
//! loan, and a connection is not lent again while a cancel for it is under way.

use std::sync::{Arc, Weak};

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
        let Some(under_way) = session.fence.enter(self.loan) else { return Ok(false) };
        connect::cancel(&self.plan, &session).await?;
        under_way.done();
        Ok(true)
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").field("loan", &self.loan).finish_non_exhaustive()
    }
}
