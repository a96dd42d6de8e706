//! `Sqlite` as the pool sees it: how connections are made, what becomes of a used one, and the defaults
//! that fit a file in the same machine.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cenote::{Ended, Fate, Fault, FreeSlot, Manager, Options, TestOnAcquire, Timeout};

use crate::connection::SqliteConnection;
use crate::error::SqliteError;
use crate::sqlite::Sqlite;

/// What opening may take beyond waiting for locks.
const OPENING: Duration = Duration::from_secs(5);

impl Manager for Sqlite {
    type Connection = SqliteConnection;
    type Error = SqliteError;

    async fn connect(&self) -> Result<SqliteConnection, SqliteError> {
        SqliteConnection::open(Arc::clone(&self.plan)).await
    }

    async fn check(&self, conn: &mut SqliteConnection) -> Result<(), SqliteError> {
        conn.call(|db| db.query_row("SELECT 1", [], |_| Ok(()))).await
    }

    /// Calls run in order, so this one waits for the one that was abandoned.
    async fn reset(&self, conn: &mut SqliteConnection) -> Result<(), SqliteError> {
        conn.call(|db| if db.is_autocommit() { Ok(()) } else { db.execute_batch("ROLLBACK") }).await
    }

    async fn close(&self, conn: SqliteConnection) -> Result<(), SqliteError> {
        conn.close().await
    }

    fn is_closed(&self, conn: &SqliteConnection) -> bool {
        conn.is_broken()
    }

    /// What the connection is doing is known, so a cancelled use does not cost it: a call that still
    /// runs is interrupted and waited for, a transaction is rolled back.
    fn released(&self, conn: &mut SqliteConnection, how: Ended) -> Fate {
        let runs = conn.abandon();
        match how {
            Ended::Returned
            | Ended::Cancelled
            | Ended::Failed(Fault::Query | Fault::Timeout | Fault::Overload) => {
                if runs || conn.in_transaction() { Fate::Reset } else { Fate::Keep }
            }
            _ => Fate::Close,
        }
    }

    fn in_transaction(&self, conn: &SqliteConnection) -> Option<Arc<AtomicBool>> {
        Some(Arc::clone(conn.idles_in_transaction()))
    }

    fn classify(&self, error: &SqliteError) -> Fault {
        error.fault()
    }

    /// A connection counts until its thread is done with it: an endless call keeps its slot, and only
    /// its caller's wait ends. There is no network, so nothing is tested before lending. What the URL says
    /// about the pool comes last.
    fn defaults(&self, mut options: Options) -> Options {
        options.reset_timeout = Timeout::Never;
        options.close_timeout = Timeout::Never;
        options.free_slot = FreeSlot::WhenClosed;
        options.test_on_acquire = TestOnAcquire::Never;
        // So that a locked file says so, instead of "no answer".
        options.connect_timeout = self.plan.busy_timeout.saturating_add(OPENING).into();
        self.plan.pool.apply(&mut options);
        options
    }
}
