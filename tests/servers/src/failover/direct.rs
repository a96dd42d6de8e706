//! A look at a server past the cluster, over a connection of its own.

use std::time::Duration;

use cenote::Manager;
use cenote_postgres::Postgres;
use tokio::time::{Instant, sleep};

use crate::Trouble;

/// How long anything is looked at.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks every 2 ms until the answer to a question that can be true or false is true. Returns when that was.
pub(crate) async fn when(url: String, question: &'static str) -> Result<Instant, Trouble> {
    let conn = Postgres::from_url(&url)?.connect().await?;
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if conn.query_one(question, &[]).await?.get::<_, Option<bool>>(0) == Some(true) {
            return Ok(Instant::now());
        }
        sleep(Duration::from_millis(2)).await;
    }
    Err(format!("{question}: not true within {LIMIT:?}").into())
}
