//! Prepare each new connection's session before anybody gets it. The set-up is part of connecting: it runs off
//! the caller's path, under `connect_timeout`, and a connection that cannot be prepared is never lent.

#![forbid(unsafe_code)]

use std::error::Error;

use cenote::{HookFuture, OnConnectError, Pool};
use cenote_sqlite::{Sqlite, SqliteConnection, SqliteError};

/// Temporary tables belong to one connection: a place for what every statement may want to know.
fn prepare(conn: &mut SqliteConnection) -> HookFuture<'_, SqliteError> {
    Box::pin(async {
        conn.call(|db| db.execute_batch("CREATE TEMP TABLE session AS SELECT 'reports' AS service"))
            .await
    })
}

fn prepare_wrongly(conn: &mut SqliteConnection) -> HookFuture<'_, SqliteError> {
    Box::pin(async { conn.call(|db| db.execute_batch("CREATE TEMP TABEL session")).await })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(Sqlite::memory())
        .name("app")
        .max_size(2)
        .min_idle(2)
        .after_connect(prepare)
        .build_ready()
        .await?;
    println!("ready:  {}", pool.status());

    for mut conn in [pool.acquire().await?, pool.acquire().await?] {
        let sql = "SELECT service FROM session";
        let service = conn.call(|db| db.query_row(sql, [], |row| row.get::<_, String>(0))).await?;
        println!("lent:   a connection prepared for {service}");
    }

    // A set-up that fails is a failed connect. By default the pool tries again until the caller's deadline;
    // here the first caller is to hear of it at once.
    let wrong = Pool::builder(Sqlite::memory())
        .name("wrong")
        .after_connect(prepare_wrongly)
        .on_connect_error(OnConnectError::FailFirst)
        .build()?;
    println!("failed: {}", wrong.acquire().await.unwrap_err());
    println!("kept:   {} connections", wrong.stats().counts.connected);
    Ok(())
}
