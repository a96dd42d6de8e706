//! A session on the server, as its borrowers use it. Each request is known from its beginning to its end, so that one
//! that nobody waited for is known too: its borrower was cancelled, and what the server makes of it nobody has seen.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cenote_driver::Fence;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, SimpleQueryMessage, Statement};

use crate::connect::Ending;
use crate::error::PostgresError;
use crate::plan::Plan;
use crate::socket::Address;
use crate::statements::Statements;
use crate::wire::{Block, Wire};

/// A session on a PostgreSQL server: what both a borrower and a [sharer](crate::PostgresHandle) of a connection ask
/// for data. Its methods are those of [`tokio_postgres::Client`]; a text is prepared once and kept.
///
/// Dropping a request's future abandons it. Nobody gets its answer: the connection stops it on the server before it
/// is lent again.
pub struct Session {
    client: Client,
    wire: Arc<Wire>,
    place: Arc<str>,
    address: Address,
    ending: Ending,
    /// What the server said when it ended the connection, if a request had it for an answer.
    last_word: OnceLock<Arc<Error>>,
    statements: Mutex<Statements>,
    caches: bool,
    plan: Arc<Plan>,
    /// Requests that somebody waits for.
    calls: AtomicU32,
    /// Somebody stopped waiting for one.
    abandoned: AtomicBool,
    /// The client was handed out, so what was asked of it is not known.
    unknown: AtomicBool,
    /// Not to be lent again.
    broken: AtomicBool,
    /// How much was sent when it was last clean.
    clean_at: AtomicU64,
    pub(crate) fence: Fence,
}

/// What can be asked: a text, which is prepared once and kept, or a prepared statement.
pub trait Ask: Sync + sealed::Ask {}

mod sealed {
    use tokio_postgres::Statement;

    pub trait Ask {
        fn asked(&self) -> Asked<'_>;
    }

    pub enum Asked<'a> {
        Text(&'a str),
        Prepared(&'a Statement),
    }
}

use sealed::Asked;

impl Ask for str {}
impl Ask for String {}
impl Ask for Statement {}

impl sealed::Ask for str {
    fn asked(&self) -> Asked<'_> {
        Asked::Text(self)
    }
}

impl sealed::Ask for String {
    fn asked(&self) -> Asked<'_> {
        Asked::Text(self)
    }
}

impl sealed::Ask for Statement {
    fn asked(&self) -> Asked<'_> {
        Asked::Prepared(self)
    }
}

/// Follows a request to its end. A function would move the request about, which costs more than following it does.
macro_rules! followed {
    ($session:expr, $request:expr) => {{
        let call = Call::begin($session);
        let result = $request.await;
        call.over();
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err($session.explain(error).await),
        }
    }};
}

/// Runs a request with a statement; with one that was kept too long, once more with a new one.
macro_rules! with_statement {
    ($session:ident, $ask:ident, $statement:ident => $request:expr) => {{
        let request = async {
            let text = match $ask.asked() {
                Asked::Prepared($statement) => return $request.await,
                Asked::Text(text) => text,
            };
            let (statement, kept) = $session.statement(text).await?;
            let $statement = &statement;
            match $request.await {
                Err(error) if kept && $session.forgets(text, &error) => {
                    let (statement, _) = $session.statement(text).await?;
                    let $statement = &statement;
                    $request.await
                }
                result => result,
            }
        };
        followed!($session, request)
    }};
}

impl Session {
    pub(crate) fn new(
        client: Client,
        wire: Arc<Wire>,
        place: Arc<str>,
        address: Address,
        ending: Ending,
        plan: &Arc<Plan>,
    ) -> Session {
        Session {
            client,
            wire,
            place,
            address,
            ending,
            last_word: OnceLock::new(),
            statements: Mutex::new(Statements::new(plan.statement_cache)),
            caches: plan.statement_cache > 0,
            plan: Arc::clone(plan),
            calls: AtomicU32::new(0),
            abandoned: AtomicBool::new(false),
            unknown: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            clean_at: AtomicU64::new(0),
            fence: Fence::default(),
        }
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// [`PostgresError::Query`] with the server's error, [`PostgresError::Closed`] if there is no server any more.
    pub async fn query<A: Ask + ?Sized>(
        &self,
        ask: &A,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, PostgresError> {
        with_statement!(self, ask, statement => self.client.query(statement, params))
    }

    /// The row of a query that has exactly one.
    ///
    /// # Errors
    /// As [`query`](Session::query), and if there is another number of rows.
    pub async fn query_one<A: Ask + ?Sized>(
        &self,
        ask: &A,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, PostgresError> {
        with_statement!(self, ask, statement => self.client.query_one(statement, params))
    }

    /// The row of a query that has one or none.
    ///
    /// # Errors
    /// As [`query`](Session::query), and if there are more.
    pub async fn query_opt<A: Ask + ?Sized>(
        &self,
        ask: &A,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, PostgresError> {
        with_statement!(self, ask, statement => self.client.query_opt(statement, params))
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// As [`query`](Session::query).
    pub async fn execute<A: Ask + ?Sized>(
        &self,
        ask: &A,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, PostgresError> {
        with_statement!(self, ask, statement => self.client.execute(statement, params))
    }

    /// The rows of a query whose parameters have these types: one round trip and no prepared statement.
    ///
    /// # Errors
    /// As [`query`](Session::query).
    pub async fn query_typed(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, PostgresError> {
        followed!(self, self.client.query_typed(sql, params))
    }

    /// Runs statements, divided by semicolons, and returns their rows as text.
    ///
    /// # Errors
    /// As [`query`](Session::query). The statements behind the one that failed do not run.
    pub async fn simple_query(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, PostgresError> {
        followed!(self, self.client.simple_query(sql))
    }

    /// Runs statements, divided by semicolons.
    ///
    /// # Errors
    /// As [`simple_query`](Session::simple_query).
    pub async fn batch_execute(&self, sql: &str) -> Result<(), PostgresError> {
        followed!(self, self.client.batch_execute(sql))
    }

    /// Prepares a text, or takes the statement that was kept of it.
    ///
    /// # Errors
    /// As [`query`](Session::query).
    pub async fn prepare(&self, sql: &str) -> Result<Statement, PostgresError> {
        followed!(self, self.statement(sql)).map(|(statement, _)| statement)
    }

    /// The driver's own client, for what it has beyond these methods: `COPY`, streams of rows, portals.
    ///
    /// What is asked of it cannot be followed, so after such a use the connection makes one round trip before it is
    /// lent again. Its `cancel_token` does not work; [`PostgresConnection::canceller`] does.
    ///
    /// [`PostgresConnection::canceller`]: crate::PostgresConnection::canceller
    pub fn client(&self) -> &Client {
        self.unknown.store(true, Ordering::Release);
        &self.client
    }

    /// Where it leads to: `host:port/database as user`.
    pub fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// Whether a transaction was open when the last request ended.
    pub fn in_transaction(&self) -> bool {
        self.wire.block() != Block::None
    }

    /// How many prepared statements are kept.
    pub fn cached_statements(&self) -> usize {
        self.statements().len()
    }

    /// The client, for requests of our own.
    pub(crate) fn driver(&self) -> &Client {
        &self.client
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed() || self.broken.load(Ordering::Acquire)
    }

    /// It is closed instead of being lent again.
    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::Release);
    }

    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    /// Whether something may run, or may not even have been sent, that nobody waits for.
    pub(crate) fn is_adrift(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
            || self.unknown.load(Ordering::Acquire)
            || self.calls.load(Ordering::Acquire) > 0
    }

    /// Whether nothing is known to be abandoned, but the client was handed out.
    pub(crate) fn is_only_unknown(&self) -> bool {
        !self.abandoned.load(Ordering::Acquire) && self.calls.load(Ordering::Acquire) == 0
    }

    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether it was used since it was clean.
    pub(crate) fn is_used(&self) -> bool {
        self.is_adrift() || self.clean_at.load(Ordering::Acquire) != self.wire.sent()
    }

    /// Everything that was asked is answered, and what it left behind is undone.
    pub(crate) fn is_clean_now(&self) {
        self.abandoned.store(false, Ordering::Release);
        self.unknown.store(false, Ordering::Release);
        self.clean_at.store(self.wire.sent(), Ordering::Release);
    }

    /// The error of a request on this session. If the connection is at its end, the reason is worth the short wait.
    pub(crate) async fn explain(&self, error: Error) -> PostgresError {
        let place = Arc::clone(&self.place);
        if is_last_word(&error) {
            let why = self.last_word.get_or_init(|| Arc::new(error));
            return PostgresError::Closed { place, why: Some(Arc::clone(why)) };
        }
        if !error.is_closed() {
            return PostgresError::Query { place, source: error };
        }
        // Who hears it with an answer has it before the connection's task, which may then find the socket reset only.
        let why = match self.last_word.get() {
            Some(why) => Some(Arc::clone(why)),
            None => self.ending.wait().await.clone(),
        };
        PostgresError::Closed { place, why }
    }

    fn statements(&self) -> MutexGuard<'_, Statements> {
        // Nothing in there can panic halfway.
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statement of a text, and whether it was there.
    async fn statement(&self, text: &str) -> Result<(Statement, bool), Error> {
        if !self.caches {
            return Ok((self.client.prepare(text).await?, false));
        }
        if let Some(statement) = self.statements().get(text) {
            return Ok((statement, true));
        }
        let statement = self.client.prepare(text).await?;
        let gone = self.statements().put(text, statement.clone());
        drop(gone);
        Ok((statement, false))
    }

    /// Whether this error says that a statement was kept too long: its table has changed, or it was deallocated.
    /// Then it is kept no longer, and where nothing has happened yet it can be prepared anew.
    fn forgets(&self, text: &str, error: &Error) -> bool {
        let changed = match error.as_db_error() {
            Some(error) if *error.code() == SqlState::FEATURE_NOT_SUPPORTED => {
                // "cached plan must not change result type", in whatever language.
                error.routine() == Some("RevalidateCachedQuery")
            }
            Some(error) => *error.code() == SqlState::INVALID_SQL_STATEMENT_NAME,
            None => false,
        };
        if changed {
            let gone = self.statements().forget(text);
            drop(gone);
        }
        // In a transaction the error has ended everything.
        changed && self.wire.block() == Block::None
    }
}

/// Whether the server has ended the connection with this.
fn is_last_word(error: &Error) -> bool {
    let severity = error.as_db_error().and_then(|error| error.parsed_severity());
    matches!(severity, Some(Severity::Fatal | Severity::Panic))
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("place", &self.place).finish_non_exhaustive()
    }
}

/// A request that somebody waits for.
struct Call<'a> {
    session: &'a Session,
    ended: bool,
}

impl<'a> Call<'a> {
    fn begin(session: &'a Session) -> Call<'a> {
        session.calls.fetch_add(1, Ordering::AcqRel);
        Call { session, ended: false }
    }

    /// It has its answer, whatever that is.
    fn over(mut self) {
        self.ended = true;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.session.abandon();
        }
        self.session.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
