//! The driver for PostgreSQL on real servers: what a borrower gets, what the next one finds, and what happens when the
//! server or the way to it is not well.

mod basic;
mod bench;
mod cancel;
mod clean;
mod dying;
mod misbehaving;
mod places;
mod program;
mod refusals;
mod shares;
mod size;
mod tls;
mod transactions;

use std::sync::Arc;
use std::time::Duration;

use cenote::{Builder, Error, Pool};
use cenote_postgres::{Postgres, PostgresError};
use cenote_testkit::servers::postgres::Server;
use tokio::time::{Instant, sleep};

/// A server for one test.
async fn server() -> Arc<Server> {
    Arc::new(blocking(Server::start).await.unwrap())
}

/// Runs what blocks.
async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn sql(server: &Arc<Server>, sql: impl Into<String>) -> String {
    let (server, sql) = (Arc::clone(server), sql.into());
    blocking(move || server.run_sql(&sql)).await.unwrap()
}

fn postgres(server: &Server) -> Postgres {
    Postgres::from_url(&server.url()).unwrap().application_name("pool")
}

fn pool(server: &Server) -> Builder<Postgres> {
    Pool::builder(postgres(server)).max_size(4)
}

/// The pool's connections by the server's own count.
async fn counted(server: &Arc<Server>) -> usize {
    let question = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'";
    sql(server, question).await.parse().unwrap()
}

/// Waits until it is so, for 20 s at most.
async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The driver's error in one of the pool's.
fn inner(error: Error<PostgresError>) -> PostgresError {
    match error {
        Error::Run(error) => error,
        error => panic!("an error of the closure's, not: {error}"),
    }
}
