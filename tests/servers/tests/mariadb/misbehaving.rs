//! Full load through a proxy that misbehaves at random. All that comes back is right, all that was in a transaction
//! is whole, the server counts no more than `max_size` of the pool's connections, and in the end nothing is left of it, on
//! either side.
//!
//! It takes some 20 s; `CENOTE_PROXY_SECONDS=600` makes it the long form. `CENOTE_SEED` draws other faults.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::{CloseReason, Fault, FreeSlot, Pool, Pooled};
use cenote_mysql::{Mysql, MysqlError};
use cenote_testkit::proxy::{Direction, Proxy, Toxic};
use cenote_testkit::servers::mariadb::Server;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::{COUNT, counted, mysql, server, sql, until};

const SIZE: usize = 8;
const TASKS: u64 = 24;
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the server may count a connection that the proxy has cut: it hears of that when it reads or writes next. And
/// one that has said goodbye, while that is on its way.
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
    /// The numbers of the pool's sessions on the server.
    ids: Mutex<HashSet<u32>>,
}

// P-20, P-16, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_through_a_proxy_that_misbehaves() {
    let length = Duration::from_secs(number("CENOTE_PROXY_SECONDS", 15));
    let seed = number("CENOTE_SEED", 1);
    println!("CENOTE_PROXY_SECONDS={} CENOTE_SEED={seed}", length.as_secs());
    let server = server().await;
    sql(&server, "CREATE TABLE account (id int PRIMARY KEY, cents bigint)").await;
    sql(&server, "INSERT INTO account SELECT seq, 1000 FROM seq_0_to_9").await;
    let proxy = Arc::new(Proxy::seeded(server.address(), seed).await.unwrap());
    let through = Mysql::from_url(&server.url_through(proxy.address())).unwrap();
    let before = Handle::current().metrics().num_alive_tasks();
    let seen = Arc::new(Seen::default());
    let noted = Arc::clone(&seen);
    let pool = Pool::builder(through)
        .max_size(SIZE)
        .min_idle(2)
        .free_slot(FreeSlot::WhenClosed)
        .acquire_timeout(PATIENCE)
        .connect_timeout(Duration::from_secs(1))
        .max_lifetime(Duration::from_secs(30))
        .backoff_max(Duration::from_millis(200))
        .after_connect(move |conn| {
            noted.ids.lock().unwrap().insert(conn.id());
            Box::pin(async { Ok(()) })
        })
        .build()
        .unwrap();
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
    // Long enough for all that was held up to be over, and for the count to have no excuse any more.
    sleep(CUT + Duration::from_secs(3)).await;
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
        "{} queries, {} transactions, {} abandoned, {} errors, {} timeouts; proxy: {:?}; {} connected, {} closes failed; counted {strict:?}",
        seen.queries.load(Ordering::Relaxed),
        seen.transactions.load(Ordering::Relaxed),
        seen.abandoned.load(Ordering::Relaxed),
        seen.errors.load(Ordering::Relaxed),
        seen.timeouts.load(Ordering::Relaxed),
        proxy.stats(),
        pool.stats().counts.connected,
        pool.stats().counts.close_failures,
    );
    // Nothing is left: on the server, of the proxy, in the runtime. And nothing was half done.
    until("gone from the server", || async { counted(&server).await == 0 }).await;
    until("gone from the proxy", || async { proxy.stats().open == 0 }).await;
    drop(pool);
    until("no task is left", || async { Handle::current().metrics().num_alive_tasks() <= before })
        .await;
    assert_eq!(sql(&server, "SELECT SUM(cents) FROM account").await, "10000");
    // It was worth something.
    assert!(seen.errors.load(Ordering::Relaxed) > 10 && proxy.stats().cut > 10);
    assert!(seen.abandoned.load(Ordering::Relaxed) > 10);
    assert!(strict.strictly > 10, "{strict:?}");
}

/// Borrows and works until it is over. Whatever fails, no answer is another's.
async fn load(pool: Pool<Mysql>, seen: Arc<Seen>, mut dice: Dice) {
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
        let done = match dice.below(40) {
            0 => {
                let patience = Duration::from_millis(dice.below(20));
                let slow = conn.query_drop("SELECT 'late', COUNT(*) FROM seq_1_to_1000000");
                match timeout(patience, slow).await {
                    Err(_) => {
                        count(&seen.abandoned);
                        continue;
                    }
                    Ok(done) => done,
                }
            }
            1..6 => {
                let (from, to) = (dice.below(10), dice.below(10));
                let run = conn.transaction().timeout(Duration::from_secs(1)).run(async |tx| {
                    // In one order, so that nobody waits for each other.
                    for (id, cents) in [(from.min(to), 5_i64), (from.max(to), -5)] {
                        let add = "UPDATE account SET cents = cents + ? WHERE id = ?";
                        tx.exec_drop(add, (cents, id)).await?;
                    }
                    Ok::<(), MysqlError>(())
                });
                run.await.inspect(|()| count(&seen.transactions))
            }
            6..10 => conn.query_drop("BEGIN; UPDATE account SET cents = 0 WHERE id = 99").await,
            10 if dice.below(400) == 0 => {
                Pooled::discard(conn);
                continue;
            }
            _ => {
                let nonce = dice.below(u64::MAX / 2);
                let length = dice.below(4000) as usize;
                let echo = "SELECT ?, REPEAT('x', ?)";
                let asked = conn.exec_first::<(u64, String), _, _>(echo, (nonce, length));
                match timeout(PATIENCE, asked).await {
                    Err(_) => {
                        count(&seen.abandoned);
                        continue;
                    }
                    Ok(done) => done.map(|row| {
                        let (answered, text) = row.unwrap();
                        assert_eq!(answered, nonce, "the answer of another");
                        assert_eq!(text.len(), length);
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
/// proxy has cut lately, for connects and closes that were given up lately, and for goodbyes that are on their way. A
/// connection that was given up in the middle of a request is no excuse: its slot is free when the server has ended it.
async fn count(
    server: Arc<Server>,
    pool: Pool<Mysql>,
    proxy: Arc<Proxy>,
    seen: Arc<Seen>,
) -> Counted {
    let direct = Pool::builder(mysql(&server)).max_size(1).build().unwrap();
    let question = COUNT.replace("COUNT(*)", "ID");
    let mut counted = Counted::default();
    let excuses = || {
        let counts = pool.stats().counts;
        let goodbyes = counts.closes.total() - counts.closes.get(CloseReason::NotKept);
        let failed = counts.connect_failures.total() + counts.close_failures;
        proxy.stats().cut + proxy.stats().refused + failed + goodbyes
    };
    let mut past: VecDeque<(Instant, u64)> = VecDeque::new();
    while !seen.over.load(Ordering::Relaxed) {
        let now = Instant::now();
        past.push_back((now, excuses()));
        while past.len() > 1 && past[1].0 + CUT <= now {
            past.pop_front();
        }
        let mut conn = direct.acquire().await.unwrap();
        let there = conn.query::<u32, _>(question.as_str()).await.unwrap();
        drop(conn);
        let there = {
            let known = seen.ids.lock().unwrap();
            there.iter().filter(|id| known.contains(id)).count() as u64
        };
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
