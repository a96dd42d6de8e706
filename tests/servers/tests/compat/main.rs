//! Managers that were written for other pools, over real servers: bb8-postgres, deadpool-postgres, diesel-async's for
//! both, r2d2_postgres, redis's own for bb8 and r2d2; and drivers whose connections need no manager of anybody's. What each of their methods is asked
//! for is told by scripted ones, in `cenote-compat`.

mod bb8;
mod deadpool;
mod examples;
mod r2d2;
mod redis;

use std::sync::Arc;

use cenote_server_tests::{blocking, until};
use cenote_testkit::servers::postgres::Server;

/// A server for one test.
async fn server() -> Arc<Server> {
    Arc::new(blocking(Server::start).await.unwrap())
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

/// The driver's settings for a server.
fn config(server: &Server, name: &str) -> tokio_postgres::Config {
    let mut config: tokio_postgres::Config = server.url().parse().unwrap();
    config.application_name(name);
    config
}
