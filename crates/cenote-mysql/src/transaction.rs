//! A transaction as a closure: committed if it returns a value, rolled back if it returns an error, takes too long,
//! panics or is dropped. What could be neither is closed with its connection.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::MysqlError;
use crate::session::Session;

/// How long a rollback may take where the transaction has no timeout.
const ROLLBACK: Duration = Duration::from_secs(5);

/// Whether a closure of [`transaction`](crate::MysqlConnection::transaction) runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    No,
    Transaction,
    /// And its transaction is over: whatever it asked now would be for itself, and stay.
    Lost,
}

/// How much a transaction sees of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IsolationLevel {
    /// Also what others have not committed.
    ReadUncommitted,
    /// What others have committed when a statement begins.
    ReadCommitted,
    /// What others had committed when it first read. The servers' own default.
    RepeatableRead,
    /// As if one came after the other.
    Serializable,
}

impl IsolationLevel {
    fn words(self) -> &'static str {
        match self {
            IsolationLevel::ReadUncommitted => "READ UNCOMMITTED",
            IsolationLevel::ReadCommitted => "READ COMMITTED",
            IsolationLevel::RepeatableRead => "REPEATABLE READ",
            IsolationLevel::Serializable => "SERIALIZABLE",
        }
    }
}

/// A transaction that is to be run; made by
/// [`MysqlConnection::transaction`](crate::MysqlConnection::transaction).
#[must_use = "nothing happens before run"]
#[derive(Debug)]
pub struct TransactionBuilder<'a> {
    session: &'a mut Session,
    isolation: Option<IsolationLevel>,
    read_only: bool,
    consistent_snapshot: bool,
    timeout: Option<Duration>,
}

impl<'a> TransactionBuilder<'a> {
    pub(crate) fn new(session: &'a mut Session) -> TransactionBuilder<'a> {
        let (isolation, read_only, consistent_snapshot, timeout) = (None, false, false, None);
        TransactionBuilder { session, isolation, read_only, consistent_snapshot, timeout }
    }

    /// How much it sees of others. Default: what the server has set, usually repeatable read.
    pub fn isolation(mut self, level: IsolationLevel) -> Self {
        self.isolation = Some(level);
        self
    }

    /// It only reads. Default: what the server has set.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// What it sees of others is settled when it begins, not when it first reads.
    pub fn consistent_snapshot(mut self) -> Self {
        self.consistent_snapshot = true;
        self
    }

    /// How long it may take, the commit included. After that it is rolled back; if a request was under way, by the end
    /// of its connection. Default: for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Runs the closure in the transaction: commits if it returns a value, rolls back if it returns an error. If the
    /// rollback or the commit fails, the connection is closed when it is given back.
    ///
    /// Dropping the future rolls back too: what the borrower asks next comes after that.
    ///
    /// A deadlock rolls the whole transaction back, and what is asked after it would stand alone; so would what is asked
    /// after a statement that commits by itself, such as `CREATE TABLE`. From there on every request in the closure is
    /// refused as [`MysqlError::Aborted`].
    ///
    /// # Errors
    /// The closure's own; [`MysqlError::TimedOut`]; [`MysqlError::Aborted`] if the closure returned a value although
    /// there was nothing to commit any more; else what the server says of `START TRANSACTION` and `COMMIT`.
    ///
    /// ```no_run
    /// # async fn example(pool: &cenote::Pool<cenote_mysql::Mysql>) -> Result<(), Box<dyn std::error::Error>> {
    /// use cenote_mysql::MysqlError;
    /// use std::time::Duration;
    ///
    /// let mut conn = pool.acquire().await?;
    /// let sold = conn
    ///     .transaction()
    ///     .timeout(Duration::from_secs(2))
    ///     .run(async |tx| {
    ///         tx.exec_drop("INSERT INTO sale (product) VALUES (?)", (7,)).await?;
    ///         tx.exec_drop("UPDATE product SET stock = stock - 1 WHERE id = ?", (7,)).await?;
    ///         Ok::<u64, MysqlError>(tx.affected_rows())
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn run<T, E, F>(self, run: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<T, E>,
        E: From<MysqlError>,
    {
        let deadline = self.timeout.and_then(|after| Instant::now().checked_add(after));
        let begin = self.begin();
        let timed_out = |committing, place: &Arc<str>| MysqlError::TimedOut {
            place: Arc::clone(place),
            after: self.timeout.unwrap_or_default(),
            committing,
        };
        let place = Arc::clone(self.session.place());
        let begun = within(deadline, self.session.query_drop(begin)).await;
        begun.ok_or_else(|| timed_out(false, &place))??;
        let mut transaction = Transaction::enter(self.session);
        let result = within(deadline, run(&mut transaction)).await;
        let lost = transaction.session.inside == Inside::Lost;
        // From here on what it owes is ours to do.
        let session = transaction.leave();
        match result {
            None => Err(timed_out(false, &place).into()),
            Some(Err(error)) => {
                roll_back(session, deadline).await;
                Err(error)
            }
            Some(Ok(_)) if lost => {
                roll_back(session, deadline).await;
                Err(MysqlError::Aborted { place }.into())
            }
            Some(Ok(value)) => match within(deadline, commit(session)).await {
                Some(committed) => committed.map(|()| value).map_err(E::from),
                None => Err(timed_out(true, &place).into()),
            },
        }
    }

    fn begin(&self) -> String {
        let mut begin = String::new();
        if let Some(level) = self.isolation {
            begin = format!("SET TRANSACTION ISOLATION LEVEL {}; ", level.words());
        }
        begin.push_str("START TRANSACTION");
        let traits: Vec<&str> = [
            self.consistent_snapshot.then_some("WITH CONSISTENT SNAPSHOT"),
            self.read_only.then_some("READ ONLY"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !traits.is_empty() {
            begin = format!("{begin} {}", traits.join(", "));
        }
        begin
    }
}

/// If it fails, or nobody sees its end, what is left of the transaction ends with its connection.
async fn commit(session: &mut Session) -> Result<(), MysqlError> {
    session.owes_rollback = false;
    let committed = session.query_drop("COMMIT").await;
    if committed.is_err() {
        session.break_down();
    }
    committed
}

async fn roll_back(session: &mut Session, deadline: Option<Instant>) {
    if session.is_adrift() || session.is_broken() {
        // It ends with its connection.
        return;
    }
    let latest = Instant::now() + ROLLBACK;
    let deadline = deadline.map_or(latest, |deadline| deadline.min(latest));
    let rolled_back = within(Some(deadline), session.roll_back()).await;
    if !matches!(rolled_back, Some(Ok(()))) {
        session.break_down();
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
    session: &'a mut Session,
}

impl<'a> Transaction<'a> {
    /// Whoever leaves early leaves a rollback behind: whatever is asked next comes after it.
    fn enter(session: &'a mut Session) -> Transaction<'a> {
        session.owes_rollback = true;
        session.inside = Inside::Transaction;
        Transaction { session }
    }
}

impl Transaction<'_> {
    fn leave(&mut self) -> &mut Session {
        self.session.inside = Inside::No;
        self.session
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Deref for Transaction<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session
    }
}
