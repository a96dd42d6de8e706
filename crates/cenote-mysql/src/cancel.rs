//! Cancels, behind their [`Fence`] (P-16). A cancel goes to the server on a connection of its own, as `KILL QUERY`, and
//! names a session, not a request: one that comes late hits whatever the session does then. So a [`Canceller`] belongs to
//! one loan, and a connection is not lent again while a cancel for it is under way. No manual says that a server forgets
//! one that comes when nothing runs (MariaDB 10.11 does), so after any cancel the connection makes round trips of its own
//! until nothing hits them.

use std::sync::{Arc, Weak};

use cenote_driver::Fence;

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
        let Some(under_way) = fence.enter(self.loan) else { return Ok(false) };
        let asked = self.side.stop_query().await?;
        under_way.done();
        Ok(asked)
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").field("loan", &self.loan).finish_non_exhaustive()
    }
}
