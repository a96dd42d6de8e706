//! A session on the server, as its borrower uses it. Each request is known from its beginning to its end, so that one
//! whose future was dropped is known too: mysql_async would take the rest of its answer for the answer to the next.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cenote_driver::Fence;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::{AsQuery, FromRow, Queryable};
use mysql_async::{Conn, Error, Params, Row, Statement};

use crate::ask::{Ask, Asked};
use crate::connect::Side;
use crate::error::MysqlError;
use crate::fault;
use crate::transaction::Inside;

/// A session on a MySQL or MariaDB server. Its methods have the names of those of mysql_async's `Queryable`.
///
/// Dropping a request's future abandons it. Nobody gets its answer: the next request of this borrower is refused, and the
/// connection is closed when it is given back.
pub struct Session {
    /// There until the end.
    driver: Option<Conn>,
    side: Side,
    /// A request runs, or its future was dropped.
    adrift: bool,
    /// The driver was handed out, so what was asked of it is not known.
    unknown: bool,
    /// Not to be lent again.
    broken: bool,
    /// Something was asked since it was clean.
    used: bool,
    open: Open,
    /// A transaction was begun whose end nobody has seen to yet.
    pub(crate) owes_rollback: bool,
    pub(crate) inside: Inside,
    idles_in_transaction: Arc<AtomicBool>,
    pub(crate) fence: Arc<Fence>,
}

/// Whether a transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    No,
    Yes,
    /// The last answer did not say.
    Unknown,
}

/// Follows a request to its end.
macro_rules! follow {
    ($session:ident, $driver:ident => $request:expr) => {{
        let $driver = $session.begin().await?;
        let result = $request;
        $session.end(result)
    }};
}

impl Session {
    pub(crate) fn new(driver: Conn, side: Side) -> Session {
        Session {
            driver: Some(driver),
            side,
            adrift: false,
            unknown: false,
            broken: false,
            used: false,
            open: Open::No,
            owes_rollback: false,
            inside: Inside::No,
            idles_in_transaction: Arc::default(),
            fence: Arc::default(),
        }
    }

    /// The rows of a query without parameters, of its first set if it has several.
    ///
    /// # Errors
    /// [`MysqlError::Query`] with the server's error, or if the connection broke; [`MysqlError::Row`] if a row is not of
    /// the type; [`MysqlError::Closed`] if it had broken before, or a request was abandoned on it.
    pub async fn query<T, Q>(&mut self, query: Q) -> Result<Vec<T>, MysqlError>
    where
        T: FromRow + Send + 'static,
        Q: AsQuery,
    {
        let rows = follow!(self, driver => driver.query::<Row, _>(query).await)?;
        self.typed(rows)
    }

    /// The first row of a query without parameters, if there is one.
    ///
    /// # Errors
    /// As [`query`](Session::query).
    pub async fn query_first<T, Q>(&mut self, query: Q) -> Result<Option<T>, MysqlError>
    where
        T: FromRow + Send + 'static,
        Q: AsQuery,
    {
        let row = follow!(self, driver => driver.query_first::<Row, _>(query).await)?;
        Ok(self.typed(row.into_iter().collect())?.pop())
    }

    /// Runs statements without parameters, divided by semicolons.
    ///
    /// # Errors
    /// As [`query`](Session::query). The statements behind the one that failed do not run.
    pub async fn query_drop<Q: AsQuery>(&mut self, query: Q) -> Result<(), MysqlError> {
        follow!(self, driver => driver.query_drop(query).await)
    }

    /// The rows of a statement with parameters; a text is prepared once and kept.
    ///
    /// # Errors
    /// As [`query`](Session::query), and [`MysqlError::Parameters`].
    pub async fn exec<T, S, P>(&mut self, statement: S, params: P) -> Result<Vec<T>, MysqlError>
    where
        T: FromRow + Send + 'static,
        S: Ask,
        P: Into<Params> + Send,
    {
        let (statement, params) = self.prepared(statement, params.into()).await?;
        let rows = follow!(self, driver => driver.exec::<Row, _, _>(&statement, params).await)?;
        self.typed(rows)
    }

    /// The first row of a statement with parameters, if there is one.
    ///
    /// # Errors
    /// As [`exec`](Session::exec).
    pub async fn exec_first<T, S, P>(
        &mut self,
        statement: S,
        params: P,
    ) -> Result<Option<T>, MysqlError>
    where
        T: FromRow + Send + 'static,
        S: Ask,
        P: Into<Params> + Send,
    {
        let (statement, params) = self.prepared(statement, params.into()).await?;
        let row =
            follow!(self, driver => driver.exec_first::<Row, _, _>(&statement, params).await)?;
        Ok(self.typed(row.into_iter().collect())?.pop())
    }

    /// Runs a statement with parameters. How many rows it changed says [`affected_rows`](Session::affected_rows).
    ///
    /// # Errors
    /// As [`exec`](Session::exec).
    pub async fn exec_drop<S, P>(&mut self, statement: S, params: P) -> Result<(), MysqlError>
    where
        S: Ask,
        P: Into<Params> + Send,
    {
        let (statement, params) = self.prepared(statement, params.into()).await?;
        follow!(self, driver => driver.exec_drop(&statement, params).await)
    }

    /// Runs a statement once for each set of parameters.
    ///
    /// # Errors
    /// As [`exec`](Session::exec), for the first set that fails; those behind it do not run.
    pub async fn exec_batch<S, P, I>(&mut self, statement: S, sets: I) -> Result<(), MysqlError>
    where
        S: Ask,
        P: Into<Params> + Send,
        I: IntoIterator<Item = P> + Send,
        I::IntoIter: Send,
    {
        let statement = self.prep(statement).await?;
        for params in sets {
            self.exec_drop(&statement, params).await?;
        }
        Ok(())
    }

    /// Prepares a text, or takes the statement that was kept of it.
    ///
    /// # Errors
    /// As [`query`](Session::query).
    pub async fn prep<S: Ask>(&mut self, statement: S) -> Result<Statement, MysqlError> {
        let text = match statement.asked() {
            Asked::Prepared(statement) => return Ok(statement.clone()),
            Asked::Text(text) => text.to_owned(),
        };
        let open = self.open;
        let driver = self.begin().await?;
        let result = driver.prep(text).await;
        // What answers a request to prepare says nothing of transactions, though the driver takes it for one that does.
        self.ended(result, open)
    }

    /// The driver's own connection, for what it has beyond these methods: streams of rows, several sets of them, `LOCAL
    /// INFILE`. The closure is one request: dropped before its end, it is abandoned.
    ///
    /// What is asked in it cannot be followed, so after such a use the connection makes one round trip before it is lent
    /// again, and is closed if the answer is not the one to that.
    ///
    /// # Errors
    /// As [`query`](Session::query). Unlike the methods here, the driver's panic when a row does not fit its type.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut cenote_mysql::MysqlConnection) -> Result<(), cenote_mysql::MysqlError> {
    /// use cenote_mysql::mysql_async::Row;
    /// use cenote_mysql::mysql_async::prelude::Queryable;
    ///
    /// let sets = conn
    ///     .driver(async |driver| {
    ///         let mut result = driver.query_iter("SELECT 1; SELECT 2, 3").await?;
    ///         Ok((result.collect::<Row>().await?, result.collect::<Row>().await?))
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn driver<T>(
        &mut self,
        run: impl AsyncFnOnce(&mut Conn) -> Result<T, Error>,
    ) -> Result<T, MysqlError> {
        self.unknown = true;
        follow!(self, driver => run(driver).await)
    }

    /// How many rows the last request changed.
    pub fn affected_rows(&self) -> u64 {
        self.driver.as_ref().map_or(0, Conn::affected_rows)
    }

    /// The `AUTO_INCREMENT` that the last request has drawn, if it did.
    pub fn last_insert_id(&self) -> Option<u64> {
        self.driver.as_ref()?.last_insert_id()
    }

    /// What the server has said beside the last answer, such as how many rows matched.
    pub fn info(&self) -> Cow<'_, str> {
        self.driver.as_ref().map_or(Cow::Borrowed(""), Conn::info)
    }

    /// The session's number on the server, `CONNECTION_ID()`.
    pub fn id(&self) -> u32 {
        self.side.id()
    }

    /// The server's version. MariaDB's begin with 10 or more.
    pub fn server_version(&self) -> (u16, u16, u16) {
        self.driver.as_ref().map_or((0, 0, 0), Conn::server_version)
    }

    /// Where it leads to: `host:port/database as user`.
    pub fn place(&self) -> &Arc<str> {
        self.side.place()
    }

    /// Whether a transaction was open when the last request ended. After one that failed that is not known, and said to
    /// be so if it was so before.
    pub fn in_transaction(&self) -> bool {
        self.idles_in_transaction.load(Ordering::Relaxed)
    }

    pub(crate) fn side(&self) -> &Side {
        &self.side
    }

    pub(crate) fn take(&mut self) -> Option<Conn> {
        self.driver.take()
    }

    pub(crate) fn is_adrift(&self) -> bool {
        self.adrift
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
    }

    pub(crate) fn is_used(&self) -> bool {
        self.used
    }

    pub(crate) fn open(&self) -> Open {
        self.open
    }

    pub(crate) fn idles_in_transaction(&self) -> &Arc<AtomicBool> {
        &self.idles_in_transaction
    }

    /// It is closed instead of being lent again.
    pub(crate) fn break_down(&mut self) {
        self.broken = true;
    }

    /// Everything that was asked is answered, and what it left behind is undone.
    pub(crate) fn is_clean_now(&mut self) {
        self.unknown = false;
        self.owes_rollback = false;
        self.used = false;
    }

    /// One round trip that the server answers without looking at anything.
    pub(crate) async fn ping(&mut self) -> Result<(), MysqlError> {
        follow!(self, driver => driver.ping().await)
    }

    /// Whether an answer is the one to the question: nothing that came before is left to be read.
    pub(crate) async fn is_in_step(&mut self) -> Result<bool, MysqlError> {
        static ASKED: AtomicU64 = AtomicU64::new(0);
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        // Nobody else asks for this.
        let nonce = format!("cenote {number} {:x}", RandomState::new().hash_one(number));
        let question = format!("SELECT '{nonce}'");
        let answer = follow!(self, driver => driver.query_first::<Row, _>(question).await)?;
        Ok(answer.and_then(|row| row.get_opt::<String, _>(0)?.ok()) == Some(nonce))
    }

    /// The protocol's own reset, which forgets prepared statements too.
    pub(crate) async fn reset(&mut self) -> Result<(), MysqlError> {
        follow!(self, driver => match driver.reset().await {
            // Servers before MySQL 5.7.3 and MariaDB 10.2.4 know only to log in anew.
            Ok(false) => driver.change_user(Default::default()).await,
            reset => reset.map(drop),
        })?;
        // Where the last borrower went, the protocol's reset leaves it.
        let Some(database) = self.side.database() else { return Ok(()) };
        let go_back = format!("USE `{}`", database.replace('`', "``"));
        self.query_drop(go_back).await
    }

    /// Rolls back whatever is open.
    pub(crate) async fn roll_back(&mut self) -> Result<(), MysqlError> {
        self.owes_rollback = false;
        follow!(self, driver => driver.query_drop("ROLLBACK").await)
    }

    /// A request begins: the connection must be well, and nothing may be left of a transaction that nobody has ended.
    async fn begin(&mut self) -> Result<&mut Conn, MysqlError> {
        self.may_ask()?;
        if self.owes_rollback && self.inside == Inside::No {
            self.owes_rollback = false;
            if let Some(driver) = &mut self.driver {
                self.adrift = true;
                let result = driver.query_drop("ROLLBACK").await;
                self.end(result)?;
            }
        }
        self.adrift = true;
        self.used = true;
        self.idles_in_transaction.store(false, Ordering::Relaxed);
        let closed = MysqlError::Closed { place: Arc::clone(self.side.place()), abandoned: false };
        self.driver.as_mut().ok_or(closed)
    }

    fn may_ask(&self) -> Result<(), MysqlError> {
        let place = || Arc::clone(self.side.place());
        if self.adrift || self.broken || self.driver.is_none() {
            return Err(MysqlError::Closed { place: place(), abandoned: self.adrift });
        }
        match self.inside {
            Inside::Lost => Err(MysqlError::Aborted { place: place() }),
            _ => Ok(()),
        }
    }

    /// It has ended, and the answer says whether a transaction is open.
    fn end<T>(&mut self, result: Result<T, Error>) -> Result<T, MysqlError> {
        let ok = self.driver.as_ref().and_then(Conn::last_ok_packet);
        let open = match ok.map(|ok| ok.status_flags()) {
            None => Open::Unknown,
            Some(flags) if flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS) => Open::Yes,
            Some(_) => Open::No,
        };
        self.ended(result, open)
    }

    /// It has ended; if it went well, this is so of transactions.
    fn ended<T>(&mut self, result: Result<T, Error>, open: Open) -> Result<T, MysqlError> {
        self.adrift = false;
        match &result {
            Ok(_) => self.says(open),
            Err(Error::Server(error)) => {
                self.broken |= fault::ends_session(error);
                // The server tells nothing of transactions with an error.
                let was_open = self.open == Open::Yes && error.code != fault::DEADLOCK;
                self.open = Open::Unknown;
                self.idles_in_transaction.store(was_open, Ordering::Relaxed);
                if error.code == fault::DEADLOCK && self.inside == Inside::Transaction {
                    self.inside = Inside::Lost;
                }
            }
            // The driver has hung up.
            Err(_) => self.broken = true,
        }
        let place = || Arc::clone(self.side.place());
        result.map_err(|source| MysqlError::Query { place: place(), source })
    }

    /// What an answer says of transactions.
    fn says(&mut self, open: Open) {
        self.open = open;
        self.idles_in_transaction.store(open == Open::Yes, Ordering::Relaxed);
        if open == Open::No && self.inside == Inside::Transaction {
            self.inside = Inside::Lost;
        }
    }

    /// A statement, and parameters of the number that it wants: the driver hangs up if there are others.
    async fn prepared<S: Ask>(
        &mut self,
        statement: S,
        params: Params,
    ) -> Result<(Statement, Params), MysqlError> {
        let statement = self.prep(statement).await?;
        let wanted = usize::from(statement.num_params());
        let given = match &params {
            Params::Empty => 0,
            Params::Positional(values) => values.len(),
            // By their names, which the driver compares.
            Params::Named(_) => wanted,
        };
        if given == wanted {
            return Ok((statement, params));
        }
        Err(MysqlError::Parameters { place: Arc::clone(self.side.place()), wanted, given })
    }

    fn typed<T: FromRow>(&self, rows: Vec<Row>) -> Result<Vec<T>, MysqlError> {
        let typed = |row: Row| {
            T::from_row_opt(row).map_err(|error| MysqlError::Row {
                place: Arc::clone(self.side.place()),
                wanted: type_name::<T>(),
                columns: error.0.columns_ref().iter().map(|c| c.name_str().into_owned()).collect(),
            })
        };
        rows.into_iter().map(typed).collect()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("place", self.side.place()).finish_non_exhaustive()
    }
}
