//! PostgreSQL: a query that each connection prepares once.

use std::sync::Arc;

use cenote::Manager;
use cenote_postgres::{Postgres, PostgresConnection, PostgresError, PostgresHandle};

use super::{Asked, Driver, Limit, Limits, Sharing, Work, wants_nothing};
use crate::failure::Failure;

/// For the server, the role and the database: how many, and how many are taken by others than the one that asks. What belongs
/// to a session of another role may be hidden, but not that it is there. Physical replication has slots of its own.
const LIMITS: &str = "
WITH others AS (
    SELECT usesysid, datid FROM pg_stat_activity
    WHERE coalesce(backend_type, 'client backend') = 'client backend'
        AND datid IS NOT NULL AND pid <> pg_backend_pid()
)
SELECT current_setting('max_connections')::int8,
    current_setting('superuser_reserved_connections')::int8
        + coalesce(current_setting('reserved_connections', true)::int8, 0),
    (SELECT count(*) FROM others),
    r.rolconnlimit::int8, (SELECT count(*) FROM others WHERE usesysid = r.oid),
    d.datconnlimit::int8, (SELECT count(*) FROM others WHERE datid = d.oid)
FROM pg_roles r, pg_database d
WHERE r.rolname = session_user AND d.datname = current_database()";

impl Driver for Postgres {
    type Query = Arc<str>;

    const GOODBYE_IS_ANSWERED: bool = true;

    async fn ask(
        conn: &mut PostgresConnection,
        query: &Arc<str>,
        _: u64,
    ) -> Result<(), PostgresError> {
        conn.query(&**query, &[]).await.map(drop)
    }

    async fn limits(conn: &mut PostgresConnection) -> Result<Limits, PostgresError> {
        let row = match conn.query_opt(LIMITS, &[]).await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Limits::Untold("its catalogue does not list us".to_owned())),
            // What only speaks PostgreSQL's protocol may not have its catalogue.
            Err(error) if error.db().is_some() => return Ok(Limits::Untold(error.to_string())),
            Err(error) => return Err(error),
        };
        let limit = |name, allows: usize, kept: i64, taken: usize| {
            let [allows, taken] = [allows, taken].map(|column| row.get::<_, i64>(column));
            let [allows, kept, taken] = [allows, kept, taken].map(|n| u64::try_from(n).ok());
            // A limit below zero is none.
            Some(Limit { name, allows: allows?, kept: kept?, taken: taken? })
        };
        let limits = [
            limit("max_connections", 0, row.get(1), 2),
            limit("the role's connection limit", 3, 0, 4),
            limit("the database's connection limit", 5, 0, 6),
        ];
        Ok(Limits::Told(limits.into_iter().flatten().collect()))
    }
}

impl Sharing for Postgres {
    async fn ask_shared(
        handle: &mut PostgresHandle,
        query: &Arc<str>,
    ) -> Result<(), PostgresError> {
        handle.query(&**query, &[]).await.map(drop)
    }
}

pub(super) async fn open<W: Work>(asked: &Asked<'_>, work: &mut W) -> Result<W::Made, Failure> {
    let postgres = Postgres::from_url(asked.url);
    let postgres = postgres.map_err(|error| Failure::usage(format!("--url: {error}")))?;
    let sql = super::sql(asked, "SELECT 1")?;
    check(&postgres, sql).await?;
    let target = format!("PostgreSQL at {}", postgres.place());
    let query: Arc<str> = sql.into();
    match asked.share {
        true => work.shared(postgres, target, query).await,
        false => work.alone(postgres, target, query).await,
    }
}

/// Connects once and looks at the query, before many do.
async fn check(postgres: &Postgres, sql: &str) -> Result<(), Failure> {
    let conn = super::first(postgres, postgres.place()).await?;
    let prepared = conn.prepare(sql).await;
    let parameters = match &prepared {
        Ok(statement) => wants_nothing(statement.params().len()),
        Err(error) => Err(Failure::new(format!("--sql: {error}"))),
    };
    drop(prepared);
    postgres.close(conn).await.map_err(Failure::new)?;
    parameters
}
