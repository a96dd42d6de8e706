//! The databases that can be measured. Each says how one query is asked of a connection of its; the rest, from the load
//! to the figures, knows none of them. A further one is one file
//! here, and its schemes in [`measure`].

mod http;
mod mysql;
mod postgres;
mod redis;
mod sqlite;

use std::error::Error as StdError;

use cenote::{Manager, Share};

pub(crate) use sqlite::Query as SqliteQuery;

use crate::args::BenchArgs;
use crate::bench::Bench;
use crate::failure::Failure;
use crate::figures::Figures;

/// A database that can be put under load. A clone of it makes connections to the same.
pub(crate) trait Driver: Manager<Error: StdError> + Clone {
    /// What every task asks.
    type Query: Clone + Send + Sync + 'static;

    /// Asks once. `turn` is another number each time.
    fn ask(
        conn: &mut Self::Connection,
        query: &Self::Query,
        turn: u64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// One whose connections several tasks can share.
pub(crate) trait Sharing: Driver + Share {
    /// Asks once over a share.
    fn ask_shared(
        handle: &mut Self::Handle,
        query: &Self::Query,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Measures the database of the URL.
pub(crate) async fn measure(bench: &mut Bench<'_>) -> Result<Figures, Failure> {
    // Not shown, whatever it is: it may hold a password.
    let scheme = bench.args.url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => http::measure(bench).await,
        "mysql" | "mariadb" => mysql::measure(bench).await,
        "postgres" | "postgresql" => postgres::measure(bench).await,
        "redis" | "rediss" | "redis+unix" => redis::measure(bench).await,
        "sqlite" => sqlite::measure(bench).await,
        _ => Err(Failure::usage(
            "--url: the schemes that work are sqlite, as in sqlite:PATH, postgres, mysql and redis, as in postgres://USER:PASSWORD@HOST/DATABASE, and http and https, as in http://HOST/PATH",
        )),
    }
}

/// The query that was given, or the driver's.
fn sql<'a>(args: &'a BenchArgs, default: &'a str) -> Result<&'a str, Failure> {
    let sql = args.sql.as_deref().unwrap_or(default);
    if sql.trim().is_empty() {
        return Err(Failure::usage("--sql: the query is empty: write one"));
    }
    Ok(sql)
}

/// A query is run as it is, so it must be whole.
fn wants_nothing(parameters: usize) -> Result<(), Failure> {
    match parameters {
        0 => Ok(()),
        n => Err(Failure::new(format!(
            "--sql: the query wants {n} parameter(s), and there is nothing to bind to them: write values instead"
        ))),
    }
}
