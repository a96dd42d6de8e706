//! The databases that can be measured. Each says how one query is asked of a connection of its, and what the server says
//! of its limit; the rest, from the load to the figures, knows none of them. A further one is one file
//! here, and its schemes in [`open`].

mod http;
mod limit;
mod mysql;
mod postgres;
mod redis;
mod sqlite;

use std::error::Error as StdError;
use std::fmt::Display;
use std::time::Duration;

use cenote::{Manager, Share};
use tokio::time::timeout;

pub(crate) use limit::{Limit, Limits};
pub(crate) use sqlite::Query as SqliteQuery;

use crate::failure::Failure;

/// A database that can be put under load. A clone of it makes connections to the same.
pub(crate) trait Driver: Manager<Error: StdError> + Clone {
    /// What every task asks.
    type Query: Clone + Send + Sync + 'static;

    /// Whether a connection that has been closed here is one that the server counts no more.
    const GOODBYE_IS_ANSWERED: bool;

    /// Asks once. `turn` is another number each time.
    fn ask(
        conn: &mut Self::Connection,
        query: &Self::Query,
        turn: u64,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Asks the server how many connections it allows.
    fn limits(
        conn: &mut Self::Connection,
    ) -> impl Future<Output = Result<Limits, Self::Error>> + Send;
}

/// One whose connections several tasks can share.
pub(crate) trait Sharing: Driver + Share {
    /// Asks once over a share.
    fn ask_shared(
        handle: &mut Self::Handle,
        query: &Self::Query,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What is to be asked, and of whom.
pub(crate) struct Asked<'a> {
    pub(crate) url: &'a str,
    pub(crate) sql: Option<&'a str>,
    /// Tasks share connections.
    pub(crate) share: bool,
}

/// What is done with a database that has been found to answer: the run of a command.
pub(crate) trait Work {
    type Made;

    /// Over connections that one task has at a time.
    async fn alone<D: Driver>(
        &mut self,
        driver: D,
        target: String,
        query: D::Query,
    ) -> Result<Self::Made, Failure>;

    /// Over connections that tasks share.
    async fn shared<D: Sharing>(
        &mut self,
        driver: D,
        target: String,
        query: D::Query,
    ) -> Result<Self::Made, Failure>;
}

/// Looks whether the database of the URL answers the query, and has the work done.
pub(crate) async fn open<W: Work>(asked: &Asked<'_>, work: &mut W) -> Result<W::Made, Failure> {
    // Not shown, whatever it is: it may hold a password.
    let scheme = asked.url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => http::open(asked, work).await,
        "mysql" | "mariadb" => mysql::open(asked, work).await,
        "postgres" | "postgresql" => postgres::open(asked, work).await,
        "redis" | "rediss" | "redis+unix" => redis::open(asked, work).await,
        "sqlite" => sqlite::open(asked, work).await,
        _ => Err(Failure::usage(
            "--url: the schemes that work are sqlite, as in sqlite:PATH, postgres, mysql and redis, as in postgres://USER:PASSWORD@HOST/DATABASE, and http and https, as in http://HOST/PATH",
        )),
    }
}

/// How long the first connection may take. Whoever accepts it and says nothing would keep us for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first connection, which looks at the query before many do.
async fn first<D: Driver>(driver: &D, place: impl Display) -> Result<D::Connection, Failure> {
    match timeout(PATIENCE, driver.connect()).await {
        Ok(connected) => connected.map_err(Failure::new),
        Err(_) => Err(Failure::new(format!(
            "{place}: no answer within {} s: see whether it listens there, and how it fares",
            PATIENCE.as_secs()
        ))),
    }
}

/// The query that was given, or the driver's.
fn sql<'a>(asked: &Asked<'a>, default: &'a str) -> Result<&'a str, Failure> {
    let sql = asked.sql.unwrap_or(default);
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
