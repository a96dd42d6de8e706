//! `Mysql` as the pool sees it: how connections are made and tested, and what becomes of a used one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cenote::{Ended, Fate, Fault, Manager, Options};
use cenote_driver::Cancels;

use crate::connect;
use crate::connection::MysqlConnection;
use crate::error::MysqlError;
use crate::mysql::Mysql;
use crate::plan::Reset;
use crate::session::Open;
use crate::transaction::Inside;

/// The number of the error of a statement that was stopped.
const INTERRUPTED: u16 = 1317;
/// How many round trips a cancel that came late may hit.
const HITS: usize = 3;

impl Manager for Mysql {
    type Connection = MysqlConnection;
    type Error = MysqlError;

    async fn connect(&self) -> Result<MysqlConnection, MysqlError> {
        connect::connect(&self.plan).await
    }

    /// One `COM_PING`, which the server answers without looking at anything.
    async fn check(&self, conn: &mut MysqlConnection) -> Result<(), MysqlError> {
        conn.ping().await
    }

    async fn reset(&self, conn: &mut MysqlConnection) -> Result<(), MysqlError> {
        let place = Arc::clone(conn.place());
        let closed = || MysqlError::Closed { place: Arc::clone(&place), abandoned: false };
        match conn.fence.wait().await {
            None => return Err(closed()),
            Some(false) => {}
            Some(true) => outlive_cancels(conn).await?,
        }
        if conn.is_unknown() && !conn.is_in_step().await? {
            return Err(closed());
        }
        match self.plan.reset {
            Reset::Full => conn.reset().await?,
            Reset::Rollback if conn.open() != Open::No || conn.owes_rollback => {
                conn.roll_back().await?;
            }
            Reset::None if conn.owes_rollback => conn.roll_back().await?,
            Reset::Rollback | Reset::None => {}
        }
        if self.plan.reset != Reset::None && conn.open() != Open::No {
            return Err(closed());
        }
        conn.is_clean_now();
        Ok(())
    }

    /// Says goodbye, or has the server end a session that is at work for nobody.
    async fn close(&self, conn: MysqlConnection) -> Result<(), MysqlError> {
        conn.close().await
    }

    /// Only what was seen while somebody asked. A look at the socket would tell of an end while it rests, without a round
    /// trip; but mysql_async 0.37 opens its socket itself, reads from it during a request only, shows it to nobody, and
    /// keeps its own look at it for its own pool. So `check` finds such an end (P-19).
    fn is_closed(&self, conn: &MysqlConnection) -> bool {
        conn.is_broken()
    }

    /// The server says at the end of each answer whether a transaction is open, and each request is followed to its
    /// end; so a connection that is clean is known to be, and nothing is asked.
    fn released(&self, conn: &mut MysqlConnection, how: Ended) -> Fate {
        let cancels = conn.fence.end_loan();
        // A transaction whose future was forgotten, and not dropped.
        conn.inside = Inside::No;
        match how {
            Ended::Returned | Ended::Failed(Fault::Query | Fault::Timeout | Fault::Overload) => {}
            // A closure that was dropped between two requests has left nothing behind that is not seen.
            Ended::Cancelled => {}
            _ => return Fate::Close,
        }
        if conn.is_adrift() || cancels == Cancels::Unknown {
            return Fate::Close;
        }
        if cancels != Cancels::None || conn.is_unknown() || conn.owes_rollback {
            return Fate::Reset;
        }
        match self.plan.reset {
            Reset::None => Fate::Keep,
            Reset::Rollback if conn.open() == Open::No => Fate::Keep,
            Reset::Rollback => Fate::Reset,
            Reset::Full if conn.is_used() => Fate::Reset,
            Reset::Full => Fate::Keep,
        }
    }

    fn in_transaction(&self, conn: &MysqlConnection) -> Option<Arc<AtomicBool>> {
        Some(Arc::clone(conn.idles_in_transaction()))
    }

    fn classify(&self, error: &MysqlError) -> Fault {
        error.fault()
    }

    /// A server that restarts is looked for once a second at least. What the URL says about the pool comes last.
    fn defaults(&self, mut options: Options) -> Options {
        options.backoff_max = Duration::from_secs(1);
        self.plan.pool.apply(&mut options);
        options
    }
}

/// A cancel that found nothing to stop may be kept for the next statement: that is one of ours.
async fn outlive_cancels(conn: &mut MysqlConnection) -> Result<(), MysqlError> {
    for _ in 0..HITS {
        match conn.is_in_step().await {
            Ok(true) => return Ok(()),
            Ok(false) => break,
            Err(error) if error.code() == Some(INTERRUPTED) => {}
            Err(error) => return Err(error),
        }
    }
    Err(MysqlError::Closed { place: Arc::clone(conn.place()), abandoned: false })
}
