//! The driver for Redis on real servers: what a borrower gets, what the next one finds, and what happens when the server or
//! the way to it is not well.

mod basic;
mod clean;
mod dying;
mod misbehaving;
mod places;
mod program;
mod refusals;
mod shares;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Builder, Pool};
use cenote_redis::redis::cmd;
use cenote_redis::{Redis, RedisConnection};
use cenote_server_tests::{Subject, blocking, inner, until};
use cenote_testkit::servers::redis::Server;

/// A server for one test.
async fn server() -> Arc<Server> {
    Arc::new(blocking(Server::start).await.unwrap())
}

/// Runs a command past the pool, its words divided by blanks.
async fn run(server: &Arc<Server>, command: impl Into<String>) -> String {
    let (server, command) = (Arc::clone(server), command.into());
    blocking(move || server.run(&command.split(' ').collect::<Vec<_>>())).await.unwrap()
}

fn redis(server: &Server) -> Redis {
    Redis::from_url(&server.url()).unwrap().client_name("pool")
}

fn pool(server: &Server) -> Builder<Redis> {
    Pool::builder(redis(server)).max_size(4)
}

/// The pool's connections by the server's own count.
async fn counted(server: &Arc<Server>) -> usize {
    let server = Arc::clone(server);
    blocking(move || server.clients("pool")).await.unwrap()
}

/// Sends a command to a server that is frozen, and waits no longer: the answer is to come when it thaws.
async fn abandon(command: impl Future) {
    assert!(tokio::time::timeout(Duration::from_millis(20), command).await.is_err());
}

/// A server of one test, as the worlds of several servers see it.
struct Here(Arc<Server>);

impl Subject for Here {
    type Manager = Redis;

    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn pool(&self, address: SocketAddr) -> Builder<Redis> {
        let through = Redis::from_url(&self.0.url_through(address)).unwrap();
        Pool::builder(through.client_name("pool"))
    }

    fn watcher(&self) -> Redis {
        redis(&self.0).client_name("watcher")
    }

    async fn count(&self, watcher: &mut RedisConnection) -> usize {
        let list: String = cmd("CLIENT").arg("LIST").query_async(watcher).await.unwrap();
        list.matches(" name=pool ").count()
    }
}
