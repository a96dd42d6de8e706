//! The driver for MySQL on real servers of MariaDB: what a borrower gets, what the next one finds, and what happens when
//! the server or the way to it is not well.

mod basic;
mod cancel;
mod clean;
mod dying;
mod misbehaving;
mod places;
mod program;
mod refusals;
mod tls;
mod transactions;

use std::sync::Arc;
use std::time::Duration;

use cenote::{Builder, Error, Pool};
use cenote_mysql::{Mysql, MysqlError};
use cenote_testkit::servers::mariadb::Server;
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

/// Somebody who is no superuser.
async fn make_app(server: &Arc<Server>, password: &str) {
    sql(
        server,
        format!("CREATE USER app IDENTIFIED BY '{password}'; GRANT ALL ON cenote.* TO app"),
    )
    .await;
}

fn mysql(server: &Server) -> Mysql {
    Mysql::from_url(&server.url()).unwrap()
}

fn pool(server: &Server) -> Builder<Mysql> {
    Pool::builder(mysql(server)).max_size(4)
}

/// The sessions of clients by the server's own count, but for the one that asks.
const COUNT: &str = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
    WHERE COMMAND NOT IN ('Daemon', 'Binlog Dump') AND ID <> CONNECTION_ID()";

async fn counted(server: &Arc<Server>) -> usize {
    sql(server, COUNT).await.parse().unwrap()
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
fn inner(error: Error<MysqlError>) -> MysqlError {
    match error {
        Error::Run(error) => error,
        error => panic!("an error of the closure's, not: {error}"),
    }
}
