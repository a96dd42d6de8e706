//! Full load through a proxy that misbehaves at random. All that comes back is right, all that was in a transaction
//! is whole, the server never counts more than `max_size`, and in the end nothing is left of it, on either side.
//!
//! It takes 20 s; `CENOTE_PROXY_SECONDS=600` makes it the long form. `CENOTE_SEED` draws other faults.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Fault, FreeSlot, Pool, Pooled};
use cenote_redis::redis::{AsyncCommands, RedisResult, cmd, pipe};
use cenote_redis::{Redis, RedisConnection, RedisError, Reset};
use cenote_testkit::proxy::Proxy;
use cenote_testkit::servers::redis::Server;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::{counted, redis, run, server, until};

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
    answers: AtomicU64,
    transactions: AtomicU64,
    abandoned: AtomicU64,
    errors: AtomicU64,
    timeouts: AtomicU64,
}

// P-20, P-16, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_through_a_proxy_that_misbehaves() {
    let length = Duration::from_secs(number("CENOTE_PROXY_SECONDS", 20));
    let seed = number("CENOTE_SEED", 1);
    println!("CENOTE_PROXY_SECONDS={} CENOTE_SEED={seed}", length.as_secs());
    let server = server().await;
    for account in 0..10 {
        run(&server, format!("SET account:{account} 1000")).await;
    }
    let proxy = Arc::new(Proxy::seeded(server.address(), seed).await.unwrap());
    let through = Redis::from_url(&server.url_through(proxy.address())).unwrap();
    let before = Handle::current().metrics().num_alive_tasks();
    let pool = Pool::builder(through.client_name("pool").reset(Reset::Undo))
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
    // Bad, then quiet, so that the server's count is looked at when nothing excuses it.
    let began = Instant::now();
    for turn in 0.. {
        if began.elapsed() > length {
            break;
        }
        let _ = timeout(Duration::from_secs(4), proxy.misbehave(seed + turn)).await;
        sleep(CUT + Duration::from_millis(1500)).await;
    }

    // Well again by itself, and for all.
    let (errors, answers) =
        (seen.errors.load(Ordering::Relaxed), seen.answers.load(Ordering::Relaxed));
    until("at work", || async { seen.answers.load(Ordering::Relaxed) > answers + 1000 }).await;
    assert_eq!(seen.errors.load(Ordering::Relaxed), errors, "no error when nothing misbehaves");
    seen.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let strict = watch.await.unwrap();
    until("at rest", || async { pool.status().using == 0 && pool.status().resetting == 0 }).await;
    assert!(pool.close(Duration::from_secs(10)).await.is_clean());
    println!(
        "{} answers, {} transactions, {} abandoned, {} errors, {} timeouts; proxy: {:?}; {} connections; counted {strict:?}",
        seen.answers.load(Ordering::Relaxed),
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
    let mut sum = 0;
    for account in 0..10 {
        sum += run(&server, format!("GET account:{account}")).await.parse::<i64>().unwrap();
    }
    assert_eq!(sum, 10_000);
    assert_eq!(
        run(&server, "EXISTS never").await,
        "0",
        "no transaction was carried out that was left"
    );
    // It was worth something.
    assert!(seen.errors.load(Ordering::Relaxed) > 10 && proxy.stats().cut > 10);
    assert!(seen.abandoned.load(Ordering::Relaxed) > 10);
    assert!(strict.strictly > 10, "{strict:?}");
}

/// What became of one piece of work.
enum Done {
    Answered,
    Moved,
    Abandoned,
}

/// Borrows and works until it is over. Whatever fails, no answer is another's.
async fn load(pool: Pool<Redis>, seen: Arc<Seen>, mut dice: Dice) {
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
        if dice.below(40) == 0 {
            Pooled::discard(conn);
            continue;
        }
        // Nobody waits for ever for what a black hole has swallowed.
        match timeout(PATIENCE, work(&mut conn, &mut dice)).await {
            Ok(Ok(Done::Answered)) => count(&seen.answers),
            Ok(Ok(Done::Moved)) => count(&seen.transactions),
            Ok(Ok(Done::Abandoned)) | Err(_) => count(&seen.abandoned),
            Ok(Err(error)) => {
                let error = RedisError::from(error);
                assert_eq!(error.fault(), Fault::Connection, "{error}");
                count(&seen.errors);
            }
        }
    }
}

async fn work(conn: &mut RedisConnection, dice: &mut Dice) -> RedisResult<Done> {
    match dice.below(10) {
        // Given up while it waits on the server, or just before the answer.
        0 => {
            let patience = Duration::from_millis(dice.below(20));
            let waits = conn.blpop::<_, Option<(String, String)>>("none", 0.01);
            match timeout(patience, waits).await {
                Err(_) => Ok(Done::Abandoned),
                Ok(done) => done.map(|_| Done::Answered),
            }
        }
        1 => {
            let (from, to) = (dice.below(10), dice.below(10));
            let mut both = pipe();
            both.atomic().decr(format!("account:{from}"), 5).incr(format!("account:{to}"), 5);
            both.exec_async(conn).await.map(|()| Done::Moved)
        }
        // Left open, with more than that.
        2 => {
            cmd("SELECT").arg(7).exec_async(conn).await?;
            cmd("WATCH").arg("account:0").exec_async(conn).await?;
            cmd("MULTI").exec_async(conn).await?;
            conn.set::<_, _, ()>("never", 1).await.map(|()| Done::Answered)
        }
        3 => {
            let patience = Duration::from_micros(dice.below(500));
            match timeout(patience, conn.get::<_, String>("account:0")).await {
                Err(_) => Ok(Done::Abandoned),
                Ok(done) => done.map(|_| Done::Answered),
            }
        }
        _ => {
            let (nonce, length) = (dice.below(u64::MAX / 2), dice.below(4000) as usize);
            let sent = format!("{nonce}:{}", "x".repeat(length));
            let echo: String = cmd("ECHO").arg(&sent).query_async(conn).await?;
            assert!(echo == sent, "the answer of another");
            Ok(Done::Answered)
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
    pool: Pool<Redis>,
    proxy: Arc<Proxy>,
    seen: Arc<Seen>,
) -> Counted {
    let direct = redis(&server).client_name("watcher");
    let direct = Pool::builder(direct).max_size(1).build().unwrap();
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
        let mut conn = direct.acquire().await.unwrap();
        let list: String = cmd("CLIENT").arg("LIST").query_async(&mut *conn).await.unwrap();
        drop(conn);
        let there = list.matches(" name=pool ").count() as u64;
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
