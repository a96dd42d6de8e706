//! What the pool lends: a connection for one borrower alone, or for several who ask over one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisFuture, Value};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

use crate::session::Session;

/// A connection to a Redis server, lent to one borrower. It is a connection of the redis crate
/// ([`ConnectionLike`]): commands, pipelines and scripts work on it, those included that block, and transactions with
/// `WATCH` and `MULTI`.
///
/// Dropping a command's future abandons it. Nobody gets its answer: the connection waits for it before it is lent again.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use cenote::Pool;
/// use cenote_redis::Redis;
/// use cenote_redis::redis::{AsyncCommands, pipe};
///
/// let pool = Pool::builder(Redis::from_url("redis://localhost")?).build()?;
/// let mut conn = pool.acquire().await?;
/// let visits: u64 = conn.incr("visits", 1).await?;
///
/// // All or nothing.
/// let mut move_one = pipe();
/// move_one.atomic().decr("stock:1", 1).ignore().incr("stock:2", 1);
/// let (left,): (i64,) = move_one.query_async(&mut *conn).await?;
/// # Ok(()) }
/// ```
pub struct RedisConnection {
    driver: MultiplexedConnection,
    session: Arc<Session>,
    task: Option<JoinHandle<()>>,
    runtime: Handle,
}

/// How long the goodbye of a connection may take that nobody closes in order.
const GOODBYE: Duration = Duration::from_secs(5);

impl RedisConnection {
    pub(crate) fn new(
        driver: MultiplexedConnection,
        session: Arc<Session>,
        task: JoinHandle<()>,
        runtime: Handle,
    ) -> RedisConnection {
        RedisConnection { driver, session, task: Some(task), runtime }
    }

    /// Where it leads to: `host:port/database as user`.
    pub fn place(&self) -> &Arc<str> {
        self.session.place()
    }

    /// Whether a transaction was left open by the commands so far (`MULTI` without `EXEC`).
    pub fn in_transaction(&self) -> bool {
        self.session.traces().has(crate::command::Traces::TRANSACTION)
    }

    /// Takes what was done to the session so far for what it is to be: no [`Reset`](crate::Reset) undoes it, but for
    /// `Reset::Full`, and it does not cost the connection. For hooks that set a session up.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use cenote::Pool;
    /// use cenote_redis::{Redis, RedisConnection, RedisError, redis};
    ///
    /// let pool = Pool::builder(Redis::from_url("redis://localhost")?)
    ///     .after_connect(|conn: &mut RedisConnection| {
    ///         Box::pin(async move {
    ///             redis::cmd("CLIENT").arg("NO-EVICT").arg("on").exec_async(conn).await?;
    ///             conn.keep_state();
    ///             Ok::<(), RedisError>(())
    ///         })
    ///     })
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn keep_state(&mut self) {
        if !self.session.is_adrift() {
            self.session.is_clean_now();
        }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The driver, for commands of our own.
    pub(crate) fn driver(&mut self) -> &mut MultiplexedConnection {
        &mut self.driver
    }

    pub(crate) fn handle(&self) -> RedisHandle {
        RedisHandle { driver: self.driver.clone(), session: Arc::clone(&self.session) }
    }

    /// Says goodbye and waits until the server has closed the connection; dropped before that, it is cut.
    pub(crate) async fn close(mut self) {
        let task = self.task.take().map(AbortOnDropHandle::new);
        self.session.hook().hang_up();
        if let Some(task) = task {
            // It cannot panic; if it did, the connection is gone as well.
            let _ = task.await;
        }
    }
}

/// Fails with what the server says, with what the driver says, and with `InvalidClientConfig` for what is not sent.
impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let call = self.session.begin(command)?;
            let answer = self.driver.send_packed_command(command).await;
            call.end(answer)
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let call = self.session.begin_all(pipeline)?;
            let answers = self.driver.send_packed_commands(pipeline, offset, count).await;
            call.end(answers)
        })
    }

    fn get_db(&self) -> i64 {
        i64::from(self.session.plan().database)
    }
}

impl Drop for RedisConnection {
    /// Without a close in order the goodbye is said all the same, but nobody waits for ever for the answer.
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.session.hook().hang_up();
            let task = AbortOnDropHandle::new(task);
            self.runtime.spawn(async move {
                let _ = tokio::time::timeout(GOODBYE, task).await;
            });
        }
    }
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").field("place", self.place()).finish_non_exhaustive()
    }
}

/// A share of a connection (P-32): commands of several borrowers travel over it at the same time, without waiting for
/// each other's answers. It is a connection of the redis crate, too.
///
/// Only for commands that leave nothing in the session and do not block; the others are not sent and fail. A pipeline
/// that is [atomic](Pipeline::atomic) is one piece, so it may be sent.
pub struct RedisHandle {
    driver: MultiplexedConnection,
    session: Arc<Session>,
}

impl RedisHandle {
    /// Where it leads to: `host:port/database as user`.
    pub fn place(&self) -> &Arc<str> {
        self.session.place()
    }
}

/// As for [`RedisConnection`].
impl ConnectionLike for RedisHandle {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let call = self.session.begin_shared(command)?;
            let answer = self.driver.send_packed_command(command).await;
            call.end(answer)
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let call = self.session.begin_all_shared(pipeline)?;
            let answers = self.driver.send_packed_commands(pipeline, offset, count).await;
            call.end(answers)
        })
    }

    fn get_db(&self) -> i64 {
        i64::from(self.session.plan().database)
    }
}

impl fmt::Debug for RedisHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisHandle").field("place", self.place()).finish_non_exhaustive()
    }
}
