//! A service that mounts the admin router beside its own routes: everybody who reaches it can look, and whoever has the
//! token can resize the pool while it serves. Here the service asks itself.

#![forbid(unsafe_code)]

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use cenote::Pool;
use cenote_admin::Admin;
use cenote_admin::document::Document;
use cenote_cluster::Registry;
use cenote_sqlite::Sqlite;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A real one comes from the environment, and is 32 random bytes.
const TOKEN: &str = "only-for-this-example";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let pool = Pool::builder(Sqlite::memory()).name("app").max_size(4).build_ready().await?;
    let registry = Registry::new();
    registry.pool(&pool);
    let admin = Admin::builder(registry).token(TOKEN).build();

    let app = Router::new()
        .route("/", get(|| async { "the service itself" }))
        .nest("/pools", admin.router());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async { axum::serve(listener, app).await });

    let (code, _) = ask(address, "GET", "/pools/index.html", None, "").await?;
    let (_, status) = ask(address, "GET", "/pools/status", None, "").await?;
    let document: Document = serde_json::from_str(&status)?;
    let app = &document.pools[0];
    println!("status:  {}, size {} of 4, a page of {code}", app.name, app.status.size);

    let resize = r#"{"op": "resize", "target": "app", "value": 8}"#;
    let (code, refused) = ask(address, "POST", "/pools/operations", None, resize).await?;
    println!("without: {code} {refused}");
    let (code, done) = ask(address, "POST", "/pools/operations", Some(TOKEN), resize).await?;
    println!("with:    {code} {done}");
    let (code, ready) = ask(address, "GET", "/pools/readyz", None, "").await?;
    println!("ready:   {code} {}", ready.trim());
    server.abort();
    Ok(())
}

/// The code and the body of an answer.
async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Result<(String, String), Box<dyn Error + Send + Sync>> {
    let mut socket = TcpStream::connect(address).await?;
    let token =
        token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{token}content-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let code = head.split(' ').nth(1).unwrap_or_default();
    Ok((code.to_owned(), body.to_owned()))
}
