//! SQLite: the user's own file. It is neither created nor changed by anything but the query itself.

use std::io::ErrorKind;
use std::sync::Arc;

use cenote::Manager;
use cenote_sqlite::rusqlite::{Connection, Error as QueryError, Result as QueryResult};
use cenote_sqlite::{Sqlite, SqliteConnection, SqliteError};

use super::{Asked, Driver, Limits, Work, wants_nothing};
use crate::failure::Failure;

/// One query. `turn` is another number each time.
pub(crate) type Query = Arc<dyn Fn(&mut Connection, u64) -> QueryResult<()> + Send + Sync>;

impl Driver for Sqlite {
    type Query = Query;

    const GOODBYE_IS_ANSWERED: bool = true;

    async fn ask(conn: &mut SqliteConnection, query: &Query, turn: u64) -> Result<(), SqliteError> {
        let query = Arc::clone(query);
        conn.call(move |db| query(db, turn)).await
    }

    async fn limits(_: &mut SqliteConnection) -> Result<Limits, SqliteError> {
        Ok(Limits::None("SQLite has no limit of connections"))
    }
}

/// A query that is given as text; its rows are read to the end.
fn run_query(sql: &str) -> Query {
    let sql: Arc<str> = sql.into();
    Arc::new(move |db, _| {
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    })
}

pub(super) async fn open<W: Work>(asked: &Asked<'_>, work: &mut W) -> Result<W::Made, Failure> {
    let sqlite = database(asked.url)?;
    if asked.share {
        return Err(Failure::usage(
            "--share: SQLite answers one request at a time on each connection: leave it out",
        ));
    }
    let sql = super::sql(asked, "SELECT count(*) FROM sqlite_schema")?;
    check(&sqlite, sql).await?;
    let (target, query) = (format!("sqlite:{}", sqlite.path()), run_query(sql));
    work.alone(sqlite, target, query).await
}

/// The user's database as it is: its own journal mode, and only to be read where it may only be read.
fn database(url: &str) -> Result<Sqlite, Failure> {
    let sqlite = Sqlite::from_url(url).map_err(|error| match error {
        SqliteError::Url { .. } => Failure::usage(format!("--url: {error}")),
        error => error.into(),
    })?;
    if sqlite.path() == ":memory:" {
        return Err(Failure::usage(
            "--url: a database in memory is empty: give the path of a file",
        ));
    }
    let sqlite = sqlite.create(false).without_pragma("journal_mode");
    let writable = std::fs::OpenOptions::new().write(true).open(sqlite.path());
    Ok(match writable {
        Err(error) if error.kind() != ErrorKind::NotFound => sqlite.read_only(true),
        _ => sqlite,
    })
}

/// Opens the database once and looks at the query, before many do.
async fn check(sqlite: &Sqlite, sql: &str) -> Result<(), Failure> {
    let mut conn = sqlite.connect().await?;
    let sql = sql.to_owned();
    let parameters = conn.call(move |db| Ok(db.prepare(&sql)?.parameter_count())).await;
    sqlite.close(conn).await?;
    match parameters {
        Ok(parameters) => wants_nothing(parameters),
        Err(error) if matches!(error.sqlite(), Some(QueryError::MultipleStatement)) => {
            Err(Failure::new("--sql: there is more than one statement: give one"))
        }
        Err(error) => Err(Failure::new(format!("--sql: {error}"))),
    }
}
