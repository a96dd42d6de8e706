//! MySQL and MariaDB: a query that each connection prepares once.

use std::sync::Arc;

use cenote::Manager;
use cenote_mysql::mysql_async::Row;
use cenote_mysql::{Mysql, MysqlConnection, MysqlError};

use super::{Driver, wants_nothing};
use crate::bench::Bench;
use crate::failure::Failure;
use crate::figures::Figures;

impl Driver for Mysql {
    type Query = Arc<str>;

    async fn ask(conn: &mut MysqlConnection, query: &Arc<str>, _: u64) -> Result<(), MysqlError> {
        conn.exec::<Row, _, _>(&**query, ()).await.map(drop)
    }
}

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<Figures, Failure> {
    let mysql = Mysql::from_url(&bench.args.url);
    let mysql = mysql.map_err(|error| Failure::usage(format!("--url: {error}")))?;
    if bench.args.share {
        return Err(Failure::usage(
            "--share: MySQL answers one request at a time on each connection: leave it out",
        ));
    }
    let sql = super::sql(bench.args, "SELECT 1")?;
    check(&mysql, sql).await?;
    let target = format!("MySQL at {}", mysql.place());
    bench.measure(mysql, target, sql.into()).await
}

/// Connects once and looks at the query, before many do.
async fn check(mysql: &Mysql, sql: &str) -> Result<(), Failure> {
    let mut conn = mysql.connect().await.map_err(Failure::new)?;
    let parameters = match conn.prep(sql).await {
        Ok(statement) => wants_nothing(statement.num_params().into()),
        Err(error) => Err(Failure::new(format!("--sql: {error}"))),
    };
    mysql.close(conn).await.map_err(Failure::new)?;
    parameters
}
