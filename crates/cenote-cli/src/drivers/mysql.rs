//! MySQL and MariaDB: a query that each connection prepares once.

use std::sync::Arc;

use cenote::Manager;
use cenote_mysql::mysql_async::Row;
use cenote_mysql::{Mysql, MysqlConnection, MysqlError};

use super::{Asked, Driver, Limit, Limits, Work, wants_nothing};
use crate::failure::Failure;

impl Driver for Mysql {
    type Query = Arc<str>;

    /// The protocol has a goodbye, and no answer to it.
    const GOODBYE_IS_ANSWERED: bool = false;

    async fn ask(conn: &mut MysqlConnection, query: &Arc<str>, _: u64) -> Result<(), MysqlError> {
        conn.exec::<Row, _, _>(&**query, ()).await.map(drop)
    }

    async fn limits(conn: &mut MysqlConnection) -> Result<Limits, MysqlError> {
        let asked = async |conn: &mut MysqlConnection| {
            let limits = "SELECT @@global.max_connections, @@max_user_connections";
            let limits: Option<(u64, u64)> = conn.query_first(limits).await?;
            let threads = "SHOW GLOBAL STATUS LIKE 'Threads_connected'";
            let threads: Option<(String, u64)> = conn.query_first(threads).await?;
            // Everybody may see the sessions of their own name.
            let own = "SELECT count(*) FROM information_schema.processlist \
                       WHERE user = substring_index(user(), '@', 1)";
            Ok((limits, threads, conn.query_first::<u64, _>(own).await?))
        };
        let (limits, threads, own) = match asked(conn).await {
            Ok(answers) => answers,
            Err(error) => {
                let error: MysqlError = error;
                return if error.server().is_some() {
                    Ok(Limits::Untold(error.to_string()))
                } else {
                    Err(error)
                };
            }
        };
        let (Some((allows, of_user)), Some((_, threads)), Some(own)) = (limits, threads, own)
        else {
            return Ok(Limits::Untold("it does not know its own variables".to_owned()));
        };
        let limit = |name, allows, counted: u64| Limit {
            name,
            allows,
            kept: 0,
            taken: counted.saturating_sub(1),
        };
        let mut limits = vec![limit("max_connections", allows, threads)];
        // 0 is none.
        if of_user > 0 {
            limits.push(limit("max_user_connections", of_user, own));
        }
        Ok(Limits::Told(limits))
    }
}

pub(super) async fn open<W: Work>(asked: &Asked<'_>, work: &mut W) -> Result<W::Made, Failure> {
    let mysql = Mysql::from_url(asked.url);
    let mysql = mysql.map_err(|error| Failure::usage(format!("--url: {error}")))?;
    if asked.share {
        return Err(Failure::usage(
            "--share: MySQL answers one request at a time on each connection: leave it out",
        ));
    }
    let sql = super::sql(asked, "SELECT 1")?;
    check(&mysql, sql).await?;
    let target = format!("MySQL at {}", mysql.place());
    work.alone(mysql, target, sql.into()).await
}

/// Connects once and looks at the query, before many do.
async fn check(mysql: &Mysql, sql: &str) -> Result<(), Failure> {
    let mut conn = super::first(mysql, mysql.place()).await?;
    let parameters = match conn.prep(sql).await {
        Ok(statement) => wants_nothing(statement.num_params().into()),
        Err(error) => Err(Failure::new(format!("--sql: {error}"))),
    };
    mysql.close(conn).await.map_err(Failure::new)?;
    parameters
}
