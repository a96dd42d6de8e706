//! What the pool lends: the owner's end of a connection. Calls go to the connection's thread; a call whose
//! future is dropped is abandoned there and then.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use rusqlite::{Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::control::{Control, guarded};
use crate::error::{SqliteError, without_sql};
use crate::open::Plan;
use crate::thread::{Job, OPENING, Started, start};

/// A connection to an SQLite database, with a thread of its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use cenote::Pool;
/// use cenote_sqlite::Sqlite;
///
/// let pool = Pool::builder(Sqlite::memory()).build()?;
/// let mut conn = pool.acquire().await?;
/// let answer: i64 = conn.call(|db| db.query_row("SELECT 6 * 7", [], |row| row.get(0))).await?;
/// assert_eq!(answer, 42);
/// # Ok(()) }
/// ```
pub struct SqliteConnection {
    jobs: Sender<Job>,
    control: Arc<Control>,
    plan: Arc<Plan>,
    /// The number of the last call.
    called: u64,
}

/// How a call ended on the thread; `None` if it was abandoned before its turn.
type Outcome<T> = Option<std::thread::Result<Result<T, rusqlite::Error>>>;

impl SqliteConnection {
    pub(crate) async fn open(plan: Arc<Plan>) -> Result<SqliteConnection, SqliteError> {
        let control = Arc::new(Control::default());
        let Started { jobs, opened } = start(Arc::clone(&plan), Arc::clone(&control))
            .map_err(|source| SqliteError::Thread { path: plan.path(), source })?;
        // If this future is dropped, so is the connection, and the opening is abandoned.
        let conn = SqliteConnection { jobs, control, plan, called: OPENING };
        match opened.await {
            Ok(result) => result.map(|()| conn),
            Err(_) => Err(conn.closed()),
        }
    }

    /// Runs a closure on the connection's thread and returns what it returns.
    ///
    /// The closure has the [`rusqlite::Connection`] to itself: several statements in one call cost one
    /// trip to the thread. Dropping the future abandons the call: if it runs, its statement is
    /// interrupted; if not, it never will. A transaction that it leaves open is rolled back before
    /// anybody else gets the connection. What the closure does outside SQLite cannot be
    /// interrupted; the connection stays counted as long as it takes.
    ///
    /// It is the progress handler, the busy handler and the interrupt that stop an abandoned call: a closure
    /// that sets handlers of its own gives part of that up.
    ///
    /// # Errors
    /// [`SqliteError::Call`] with the closure's error; [`SqliteError::Closed`] after a panic.
    ///
    /// # Panics
    /// If the closure panics, the panic goes on in the caller, as if there were no thread between. The
    /// connection is not used again: the pool closes it.
    pub async fn call<T, F>(&mut self, run: F) -> Result<T, SqliteError>
    where
        F: FnOnce(&mut rusqlite::Connection) -> Result<T, rusqlite::Error> + Send + 'static,
        T: Send + 'static,
    {
        if self.control.is_broken() {
            return Err(self.closed());
        }
        let (answer, answered) = oneshot::channel::<Outcome<T>>();
        self.called += 1;
        let number = self.called;
        let job = move |db: &mut rusqlite::Connection, control: &Control| {
            control.begin();
            let outcome = if control.is_abandoned(number) {
                let _ = guarded(|| drop(run));
                None
            } else {
                Some(guarded(|| run(db)))
            };
            if matches!(outcome, Some(Err(_))) {
                control.break_down();
            }
            control.end(number, !db.is_autocommit());
            // If nobody waits, the value or the panic is dropped here, which is user code again.
            let _ = guarded(|| drop(answer.send(outcome)));
        };
        if self.jobs.send(Job::Call(Box::new(job))).is_err() {
            return Err(self.closed());
        }
        let _pending = Pending { control: &self.control, number };
        match answered.await {
            Ok(Some(Ok(result))) => {
                result.map_err(|source| SqliteError::Call { path: self.plan.path(), source })
            }
            Ok(Some(Err(panic))) => resume_unwind(panic),
            Ok(None) | Err(_) => Err(self.closed()),
        }
    }

    /// Runs a closure in a transaction of its own: committed if it returns a value, rolled back if it returns
    /// an error, panics or is abandoned.
    ///
    /// On a connection that may write it begins with `BEGIN IMMEDIATE`, which waits for other writers
    /// up to the busy timeout; a deferred one fails at once when it turns from reading to writing and
    /// another connection has written meanwhile.
    ///
    /// # Errors
    /// As [`call`](SqliteConnection::call).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use cenote::Pool;
    /// # use cenote_sqlite::Sqlite;
    /// # let pool = Pool::builder(Sqlite::memory()).build()?;
    /// # let mut conn = pool.acquire().await?;
    /// conn.transaction(|tx| {
    ///     tx.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER)", [])?;
    ///     tx.execute("INSERT INTO account VALUES (1, 100), (2, 0)", [])
    /// })
    /// .await?;
    /// # Ok(()) }
    /// ```
    pub async fn transaction<T, F>(&mut self, run: F) -> Result<T, SqliteError>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error> + Send + 'static,
        T: Send + 'static,
    {
        let behavior = match self.plan.only_reads() {
            true => TransactionBehavior::Deferred,
            false => TransactionBehavior::Immediate,
        };
        self.call(move |db| {
            let tx = db.transaction_with_behavior(behavior)?;
            let value = run(&tx)?;
            tx.commit()?;
            Ok(value)
        })
        .await
    }

    /// The database's path.
    pub fn path(&self) -> &str {
        self.plan.path_str()
    }

    /// Nobody waits for what still runs. Returns whether something does.
    pub(crate) fn abandon(&self) -> bool {
        self.control.abandon(self.called)
    }

    /// Whether a transaction is open; told while nothing runs.
    pub(crate) fn in_transaction(&self) -> bool {
        self.idles_in_transaction().load(Ordering::Relaxed)
    }

    pub(crate) fn idles_in_transaction(&self) -> &Arc<AtomicBool> {
        self.control.in_transaction()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.control.is_broken()
    }

    /// Closes the database and waits for that, behind whatever still runs.
    pub(crate) async fn close(self) -> Result<(), SqliteError> {
        self.abandon();
        let (answer, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(answer)).is_err() {
            return Ok(());
        }
        match closed.await {
            Ok(Err(source)) => {
                Err(SqliteError::Call { path: self.plan.path(), source: without_sql(source) })
            }
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    fn closed(&self) -> SqliteError {
        SqliteError::Closed { path: self.plan.path() }
    }
}

impl Drop for SqliteConnection {
    /// Stops what still runs; the thread then finds its inbox closed, closes the database and ends.
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for SqliteConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteConnection").field("path", &self.path()).finish_non_exhaustive()
    }
}

/// A call that somebody waits for.
struct Pending<'a> {
    control: &'a Control,
    number: u64,
}

impl Drop for Pending<'_> {
    /// A call that has ended has nothing to abandon; else its future is being dropped.
    fn drop(&mut self) {
        self.control.abandon(self.number);
    }
}
