//! PostgreSQL: a query that each connection prepares once.

use std::sync::Arc;

use cenote::Manager;
use cenote_postgres::{Postgres, PostgresConnection, PostgresError, PostgresHandle};

use super::{Driver, Sharing, wants_nothing};
use crate::bench::Bench;
use crate::failure::Failure;
use crate::figures::Figures;

impl Driver for Postgres {
    type Query = Arc<str>;

    async fn ask(
        conn: &mut PostgresConnection,
        query: &Arc<str>,
        _: u64,
    ) -> Result<(), PostgresError> {
        conn.query(&**query, &[]).await.map(drop)
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

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<Figures, Failure> {
    let postgres = Postgres::from_url(&bench.args.url);
    let postgres = postgres.map_err(|error| Failure::usage(format!("--url: {error}")))?;
    let sql = super::sql(bench.args, "SELECT 1")?;
    check(&postgres, sql).await?;
    let target = format!("PostgreSQL at {}", postgres.place());
    let query: Arc<str> = sql.into();
    match bench.args.share {
        true => bench.measure_shared(postgres, target, query).await,
        false => bench.measure(postgres, target, query).await,
    }
}

/// Connects once and looks at the query, before many do.
async fn check(postgres: &Postgres, sql: &str) -> Result<(), Failure> {
    let conn = postgres.connect().await.map_err(Failure::new)?;
    let prepared = conn.prepare(sql).await;
    let parameters = match &prepared {
        Ok(statement) => wants_nothing(statement.params().len()),
        Err(error) => Err(Failure::new(format!("--sql: {error}"))),
    };
    drop(prepared);
    postgres.close(conn).await.map_err(Failure::new)?;
    parameters
}
