//! Borrow a connection, use it, give it back. Dropping the guard is all it takes.

#![forbid(unsafe_code)]

use std::error::Error;

use cenote::{Pool, Pooled};
use cenote_sqlite::Sqlite;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(Sqlite::memory()).name("app").max_size(4).build()?;
    println!("built:  {}", pool.status());

    // Nothing is idle yet, so the pool makes a connection. The guard derefs to it.
    let mut conn = pool.acquire().await?;
    let answer =
        conn.call(|db| db.query_row("SELECT 6 * 7", [], |row| row.get::<_, i64>(0))).await?;
    println!("lent:   {}", pool.status());

    drop(conn);
    println!("back:   {}", pool.status());

    // An idle connection is lent at once, without a wait.
    let conn = pool.acquire().await?;
    let (id, uses) = (Pooled::id(&conn), Pooled::uses(&conn));
    println!("again:  connection {id}, used {uses} time before");

    // What nobody should use again is closed instead of given back.
    Pooled::discard(conn);
    println!("result: {answer}, {} connection made in all", pool.stats().counts.connected);
    Ok(())
}
