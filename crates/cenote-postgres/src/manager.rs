//! `Postgres` as the pool sees it: how connections are made and tested, and what becomes of a used one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cenote::{Ended, Fate, Fault, Manager, Options, Share};
use cenote_driver::Cancels;
use tokio::time::timeout;

use crate::connect;
use crate::connection::{PostgresConnection, PostgresHandle};
use crate::error::PostgresError;
use crate::plan::{OnCancel, Reset};
use crate::postgres::Postgres;
use crate::session::Session;
use crate::wire::Block;

/// How long what was abandoned may take to end by itself before the server is asked to stop it.
const BY_ITSELF: Duration = Duration::from_millis(5);

/// What `DISCARD ALL` does, but for the prepared statements: the driver below keeps some of its own, and would not
/// know that they are gone.
const DISCARD: &str = "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; \
    SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP";

impl Manager for Postgres {
    type Connection = PostgresConnection;
    type Error = PostgresError;

    async fn connect(&self) -> Result<PostgresConnection, PostgresError> {
        connect::connect(&self.plan).await
    }

    /// One `Sync`, which the server answers without looking at anything.
    async fn check(&self, conn: &mut PostgresConnection) -> Result<(), PostgresError> {
        round_trip(conn.session()).await
    }

    async fn reset(&self, conn: &mut PostgresConnection) -> Result<(), PostgresError> {
        let session = conn.session();
        if session.fence.wait().await.is_none() {
            return Err(closed(session));
        }
        if session.is_adrift() {
            self.stop(session).await?;
        } else if session.wire().is_owed() {
            round_trip(session).await?;
        }
        let open = session.wire().block() != Block::None;
        match self.plan.reset {
            Reset::None => {}
            Reset::Rollback if open => send(session, "ROLLBACK").await?,
            Reset::Rollback => {}
            Reset::DiscardAll => {
                if open {
                    send(session, "ROLLBACK").await?;
                }
                send(session, DISCARD).await?;
            }
        }
        if self.plan.reset != Reset::None && session.wire().block() != Block::None {
            return Err(closed(session));
        }
        session.is_clean_now();
        Ok(())
    }

    /// Ends when the server has closed the connection, so that its count is never above the pool's where closing
    /// connections count.
    async fn close(&self, conn: PostgresConnection) -> Result<(), PostgresError> {
        conn.close(&self.plan).await
    }

    fn is_closed(&self, conn: &PostgresConnection) -> bool {
        conn.session().is_closed()
    }

    /// The server says at the end of each answer whether a transaction is open, and each request is followed to its
    /// end; so a connection that is clean is known to be, and nothing is asked.
    fn released(&self, conn: &mut PostgresConnection, how: Ended) -> Fate {
        let session = conn.session();
        let cancels = session.fence.end_loan();
        let adrift = session.is_adrift();
        match how {
            Ended::Returned | Ended::Failed(Fault::Query | Fault::Timeout | Fault::Overload) => {}
            // A closure that was dropped between two requests has left nothing behind that is not seen.
            Ended::Cancelled => {}
            _ => return Fate::Close,
        }
        let wire = session.wire();
        if cancels == Cancels::Unknown || wire.has_deallocated() {
            return Fate::Close;
        }
        let stopped = adrift && !session.is_only_unknown();
        if stopped && self.plan.on_cancel == OnCancel::Close {
            return Fate::Close;
        }
        if adrift || cancels == Cancels::UnderWay {
            return Fate::Reset;
        }
        let open = wire.is_owed() || wire.block() != Block::None;
        match self.plan.reset {
            Reset::None => Fate::Keep,
            Reset::Rollback if open => Fate::Reset,
            Reset::Rollback => Fate::Keep,
            Reset::DiscardAll if wire.has_prepared() => Fate::Close,
            Reset::DiscardAll if session.is_used() => Fate::Reset,
            Reset::DiscardAll => Fate::Keep,
        }
    }

    fn in_transaction(&self, conn: &PostgresConnection) -> Option<Arc<AtomicBool>> {
        Some(Arc::clone(conn.session().wire().idles_in_transaction()))
    }

    fn classify(&self, error: &PostgresError) -> Fault {
        error.fault()
    }

    /// A server that restarts is looked for once a second at least. What the URL says about the pool comes last.
    fn defaults(&self, mut options: Options) -> Options {
        options.backoff_max = Duration::from_secs(1);
        self.plan.pool.apply(&mut options);
        options
    }
}

impl Postgres {
    /// Brings what was abandoned to its end. What is short ends by itself; the rest the server is asked to stop. The
    /// last round trip begins when the cancel is over, so nothing of it can hit the next borrower.
    async fn stop(&self, session: &Session) -> Result<(), PostgresError> {
        let mut over = std::pin::pin!(session.driver().check_connection());
        if let Ok(over) = timeout(BY_ITSELF, &mut over).await {
            return match over {
                Ok(()) => Ok(()),
                Err(error) => Err(session.explain(error).await),
            };
        }
        connect::cancel(&self.plan, session).await?;
        if let Err(error) = over.await {
            return Err(session.explain(error).await);
        }
        round_trip(session).await
    }
}

impl Share for Postgres {
    type Handle = PostgresHandle;

    fn handle(&self, conn: &PostgresConnection) -> PostgresHandle {
        PostgresHandle::new(conn.session())
    }
}

/// Everything that was sent before is answered when this is.
async fn round_trip(session: &Session) -> Result<(), PostgresError> {
    match session.driver().check_connection().await {
        Ok(()) => Ok(()),
        Err(error) => Err(session.explain(error).await),
    }
}

async fn send(session: &Session, sql: &str) -> Result<(), PostgresError> {
    match session.driver().batch_execute(sql).await {
        Ok(()) => Ok(()),
        Err(error) => Err(session.explain(error).await),
    }
}

fn closed(session: &Session) -> PostgresError {
    PostgresError::Closed { place: Arc::clone(session.place()), why: None }
}
