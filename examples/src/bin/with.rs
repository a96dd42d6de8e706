//! Borrow, run, give back in one call. How the closure ended decides what becomes of the connection: a query
//! that fails or is cancelled does not cost one, since SQLite can undo it.

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use cenote::Pool;
use cenote_sqlite::Sqlite;

const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(Sqlite::memory()).name("app").max_size(1).build()?;

    let rows = pool
        .with(async |conn| {
            conn.transaction(|tx| {
                tx.execute("CREATE TABLE word (text TEXT)", [])?;
                tx.execute("INSERT INTO word VALUES ('cave'), ('pool'), ('well')", [])
            })
            .await
        })
        .await?;
    println!("a value:   {rows} rows inserted");

    let failed = pool.with(async |conn| conn.call(|db| db.execute("DELETE FROM wrod", [])).await);
    println!("an error:  {}", failed.await.unwrap_err());

    // Dropping the future, here by a timeout, interrupts the query.
    let endless = pool.with(async |conn| {
        conn.call(|db| db.query_row(ENDLESS, [], |row| row.get::<_, i64>(0))).await
    });
    let cancelled = tokio::time::timeout(Duration::from_millis(50), endless).await.is_err();
    println!("a timeout: cancelled {cancelled}");

    let count = pool
        .with(async |conn| {
            let sql = "SELECT count(*) FROM word";
            conn.call(|db| db.query_row(sql, [], |row| row.get::<_, i64>(0))).await
        })
        .await?;
    let counts = pool.stats().counts;
    println!(
        "after all: {count} words, {} connection made, {} closed",
        counts.connected,
        counts.closes.total()
    );
    Ok(())
}
