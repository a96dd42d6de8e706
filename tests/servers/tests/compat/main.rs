//! Managers that were written for other pools, over real servers: bb8-postgres, deadpool-postgres, diesel-async's for
//! both, r2d2_postgres, redis's own for bb8 and r2d2; and drivers whose connections need no manager of anybody's. What each of their methods is asked
//! for is told by scripted ones, in `cenote-compat`.

mod bb8;
mod deadpool;
mod examples;
mod r2d2;
mod redis;

use std::sync::Arc;
use std::time::Duration;

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

/// The connections of clients of this name, by the server's own count.
async fn counted(server: &Arc<Server>, name: &str) -> usize {
    let question =
        format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    sql(server, question).await.parse().unwrap()
}

/// Ends the connections of clients of this name.
async fn kill(server: &Arc<Server>, name: &str) {
    let kill = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{name}'"
    );
    sql(server, kill).await;
}

/// Waits until it is so, for 20 s at most.
async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The driver's settings for a server.
fn config(server: &Server, name: &str) -> tokio_postgres::Config {
    let mut config: tokio_postgres::Config = server.url().parse().unwrap();
    config.application_name(name);
    config
}
