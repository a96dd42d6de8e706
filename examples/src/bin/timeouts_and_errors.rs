//! What can go wrong, and what it looks like: every failure has a type, one sentence, and an end.

#![forbid(unsafe_code)]

use std::error::Error as StdError;
use std::time::Duration;

use cenote::{Error, Pool};
use cenote_sqlite::Sqlite;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    // Options that cannot work are refused when the pool is built.
    let refused = Pool::builder(Sqlite::memory()).max_size(4).min_size(5).build().unwrap_err();
    println!("config:    {refused}");

    let pool = Pool::builder(Sqlite::memory()).name("small").max_size(1).build()?;
    let held = pool.acquire().await?;

    // The only connection is lent. One deadline covers the whole wait; 30 s unless said otherwise.
    match pool.acquire().timeout(Duration::from_millis(20)).await {
        Err(Error::Timeout { waited, status, .. }) => {
            println!("timeout:   waited at least 20 ms: {}; {status}", waited.as_millis() >= 20);
        }
        other => println!("unexpected: {other:?}"),
    }
    println!("exhausted: {}", pool.try_acquire().unwrap_err());

    // Better a quick no than a long queue: nobody may wait any more.
    pool.set_max_waiting(0)?;
    println!("full:      {}", pool.acquire().await.unwrap_err());
    drop(held);

    // The closure's own error comes back as it is, apart from the pool's.
    let run = pool.with(async |conn| conn.call(|db| db.execute("SELEC 1", [])).await).await;
    match run {
        Err(Error::Run(error)) => println!("query:     {error}"),
        other => println!("unexpected: {other:?}"),
    }

    // A connect error that will not pass fails at once, long before the deadline.
    let nowhere = Pool::builder(Sqlite::file("no/such/folder/app.db")).name("nowhere").build()?;
    let error = nowhere.acquire().await.unwrap_err();
    println!("connect:   {error}");
    println!("           worth another try: {}", error.is_transient());

    pool.close(Duration::from_secs(1)).await;
    println!("closed:    {}", pool.acquire().await.unwrap_err());
    Ok(())
}
