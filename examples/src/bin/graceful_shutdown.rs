//! A web service that ends without losing a request: stop listening, let the requests in flight finish with
//! the connections they hold, close the pool within a deadline, and report.
//!
//! A real service waits for a signal; this one asks itself something slow and shuts down meanwhile.

#![forbid(unsafe_code)]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use cenote::Pool;
use cenote_sqlite::Sqlite;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

const PATIENCE: Duration = Duration::from_secs(10);

struct App {
    pool: Pool<Sqlite>,
    /// A request has its connection.
    busy: Notify,
    /// What makes the request slow is over.
    go_on: Notify,
}

async fn answer(State(app): State<Arc<App>>) -> Result<String, (StatusCode, String)> {
    let unavailable =
        |error: cenote::Error<_>| (StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    let mut conn = app.pool.acquire().await.map_err(unavailable)?;
    app.busy.notify_one();
    app.go_on.notified().await;
    let sql = "SELECT 6 * 7";
    let answer = conn.call(|db| db.query_row(sql, [], |row| row.get::<_, i64>(0))).await;
    answer
        .map(|answer| format!("the answer is {answer}"))
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let pool = Pool::builder(Sqlite::memory()).name("app").max_size(4).build_ready().await?;
    let app = Arc::new(App { pool: pool.clone(), busy: Notify::new(), go_on: Notify::new() });

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/", get(answer)).with_state(Arc::clone(&app));
    let (shutdown, asked) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = asked.await;
    });
    let server = tokio::spawn(async { server.await });
    let client = tokio::spawn(ask(address));
    app.busy.notified().await;
    println!("in flight: {}", pool.status());

    // The shutdown: no new requests, then no new borrowers.
    let _ = shutdown.send(());
    let drained = pool.drain(PATIENCE);
    println!("newcomer:  {}", pool.acquire().await.unwrap_err());

    app.go_on.notify_one();
    println!("response:  {}", client.await??);
    server.await??;
    println!("drained:   {}", drained.await);
    println!("closed:    {}", pool.close(PATIENCE).await);
    println!("at last:   {}", pool.status());
    Ok(())
}

/// A request by hand: the status line and the body of the response.
async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let status = response.lines().next().unwrap_or_default();
    let body = response.split("\r\n\r\n").nth(1).unwrap_or_default();
    Ok(format!("{status}: {body}"))
}
