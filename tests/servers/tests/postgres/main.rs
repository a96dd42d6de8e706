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

use std::net::SocketAddr;
use std::sync::Arc;

use cenote::{Builder, Pool};
use cenote_postgres::{Postgres, PostgresConnection};
use cenote_server_tests::{Subject, blocking, inner, until};
use cenote_testkit::servers::postgres::Server;

/// A server for one test.
async fn server() -> Arc<Server> {
    Arc::new(blocking(Server::start).await.unwrap())
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
const COUNT: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'";

async fn counted(server: &Arc<Server>) -> usize {
    sql(server, COUNT).await.parse().unwrap()
}

/// A server of one test, as the worlds of several servers see it.
struct Here(Arc<Server>);

impl Subject for Here {
    type Manager = Postgres;

    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn pool(&self, address: SocketAddr) -> Builder<Postgres> {
        let through = Postgres::from_url(&self.0.url_through(address)).unwrap();
        Pool::builder(through.application_name("pool"))
    }

    fn watcher(&self) -> Postgres {
        postgres(&self.0).application_name("watcher")
    }

    async fn count(&self, watcher: &mut PostgresConnection) -> usize {
        let count: i64 = watcher.query_one(COUNT, &[]).await.unwrap().get(0);
        count.try_into().unwrap()
    }
}
