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

use std::sync::Arc;
use std::time::Duration;

use cenote::{Builder, Error, Pool};
use cenote_redis::{Redis, RedisError};
use cenote_testkit::servers::redis::Server;
use tokio::time::{Instant, sleep};

/// A server for one test.
async fn server() -> Arc<Server> {
    Arc::new(blocking(Server::start).await.unwrap())
}

/// Runs what blocks.
async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap()
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

/// Waits until it is so, for 20 s at most.
async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The driver's error in one of the pool's.
fn inner(error: Error<RedisError>) -> RedisError {
    match error {
        Error::Run(error) => error,
        error => panic!("an error of the closure's, not: {error}"),
    }
}

/// Sends a command to a server that is frozen, and waits no longer: the answer is to come when it thaws.
async fn abandon(command: impl Future) {
    assert!(tokio::time::timeout(Duration::from_millis(20), command).await.is_err());
}
