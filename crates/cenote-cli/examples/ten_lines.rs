//! The pool in ten lines, as `cenote demo` shows them.

use cenote::Pool;
use cenote_sqlite::Sqlite;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder(Sqlite::file("app.db")).max_size(8).build()?;
    let mut conn = pool.acquire().await?; // dropping it gives it back
    conn.call(|db| db.execute_batch("CREATE TABLE IF NOT EXISTS t (x)")).await?;
    println!("{}", pool.status());
    Ok(())
}
