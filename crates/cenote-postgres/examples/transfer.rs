//! A shop on PostgreSQL: statements by text, a transaction that is cut short, a request that is given up, and many
//! readers on few connections.
//!
//! `cargo run -p cenote-postgres --example transfer -- postgres://me:secret@localhost/shop` makes a table of its own
//! there and drops it in the end.

use std::time::Duration;

use cenote::Pool;
use cenote_postgres::{Postgres, PostgresError};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("give the URL of a database")?;
    let pool =
        Pool::builder(Postgres::from_url(&url)?).name("shop").max_size(4).build_ready().await?;

    let mut conn = pool.acquire().await?;
    conn.batch_execute(
        "DROP TABLE IF EXISTS cenote_account;
         CREATE TABLE cenote_account (id int PRIMARY KEY, cents int NOT NULL CHECK (cents >= 0));
         INSERT INTO cenote_account VALUES (1, 100), (2, 0)",
    )
    .await?;

    // A text is prepared once for each connection.
    let add = "UPDATE cenote_account SET cents = cents + $2 WHERE id = $1";
    let moved = conn.transaction().run(async |tx| {
        tx.execute(add, &[&1, &-30]).await?;
        tx.execute(add, &[&2, &30]).await
    });
    moved.await?;

    // The second statement is refused, so the first did not happen.
    let too_much = conn.transaction().run(async |tx| {
        tx.execute(add, &[&2, &500]).await?;
        tx.execute(add, &[&1, &-500]).await
    });
    let refused = too_much.await.unwrap_err();
    println!("refused with {}", refused.code().map_or("?", |state| state.code()));

    // Given up by its own timeout, and rolled back.
    let slow = conn.transaction().timeout(Duration::from_millis(50)).run(async |tx| {
        tx.execute(add, &[&1, &1]).await?;
        tx.batch_execute("SELECT pg_sleep(60)").await
    });
    println!("in time: {}", slow.await.is_ok());
    drop(conn); // the server is asked to stop what it still does

    // A hundred readers on four connections.
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let shared = pool.share().await.map_err(|error| error.to_string())?;
                let sum = "SELECT sum(cents)::int FROM cenote_account";
                let row = shared
                    .query_one(sum, &[])
                    .await
                    .map_err(|error: PostgresError| error.to_string())?;
                Ok::<i32, String>(row.get(0))
            })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await??, 100);
    }
    println!("a hundred readers saw 100 cents, on {} connections at most", pool.status().max);

    let conn = pool.acquire().await?;
    for row in conn.query("SELECT id, cents FROM cenote_account ORDER BY id", &[]).await? {
        println!("account {}: {} cents", row.get::<_, i32>(0), row.get::<_, i32>(1));
    }
    conn.batch_execute("DROP TABLE cenote_account").await?;
    drop(conn);
    println!("{}", pool.close(Duration::from_secs(5)).await.is_clean());
    Ok(())
}
