//! Priorities: a health check passes the web requests that wait, and these pass batch work. The levels are
//! strict, and inside a level it is first come, first served.
//!
//! Time is virtual: sleeps are skipped, so the numbers are exact and the program ends at once.

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use cenote::Pool;
use cenote_testkit::Script;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep};

// Three levels are there unless told otherwise, and who says nothing is in the middle one.
const HEALTH: u8 = 0;
const WEB: u8 = 1;
const BATCH: u8 = 2;

const USE: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    // The testkit's scripted manager stands in for a server. One connection: each waits for the ones before.
    let pool = Pool::builder(Script::new()).name("app").max_size(1).build()?;
    println!("levels:");
    levels(&pool).await?;
    println!("strict:");
    starved(&pool).await?;
    println!("a level that does not exist counts as the last:");
    drop(pool.acquire().priority(9).await?);
    println!("  {} such call", pool.stats().counts.clamped);
    Ok(())
}

/// Callers of three kinds come one after the other while the connection is lent.
async fn levels(pool: &Pool<Script>) -> Result<(), Box<dyn Error>> {
    let held = pool.acquire().await?;
    let callers = [
        ("batch 1", BATCH),
        ("batch 2", BATCH),
        ("web 1", WEB),
        ("batch 3", BATCH),
        ("web 2", WEB),
        ("health", HEALTH),
    ];
    let mut tasks = JoinSet::new();
    for (name, level) in callers {
        let pool = pool.clone();
        tasks.spawn(async move {
            let _conn = pool.acquire().priority(level).await;
            println!("  {name}");
            sleep(USE).await;
        });
        // Until it waits.
        sleep(Duration::from_millis(1)).await;
    }
    println!("  {}", pool.status());
    drop(held);
    tasks.join_all().await;
    Ok(())
}

/// As long as somebody more urgent waits, nobody else moves: urgent work alone can fill the pool. So give the
/// rest a timeout that it can live with, and keep what is urgent rare and short.
async fn starved(pool: &Pool<Script>) -> Result<(), Box<dyn Error>> {
    let mut checks = JoinSet::new();
    for _ in 0..5 {
        let pool = pool.clone();
        checks.spawn(async move {
            let _conn = pool.acquire().priority(HEALTH).await;
            sleep(USE).await;
        });
    }
    // So that they come first.
    yield_now().await;
    let began = Instant::now();
    let batch = pool.acquire().priority(BATCH).timeout(3 * USE).await;
    println!("  batch, {:?} of patience: {}", 3 * USE, batch.unwrap_err());
    drop(pool.acquire().priority(BATCH).await?);
    println!("  batch, the pool's 30 s: served after {:?}", began.elapsed());
    checks.join_all().await;
    Ok(())
}
