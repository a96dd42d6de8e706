//! What the pool lends: a session for one borrower alone, or for several who ask over one connection.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::cancel::Canceller;
use crate::error::PostgresError;
use crate::plan::Plan;
use crate::session::Session;
use crate::transaction::TransactionBuilder;

/// A connection to a PostgreSQL server, lent to one borrower. Derefs to its [`Session`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use cenote::Pool;
/// use cenote_postgres::Postgres;
///
/// let pool = Pool::builder(Postgres::from_url("postgres://app@localhost/shop")?).build()?;
/// let conn = pool.acquire().await?;
/// let row = conn.query_one("SELECT name FROM product WHERE id = $1", &[&7_i32]).await?;
/// println!("{}", row.get::<_, &str>(0));
/// # Ok(()) }
/// ```
pub struct PostgresConnection {
    /// There until the end.
    session: Option<Arc<Session>>,
    task: Option<JoinHandle<()>>,
    runtime: Handle,
}

/// How long the goodbye of a connection may take that nobody closes in order.
const GOODBYE: Duration = Duration::from_secs(5);

impl PostgresConnection {
    pub(crate) fn new(session: Arc<Session>, task: JoinHandle<()>, runtime: Handle) -> Self {
        PostgresConnection { session: Some(session), task: Some(task), runtime }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        self.session.as_ref().expect("a connection has its session until it is closed")
    }

    /// Begins to describe a transaction; [`run`](TransactionBuilder::run) runs it.
    pub fn transaction(&mut self) -> TransactionBuilder<'_> {
        TransactionBuilder::new(self.session())
    }

    /// What stops, from anywhere, the requests of this loan.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.session(), self.session().plan())
    }

    /// Says goodbye and waits until the server has closed the connection; dropped before that, it is cut.
    pub(crate) async fn close(mut self, plan: &Plan) -> Result<(), PostgresError> {
        let session = self.session.take().expect("a connection has its session until it is closed");
        let task = self.task.take().map(AbortOnDropHandle::new);
        if !session.is_closed() && (session.is_adrift() || session.wire().is_owed()) {
            // The server would finish what it does before it hears a goodbye. If it cannot be asked to stop, the
            // goodbye is still said.
            let _ = crate::connect::cancel(plan, &session).await;
        }
        // With its last owner the session says goodbye.
        drop(session);
        if let Some(task) = task {
            // It cannot panic; if it did, the connection is gone as well.
            let _ = task.await;
        }
        Ok(())
    }
}

impl Deref for PostgresConnection {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session()
    }
}

impl Drop for PostgresConnection {
    /// Without a close in order the goodbye is said all the same, but nobody waits for ever for the answer.
    fn drop(&mut self) {
        drop(self.session.take());
        if let Some(task) = self.task.take() {
            let task = AbortOnDropHandle::new(task);
            self.runtime.spawn(async move {
                let _ = tokio::time::timeout(GOODBYE, task).await;
            });
        }
    }
}

impl fmt::Debug for PostgresConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConnection").field("place", self.place()).finish_non_exhaustive()
    }
}

/// A share of a connection (P-32): requests of several borrowers travel over it at the same time, without waiting for
/// each other's answers. Derefs to the [`Session`] that they share.
///
/// Only for requests that need no state of the session. A sharer who leaves a transaction open costs everybody the
/// connection: it takes no new sharer and is closed with its last.
pub struct PostgresHandle(Arc<Session>);

impl PostgresHandle {
    pub(crate) fn new(session: &Arc<Session>) -> PostgresHandle {
        PostgresHandle(Arc::clone(session))
    }
}

impl Deref for PostgresHandle {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl Drop for PostgresHandle {
    /// Nobody resets a shared connection, so what cannot be lent as it is must not be lent.
    fn drop(&mut self) {
        if self.0.in_transaction() {
            self.0.break_down();
        }
    }
}

impl fmt::Debug for PostgresHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresHandle").field("place", self.place()).finish_non_exhaustive()
    }
}
