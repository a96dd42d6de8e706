//! A look at a server past the cluster, over a connection of its own.

use std::time::Duration;

use cenote::{Manager, Node};
use tokio::time::{Instant, sleep};

use crate::Trouble;
use crate::kind::{Kind, Sign};

/// How long anything is looked at.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks every 2 ms until the server shows it. Returns when that was.
pub(crate) async fn when<K: Kind>(url: String, sign: Sign) -> Result<Instant, Trouble> {
    let mut conn = K::manager(&Node::new("direct", url))?.connect().await?;
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if K::shows(&mut conn, sign).await? {
            return Ok(Instant::now());
        }
        sleep(Duration::from_millis(2)).await;
    }
    Err(format!("{sign:?}: not within {LIMIT:?}").into())
}
