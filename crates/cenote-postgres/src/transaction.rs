//! A transaction as a closure: committed if it returns a value, rolled back if it returns an error, takes too long,
//! panics or is dropped. What could be neither is closed with its connection.

use std::fmt::Write;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_postgres::IsolationLevel;

use crate::error::PostgresError;
use crate::session::Session;
use crate::wire::{Block, End};

/// How long a rollback may take where the transaction has no timeout.
const ROLLBACK: Duration = Duration::from_secs(5);

/// A transaction that is to be run; made by
/// [`PostgresConnection::transaction`](crate::PostgresConnection::transaction).
#[must_use = "nothing happens before run"]
#[derive(Debug)]
pub struct TransactionBuilder<'a> {
    session: &'a Arc<Session>,
    isolation: Option<IsolationLevel>,
    read_only: bool,
    deferrable: bool,
    timeout: Option<Duration>,
}

impl<'a> TransactionBuilder<'a> {
    pub(crate) fn new(session: &'a Arc<Session>) -> TransactionBuilder<'a> {
        let (isolation, read_only, deferrable, timeout) = (None, false, false, None);
        TransactionBuilder { session, isolation, read_only, deferrable, timeout }
    }

    /// How much it sees of others. Default: what the server has set, usually read committed.
    pub fn isolation(mut self, level: IsolationLevel) -> Self {
        self.isolation = Some(level);
        self
    }

    /// It only reads. Default: what the server has set.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// A serializable one that only reads waits until it cannot fail.
    pub fn deferrable(mut self) -> Self {
        self.deferrable = true;
        self
    }

    /// How long it may take, the commit included. After that it is rolled back, and what the server does for it is
    /// stopped when the connection is given back. Default: for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Runs the closure in the transaction: commits if it returns a value, rolls back if it returns an error. If the
    /// rollback or the commit fails, the connection is closed when it is given back.
    ///
    /// Dropping the future rolls back too: what the borrower asks next comes after that.
    ///
    /// # Errors
    /// The closure's own; [`PostgresError::TimedOut`]; [`PostgresError::Aborted`] if the closure returned a value
    /// although a statement had failed, so that there was nothing to commit; else what the server says of `BEGIN` and
    /// `COMMIT`.
    ///
    /// ```no_run
    /// # async fn example(pool: &cenote::Pool<cenote_postgres::Postgres>) -> Result<(), Box<dyn std::error::Error>> {
    /// use cenote_postgres::PostgresError;
    /// use std::time::Duration;
    ///
    /// let mut conn = pool.acquire().await?;
    /// let left: i32 = conn
    ///     .transaction()
    ///     .timeout(Duration::from_secs(2))
    ///     .run(async |tx| {
    ///         tx.execute("INSERT INTO sale (product) VALUES ($1)", &[&7_i32]).await?;
    ///         let sold = "UPDATE product SET stock = stock - 1 WHERE id = $1 RETURNING stock";
    ///         Ok::<i32, PostgresError>(tx.query_one(sold, &[&7_i32]).await?.get(0))
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn run<T, E, F>(self, run: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
        E: From<PostgresError>,
    {
        let session = self.session;
        let deadline = self.timeout.and_then(|after| Instant::now().checked_add(after));
        let begin = self.begin();
        // From here on whoever leaves early leaves a rollback behind.
        let open = Open { session: Some(session) };
        within(deadline, session.batch_execute(&begin))
            .await
            .ok_or_else(|| self.timed_out(false))??;
        let transaction = Transaction { session };
        let Some(result) = within(deadline, run(&transaction)).await else {
            drop(open);
            return Err(self.timed_out(false).into());
        };
        match result {
            Ok(value) => self.commit(open, deadline).await.map(|()| value).map_err(E::from),
            Err(error) => {
                self.roll_back(open, deadline).await;
                Err(error)
            }
        }
    }

    fn begin(&self) -> String {
        let mut begin = String::from("BEGIN");
        if let Some(level) = self.isolation {
            let level = match level {
                IsolationLevel::ReadUncommitted => "READ UNCOMMITTED",
                IsolationLevel::ReadCommitted => "READ COMMITTED",
                IsolationLevel::RepeatableRead => "REPEATABLE READ",
                _ => "SERIALIZABLE",
            };
            let _ = write!(begin, " ISOLATION LEVEL {level}");
        }
        if self.read_only {
            begin.push_str(" READ ONLY");
        }
        if self.deferrable {
            begin.push_str(" DEFERRABLE");
        }
        begin
    }

    async fn commit(
        &self,
        mut open: Open<'_>,
        deadline: Option<Instant>,
    ) -> Result<(), PostgresError> {
        let session = self.session;
        let committed = within(deadline, session.batch_execute("COMMIT")).await;
        match committed {
            // A transaction that has failed is rolled back by a commit too, and the server calls that no error.
            Some(Ok(())) if session.wire().last_end() == Some(End::Commit) => {
                open.session = None;
                Ok(())
            }
            Some(Ok(())) => {
                open.session = None;
                Err(PostgresError::Aborted { place: Arc::clone(session.place()) })
            }
            Some(Err(error)) => {
                // The server ends a transaction whose commit fails; whatever else it was costs the connection.
                if error.db().is_none() {
                    session.break_down();
                }
                open.session = None;
                Err(error)
            }
            None => {
                session.break_down();
                open.session = None;
                Err(self.timed_out(true))
            }
        }
    }

    async fn roll_back(&self, mut open: Open<'_>, deadline: Option<Instant>) {
        let session = self.session;
        let latest = Instant::now() + ROLLBACK;
        let deadline = deadline.map_or(latest, |deadline| deadline.min(latest));
        let rolled_back = within(Some(deadline), session.batch_execute("ROLLBACK")).await;
        open.session = None;
        let is_over = session.wire().block() == Block::None;
        if !matches!(rolled_back, Some(Ok(()))) || !is_over {
            session.break_down();
        }
    }

    fn timed_out(&self, committing: bool) -> PostgresError {
        let after = self.timeout.unwrap_or_default();
        PostgresError::TimedOut { place: Arc::clone(self.session.place()), after, committing }
    }
}

/// None when the time is over.
async fn within<T>(deadline: Option<Instant>, run: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, run).await.ok(),
        None => Some(run.await),
    }
}

/// An open transaction. Derefs to its [`Session`].
#[derive(Debug)]
pub struct Transaction<'a> {
    session: &'a Session,
}

impl Deref for Transaction<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

/// A transaction whose end nobody has seen to yet.
struct Open<'a> {
    session: Option<&'a Arc<Session>>,
}

impl Drop for Open<'_> {
    /// Sends a rollback without waiting for it: whatever is asked next comes after it. At release the connection
    /// waits for its answer.
    fn drop(&mut self) {
        let Some(session) = self.session else { return };
        session.abandon();
        let rollback = pin!(session.driver().batch_execute("ROLLBACK"));
        // The first poll sends it.
        let _ = rollback.poll(&mut Context::from_waker(Waker::noop()));
    }
}
