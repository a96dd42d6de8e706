//! SQLite: the user's own file. It is neither created nor changed by anything but the query itself.

use std::io::ErrorKind;
use std::sync::Arc;

use cenote::Manager;
use cenote_sqlite::rusqlite::{Connection, Error as QueryError, Result as QueryResult};
use cenote_sqlite::{Sqlite, SqliteConnection, SqliteError};

use super::{Driver, wants_nothing};
use crate::bench::Bench;
use crate::failure::Failure;
use crate::figures::Figures;

/// One query. `turn` is another number each time.
pub(crate) type Query = Arc<dyn Fn(&mut Connection, u64) -> QueryResult<()> + Send + Sync>;

impl Driver for Sqlite {
    type Query = Query;

    async fn ask(conn: &mut SqliteConnection, query: &Query, turn: u64) -> Result<(), SqliteError> {
        let query = Arc::clone(query);
        conn.call(move |db| query(db, turn)).await
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

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<Figures, Failure> {
    let sqlite = database(&bench.args.url)?;
    if bench.args.share {
        return Err(Failure::usage(
            "--share: SQLite answers one request at a time on each connection: leave it out",
        ));
    }
    let sql = super::sql(bench.args, "SELECT count(*) FROM sqlite_schema")?;
    check(&sqlite, sql).await?;
    let (target, query) = (format!("sqlite:{}", sqlite.path()), run_query(sql));
    bench.measure(sqlite, target, query).await
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
