//! Full load through a proxy that misbehaves at random. All that comes back is right, all that was in a transaction
//! is whole, the server never counts more than `max_size`, and in the end nothing is left of it, on either side.
//!
//! It takes 60 s; `CENOTE_PROXY_SECONDS=600` makes it the long form. `CENOTE_SEED` draws other faults.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Fault, FreeSlot, Pool, Pooled};
use cenote_postgres::{Postgres, PostgresError, Reset};
use cenote_testkit::proxy::{Direction, Proxy, Toxic};
use cenote_testkit::servers::postgres::Server;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::{counted, postgres, server, sql, until};

const SIZE: usize = 8;
const TASKS: u64 = 24;
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the server may count a connection that the proxy has cut: it hears of that when it reads or writes next.
const CUT: Duration = Duration::from_secs(3);

/// A number drawn from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number")),
        Err(_) => default,
    }
}

#[derive(Default)]
struct Seen {
    over: AtomicBool,
    queries: AtomicU64,
    transactions: AtomicU64,
    abandoned: AtomicU64,
    errors: AtomicU64,
    timeouts: AtomicU64,
}

// P-20, P-16, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_through_a_proxy_that_misbehaves() {
    let length = Duration::from_secs(number("CENOTE_PROXY_SECONDS", 60));
    let seed = number("CENOTE_SEED", 1);
    println!("CENOTE_PROXY_SECONDS={} CENOTE_SEED={seed}", length.as_secs());
    let server = server().await;
    sql(&server, "CREATE TABLE account (id int PRIMARY KEY, cents bigint)").await;
    sql(&server, "INSERT INTO account SELECT id, 1000 FROM generate_series(0, 9) AS id").await;
    let proxy = Arc::new(Proxy::seeded(server.address(), seed).await.unwrap());
    let through = Postgres::from_url(&server.url_through(proxy.address())).unwrap();
    let before = Handle::current().metrics().num_alive_tasks();
    let pool = Pool::builder(through.application_name("pool").reset(Reset::Rollback))
        .max_size(SIZE)
        .min_idle(2)
        .free_slot(FreeSlot::WhenClosed)
        .acquire_timeout(PATIENCE)
        .connect_timeout(Duration::from_secs(1))
        .max_lifetime(Duration::from_secs(4))
        .backoff_max(Duration::from_millis(200))
        .build()
        .unwrap();
    let seen = Arc::new(Seen::default());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(load(pool.clone(), Arc::clone(&seen), Dice(seed * 1000 + task))))
        .collect();
    let watch = tokio::spawn(count(
        Arc::clone(&server),
        pool.clone(),
        Arc::clone(&proxy),
        Arc::clone(&seen),
    ));
    misbehave(&proxy, &mut Dice(seed), length).await;

    // Well again by itself, and for all.
    proxy.clear();
    proxy.up().unwrap();
    sleep(CUT).await;
    let (errors, queries) =
        (seen.errors.load(Ordering::Relaxed), seen.queries.load(Ordering::Relaxed));
    until("at work", || async { seen.queries.load(Ordering::Relaxed) > queries + 1000 }).await;
    assert_eq!(seen.errors.load(Ordering::Relaxed), errors, "no error when nothing misbehaves");
    seen.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let strict = watch.await.unwrap();
    until("at rest", || async { pool.status().using == 0 && pool.status().resetting == 0 }).await;
    assert!(pool.close(Duration::from_secs(10)).await.is_clean());
    println!(
        "{} queries, {} transactions, {} abandoned, {} errors, {} timeouts; proxy: {:?}; {}; counted {strict:?}",
        seen.queries.load(Ordering::Relaxed),
        seen.transactions.load(Ordering::Relaxed),
        seen.abandoned.load(Ordering::Relaxed),
        seen.errors.load(Ordering::Relaxed),
        seen.timeouts.load(Ordering::Relaxed),
        proxy.stats(),
        pool.stats().counts.connected,
    );
    // Nothing is left: on the server, of the proxy, in the runtime. And nothing was half done.
    until("gone from the server", || async { counted(&server).await == 0 }).await;
    until("gone from the proxy", || async { proxy.stats().open == 0 }).await;
    drop(pool);
    until("no task is left", || async { Handle::current().metrics().num_alive_tasks() <= before })
        .await;
    assert_eq!(sql(&server, "SELECT sum(cents) FROM account").await, "10000");
    // It was worth something.
    assert!(seen.errors.load(Ordering::Relaxed) > 10 && proxy.stats().cut > 10);
    assert!(seen.abandoned.load(Ordering::Relaxed) > 10);
    assert!(strict.strictly > 10, "{strict:?}");
}

/// Borrows and works until it is over. Whatever fails, no answer is another's.
async fn load(pool: Pool<Postgres>, seen: Arc<Seen>, mut dice: Dice) {
    let count = |counter: &AtomicU64| _ = counter.fetch_add(1, Ordering::Relaxed);
    while !seen.over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let acquired = pool.acquire().await;
        let waited = asked.elapsed();
        assert!(waited < PATIENCE + Duration::from_secs(1), "waited for {waited:?}");
        let mut conn = match acquired {
            Ok(conn) => conn,
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                count(&seen.timeouts);
                continue;
            }
        };
        assert!(!conn.in_transaction(), "a transaction was left open");
        let done = match dice.below(10) {
            0 => {
                let patience = Duration::from_millis(dice.below(20));
                let slow = conn.query_one("SELECT 'late', pg_sleep(0.05)::text", &[]);
                match timeout(patience, slow).await {
                    Err(_) => {
                        count(&seen.abandoned);
                        continue;
                    }
                    Ok(done) => done.map(drop),
                }
            }
            1 => {
                let (from, to) = (dice.below(10) as i32, dice.below(10) as i32);
                let run = conn.transaction().timeout(Duration::from_secs(1)).run(async |tx| {
                    // In one order, so that nobody waits for each other.
                    for (id, cents) in [(from.min(to), 5_i64), (from.max(to), -5)] {
                        let add = "UPDATE account SET cents = cents + $2 WHERE id = $1";
                        tx.execute(add, &[&id, &cents]).await?;
                    }
                    Ok::<(), PostgresError>(())
                });
                run.await.inspect(|()| count(&seen.transactions))
            }
            2 => conn.batch_execute("BEGIN; UPDATE account SET cents = 0 WHERE id = 99").await,
            3 if dice.below(4) == 0 => {
                Pooled::discard(conn);
                continue;
            }
            _ => {
                let nonce = dice.below(u64::MAX / 2) as i64;
                let length = dice.below(4000) as i32;
                let echo = "SELECT $1::bigint, repeat('x', $2)";
                match timeout(PATIENCE, conn.query_one(echo, &[&nonce, &length])).await {
                    Err(_) => {
                        count(&seen.abandoned);
                        continue;
                    }
                    Ok(done) => done.map(|row| {
                        assert_eq!(row.get::<_, i64>(0), nonce, "the answer of another");
                        assert_eq!(row.get::<_, &str>(1).len(), length as usize);
                        count(&seen.queries);
                    }),
                }
            }
        };
        if let Err(error) = done {
            let known = [Fault::Connection, Fault::Host, Fault::Timeout].contains(&error.fault());
            assert!(known, "{error}");
            count(&seen.errors);
        }
    }
}

/// One fault after the other, at most three at a time, each for a second at most, with quiet times between.
async fn misbehave(proxy: &Proxy, dice: &mut Dice, length: Duration) {
    let began = Instant::now();
    let mut toxics = VecDeque::new();
    while began.elapsed() < length {
        let direction = [Direction::Upstream, Direction::Downstream][dice.below(2) as usize];
        let millis = |n: u64| Duration::from_millis(n);
        let toxic = match dice.below(12) {
            0 => Some(Toxic::Latency {
                latency: millis(dice.below(60)),
                jitter: millis(dice.below(20)),
            }),
            1 => Some(Toxic::Bandwidth { bytes_per_second: 5_000 + dice.below(100_000) }),
            2 => Some(Toxic::Timeout { after: None }),
            3 => Some(Toxic::Timeout { after: Some(millis(dice.below(500))) }),
            4 => Some(Toxic::ResetPeer { after: millis(dice.below(300)) }),
            5 => Some(Toxic::SlowClose { delay: millis(dice.below(500)) }),
            6 => Some(Toxic::Slicer {
                average_size: 1 + dice.below(64) as usize,
                size_variation: dice.below(16) as usize,
                delay: millis(dice.below(3)),
            }),
            7 => Some(Toxic::LimitData { bytes: dice.below(20_000) }),
            8 => {
                proxy.cut_one().await;
                None
            }
            9 if dice.below(3) == 0 => {
                proxy.down().await.unwrap();
                sleep(millis(dice.below(800))).await;
                proxy.up().unwrap();
                None
            }
            10 => {
                // Quiet, so that the server's count is looked at when nothing excuses it.
                while let Some(id) = toxics.pop_front() {
                    proxy.remove(id);
                }
                sleep(CUT + millis(1500)).await;
                None
            }
            _ => None,
        };
        if let Some(toxic) = toxic {
            toxics.push_back(proxy.add_to(0.2 + dice.below(80) as f64 / 100.0, direction, toxic));
        }
        sleep(millis(50 + dice.below(400))).await;
        if toxics.len() > 2 || dice.below(3) == 0 {
            if let Some(id) = toxics.pop_front() {
                proxy.remove(id);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Counted {
    /// How often it was looked.
    looked: u64,
    /// How often nothing excused a count above `max_size`.
    strictly: u64,
    most: u64,
}

/// Looks at the server's own count, directly, all the time: it is never above `max_size`, but for sockets that the
/// proxy has cut lately and for connects that were given up lately.
async fn count(
    server: Arc<Server>,
    pool: Pool<Postgres>,
    proxy: Arc<Proxy>,
    seen: Arc<Seen>,
) -> Counted {
    let direct = postgres(&server).application_name("watcher");
    let direct = Pool::builder(direct).max_size(1).build().unwrap();
    let question = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'";
    let mut counted = Counted::default();
    let excuses = || {
        let failed = pool.stats().counts.connect_failures.total();
        proxy.stats().cut + proxy.stats().refused + failed
    };
    let mut past: VecDeque<(Instant, u64)> = VecDeque::new();
    while !seen.over.load(Ordering::Relaxed) {
        let now = Instant::now();
        past.push_back((now, excuses()));
        while past.len() > 1 && past[1].0 + CUT <= now {
            past.pop_front();
        }
        let conn = direct.acquire().await.unwrap();
        let there: i64 = conn.query_one(question, &[]).await.unwrap().get(0);
        drop(conn);
        let there = there as u64;
        let excused = excuses() - past[0].1;
        assert!(there <= SIZE as u64 + excused, "{there} on the server, {excused} excused");
        counted.looked += 1;
        counted.strictly += u64::from(excused == 0);
        counted.most = counted.most.max(there);
        sleep(Duration::from_millis(10)).await;
    }
    direct.close(Duration::from_secs(5)).await;
    counted
}
