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

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use cenote::{Builder, Pool};
use cenote_mysql::{Mysql, MysqlConnection};
use cenote_server_tests::{Subject, blocking, inner, until};
use cenote_testkit::servers::mariadb::Server;

/// A server for one test.
async fn server() -> Arc<Server> {
    Arc::new(blocking(Server::start).await.unwrap())
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

/// A server of one test, as the worlds of several servers see it.
struct Here {
    server: Arc<Server>,
    /// The numbers of the pool's sessions on the server. Those that stop others are not the pool's.
    ids: Arc<Mutex<HashSet<u32>>>,
}

impl Here {
    fn new(server: Arc<Server>) -> Here {
        Here { server, ids: Arc::default() }
    }
}

impl Subject for Here {
    type Manager = Mysql;

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn pool(&self, address: SocketAddr) -> Builder<Mysql> {
        let through = Mysql::from_url(&self.server.url_through(address)).unwrap();
        let ids = Arc::clone(&self.ids);
        Pool::builder(through).after_connect(move |conn| {
            ids.lock().unwrap().insert(conn.id());
            Box::pin(async { Ok(()) })
        })
    }

    fn watcher(&self) -> Mysql {
        mysql(&self.server)
    }

    async fn count(&self, watcher: &mut MysqlConnection) -> usize {
        let there = watcher.query::<u32, _>(COUNT.replace("COUNT(*)", "ID")).await.unwrap();
        let known = self.ids.lock().unwrap();
        there.iter().filter(|id| known.contains(id)).count()
    }
}
