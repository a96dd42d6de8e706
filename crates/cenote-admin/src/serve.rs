//! A server of its own, for programs that have none. Whoever connects has a bounded time for everything, and there is a
//! bounded number of those: nobody can hang it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::admin::Admin;
use crate::guard::Bound;
use crate::patient::Patient;

/// The most connections at once: those of 64 streams among them.
const CONNECTIONS: usize = 256;
/// How long the headers of a request may take to come, the time between two requests included.
const HEADERS: Duration = Duration::from_secs(10);
/// What is buffered of each connection, headers included: what a slow reader is behind by at most.
const BUFFER: usize = 16 * 1024;

impl Admin {
    /// Serves the router on this listener, over HTTP/1.1 and without TLS, until the future is dropped. On a loopback
    /// address, which is the right one unless something with TLS stands in front, it only answers when it is asked for by a
    /// loopback name.
    ///
    /// # Errors
    /// The listener has no address any more.
    ///
    /// ```no_run
    /// # async fn serve(admin: cenote_admin::Admin) -> std::io::Result<()> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:7070").await?;
    /// admin.serve(listener).await
    /// # }
    /// ```
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        let router = self.router().layer(Extension(Bound(listener.local_addr()?)));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        // What is under way ends with the future.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((socket, _)) => {
                    let router = router.clone();
                    connections.spawn(async move {
                        converse(socket, router).await;
                        drop(place);
                    });
                }
                // Too many files are open, or the other side has gone already: both pass.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// Answers one client until it leaves.
async fn converse(socket: TcpStream, router: Router) {
    // An update is one write: nothing is gained by waiting for more.
    let _ = socket.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(BUFFER)
        .max_headers(64)
        .serve_connection(TokioIo::new(Patient::new(socket)), TowerToHyperService::new(router))
        .await;
    // What goes wrong with a client is the client's affair.
    drop(served);
}
