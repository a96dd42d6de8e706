//! Real threads, and everything at once: twelve tasks acquire, cancel, tear down, resize, pause and clear
//! while connects, tests and resets fail and panic. In debug builds the pool checks its invariants after
//! every command; here it must end empty, with every connection gone and nobody left waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Ended, Error, Fate, Fault, FreeSlot, Pool, Pooled, TestOnAcquire};
use cenote_testkit::{Script, Step};

const ROUNDS: u64 = 24;
const TASKS: u64 = 12;
const TURNS: usize = 200;

/// Dice that threads can share.
struct Dice(AtomicU64);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A manager that misbehaves at random, but always for a bounded number of times.
fn script(dice: &Arc<Dice>) -> Script {
    let script = Script::new();
    let any = |good: u64, bad: &[Step]| -> Vec<Step> {
        let step = |_| match dice.below(good + bad.len() as u64) as usize {
            n if n < bad.len() => bad[n],
            _ => Step::Ok,
        };
        (0..400).map(step).collect()
    };
    let (down, broken) = (Step::Error(Fault::Host), Step::Error(Fault::Connection));
    script.connects(any(12, &[down, broken, Step::Panic, Step::Slow(millis(2))]));
    script.checks(any(10, &[broken, Step::Panic, Step::Slow(millis(1))]));
    script.resets(any(10, &[broken, Step::Panic, Step::Slow(millis(1))]));
    script.closes(any(6, &[broken, Step::Panic, Step::Slow(millis(1))]));
    let dice = Arc::clone(dice);
    script.on_release_with(move |how| match (how, dice.below(10)) {
        (_, 0) => Fate::Close,
        (_, 1 | 2) => Fate::Reset,
        (Ended::Returned, _) => Fate::Keep,
        _ => Fate::Close,
    });
    script
}

fn pool(round: u64, script: &Script) -> Pool<Script> {
    Pool::builder(script.clone())
        .name("chaos")
        .max_size(1 + round as usize % 6)
        .backoff_first(millis(1))
        .backoff_max(millis(2))
        .upkeep_interval(millis(5))
        .keepalive(millis(7))
        .idle_timeout(millis(40))
        .max_lifetime(millis(300))
        .free_slot(if round % 2 == 0 { FreeSlot::WhenClosed } else { FreeSlot::AtClose })
        .test_on_acquire(match round % 3 {
            0 => TestOnAcquire::Always,
            _ => TestOnAcquire::IfIdleFor(millis(2)),
        })
        .build()
        .unwrap()
}

async fn turn(pool: &Pool<Script>, dice: &Dice) {
    match dice.below(12) {
        0 => {
            let patience = Duration::from_micros(dice.below(300));
            let _ = tokio::time::timeout(patience, pool.acquire()).await;
        }
        1 => {
            let pool = pool.clone();
            let cut = tokio::spawn(async move {
                let hold = async |_: &mut _| std::future::pending().await;
                let _: Result<(), _> = pool.with(hold).await;
            });
            tokio::task::yield_now().await;
            cut.abort();
        }
        2 => drop(pool.clear().await),
        3 => pool.set_max_size(1 + dice.below(6) as usize).unwrap(),
        4 => {
            pool.pause().await;
            tokio::task::yield_now().await;
            pool.resume().await;
        }
        5 => drop(pool.clear_where(|conn| conn.serial() % 2 == 0).await),
        6 => {
            let conn = pool.acquire().await.expect("a healed pool serves");
            if dice.below(2) == 0 { Pooled::discard(conn) } else { drop(Pooled::detach(conn)) }
        }
        7 => drop(pool.try_acquire()),
        level => match pool.acquire().priority(level as u8 % 4).await {
            Ok(conn) => {
                if dice.below(3) == 0 {
                    tokio::task::yield_now().await;
                }
                drop(conn);
            }
            Err(error) => panic!("nobody is refused and nobody waits for 30 s: {error}"),
        },
    }
}

async fn round(n: u64, script: &Script, dice: &Arc<Dice>) {
    let pool = pool(n, script);
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (pool, dice) = (pool.clone(), Arc::clone(dice));
            tokio::spawn(async move {
                for _ in 0..TURNS {
                    turn(&pool, &dice).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    match n % 3 {
        0 => drop(pool),
        1 => {
            let late = pool.acquire().await.unwrap();
            let report = pool.close(millis(20)).await;
            assert_eq!(report.holders.len(), 1, "{report}");
            assert_eq!(pool.status().size, 0);
            drop(late);
            assert!(matches!(pool.acquire().await, Err(Error::Closed { .. })));
        }
        _ => {
            let report = pool.close(Duration::from_secs(20)).await;
            assert!(report.holders.is_empty(), "{report}");
            assert_eq!((pool.status().size, pool.status().waiting), (0, 0));
        }
    }
}

// P-1, P-5, P-18, P-20, P-21, P-22, P-23, P-33
#[test]
fn twelve_tasks_that_do_everything_at_once_leave_nothing_behind() {
    for n in 0..ROUNDS {
        let dice = Arc::new(Dice(AtomicU64::new(n)));
        let script = script(&dice);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(3)
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(round(n, &script, &dice));
        drop(runtime);
        let counts = script.counts();
        assert_eq!(counts.live, 0, "round {n}: {counts:?}");
        assert_eq!(counts.connected, counts.closed + counts.dropped, "round {n}: {counts:?}");
    }
}
