//! Nobody is overtaken, nobody starves, everybody is served: over thousands of tasks, random schedules and
//! connections that fail.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Bench, assert_at_rest, ms, secs};
use cenote::{Fate, Fault, Pool, TestOnAcquire};
use cenote_testkit::{Script, Sim, Step};

/// For each caller: its place in the order of arrival, and when it got its connection.
type Served = Arc<Mutex<Vec<(u64, Duration)>>>;

/// `tasks` callers over a pool, each several times, on a schedule drawn from the seed.
fn crowd(bench: &Bench, pool: &Pool<Script>, tasks: u64, rounds: u64) -> Vec<(u64, Duration)> {
    let served: Served = Arc::default();
    let arrivals = Arc::new(AtomicU64::new(0));
    let mut joined = Vec::new();
    for task in 0..tasks {
        let (pool, handle) = (pool.clone(), bench.sim.handle());
        let (served, arrivals) = (Arc::clone(&served), Arc::clone(&arrivals));
        joined.push(bench.sim.spawn(async move {
            for round in 0..rounds {
                // No await between the two: the ticket is drawn at the first poll.
                let place = arrivals.fetch_add(1, Ordering::SeqCst);
                let conn = pool.acquire().timeout(secs(3600)).await.unwrap();
                let at = handle.now().since(cenote::Time::ZERO);
                served.lock().unwrap().push((place, at));
                handle.sleep(Duration::from_micros(137 * ((task * 7 + round * 13) % 29))).await;
                drop(conn);
                handle.sleep(Duration::from_micros(89 * ((task * 5 + round * 3) % 17))).await;
            }
        }));
    }
    bench.sim.run(async {
        for task in joined {
            task.await.unwrap();
        }
    });
    bench.sim.run_for(ms(100));
    let mut served = served.lock().unwrap().clone();
    served.sort_unstable();
    served
}

fn assert_nobody_was_overtaken(served: &[(u64, Duration)]) {
    for pair in served.windows(2) {
        assert!(pair[0].1 <= pair[1].1, "{:?} was overtaken by {:?}", pair[0], pair[1]);
    }
}

// P-4, P-5
// lesson 22
#[test]
fn nobody_overtakes_by_ticket() {
    for seed in 0..20 {
        let bench = Bench::new(seed);
        bench.script.connect_always(Step::Slow(ms(3)));
        let pool = bench.pool(5);
        let served = crowd(&bench, &pool, 60, 5);
        assert_eq!(served.len(), 300);
        assert_nobody_was_overtaken(&served);
        assert_at_rest(&pool, &bench.script);
    }
}

// P-4, P-5, P-15, P-16
#[test]
fn nobody_overtakes_by_ticket_when_connects_tests_and_resets_fail() {
    for seed in 0..20 {
        let bench = Bench::new(seed);
        let bad = Step::SlowError(ms(2), Fault::Connection);
        bench.script.on_release(Fate::Reset).connect_always(Step::Slow(ms(3)));
        bench.script.connects([Step::Ok, bad, Step::Ok, Step::Panic, Step::Slow(ms(40))]);
        bench.script.check_always(Step::Slow(ms(1)));
        bench.script.checks([Step::Ok, bad, Step::Ok, Step::Panic, bad, Step::Ok, bad]);
        bench.script.reset_always(Step::Slow(ms(1))).resets([Step::Ok, bad, Step::Panic, bad]);
        let builder = bench.builder().max_size(4).test_on_acquire(TestOnAcquire::Always);
        let pool = builder.build().unwrap();
        let served = crowd(&bench, &pool, 40, 4);
        assert_eq!(served.len(), 160);
        assert_nobody_was_overtaken(&served);
        assert_at_rest(&pool, &bench.script);
    }
}

// P-5, P-23
#[test]
fn ten_thousand_tasks_over_eight_connections_all_finish() {
    let bench = Bench::new(1);
    let pool = bench.pool(8);
    let served = crowd(&bench, &pool, 10_000, 1);
    assert_eq!(served.len(), 10_000);
    assert_nobody_was_overtaken(&served);
    assert_eq!(bench.script.counts().peak_live, 8);
    assert_at_rest(&pool, &bench.script);
}

// P-5, P-23
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_tasks_over_eight_connections_all_finish_on_many_threads() {
    let script = Script::new();
    let pool = Pool::builder(script.clone()).max_size(8).build().unwrap();
    let tasks: Vec<_> = (0..10_000)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let conn = pool.acquire().await.unwrap();
                tokio::task::yield_now().await;
                drop(conn);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(script.counts().peak_live <= 8);
    assert_eq!(pool.stats().counts.acquired, 10_000);
    assert_eq!((pool.status().using, pool.status().waiting), (0, 0));
}

// P-5
#[test]
fn when_the_first_of_64_tasks_has_had_100_turns_the_last_has_had_98() {
    const TASKS: usize = 64;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let pool =
            Pool::builder(Script::new()).max_size(8).min_size(8).build_ready().await.unwrap();
        let turns: Arc<Vec<AtomicUsize>> =
            Arc::new((0..TASKS).map(|_| AtomicUsize::new(0)).collect());
        let tasks: Vec<_> = (0..TASKS)
            .map(|me| {
                let (pool, turns) = (pool.clone(), Arc::clone(&turns));
                tokio::spawn(async move {
                    loop {
                        let conn = pool.acquire().await.unwrap();
                        tokio::task::yield_now().await;
                        drop(conn);
                        if turns[me].fetch_add(1, Ordering::SeqCst) + 1 == 100 {
                            let all = turns.iter().map(|n| n.load(Ordering::SeqCst));
                            return all.min().unwrap();
                        }
                    }
                })
            })
            .collect();
        let mut least = TASKS;
        for (n, task) in tasks.into_iter().enumerate() {
            let had = task.await.unwrap();
            // Whoever of the others is the first to have 100: nobody lags behind by more than two.
            least = if n == 0 { had } else { least.min(had) };
        }
        assert!(least >= 98, "the last had had {least}");
    });
}

// P-4
#[test]
fn a_lower_level_is_served_only_when_no_higher_one_waits() {
    for seed in 0..10 {
        let bench = Bench::new(seed);
        let pool = bench.pool(2);
        bench.sim.run(async {
            let mut low = Vec::new();
            let _first = (bench.borrow(&pool, ms(5)).await, bench.borrow(&pool, ms(5)).await);
            for _ in 0..5 {
                low.push(bench.borrow_with(&pool, 2, secs(99), ms(1)).await);
            }
            for _ in 0..50 {
                bench.borrow_with(&pool, 0, secs(99), ms(10)).await.detach();
            }
            bench.sim.sleep(ms(240)).await;
            assert!(low.iter().all(|caller| !caller.is_finished()), "urgent ones still wait");
            for caller in low {
                assert!(caller.await.unwrap().unwrap().1 >= ms(240));
            }
        });
    }
}

// P-5, P-23
#[test]
fn callers_that_come_and_leave_at_random_lose_no_connection_and_no_wake_up() {
    for seed in 0..30 {
        let sim = Sim::new(seed);
        let script = Script::with_env(sim.env());
        script.connect_always(Step::Slow(ms(2)));
        let builder = Pool::builder(script.clone()).env(sim.env()).max_size(3);
        let pool = builder.test_on_acquire(TestOnAcquire::Never).build().unwrap();
        sim.run(async {
            let mut tasks = Vec::new();
            for n in 0..150u64 {
                let (pool, handle) = (pool.clone(), sim.handle());
                tasks.push(sim.spawn(async move {
                    handle.sleep(Duration::from_micros(n * 31 % 997)).await;
                    let timeout = Duration::from_micros(500 + n * 977 % 9000);
                    if let Ok(conn) = pool.acquire().timeout(timeout).await {
                        handle.sleep(Duration::from_micros(n * 53 % 700)).await;
                        drop(conn);
                    }
                }));
            }
            for (n, task) in tasks.iter().enumerate() {
                sim.sleep(Duration::from_micros(41)).await;
                if (n + seed as usize) % 3 == 0 {
                    task.abort();
                }
            }
            for task in tasks {
                let _ = task.await;
            }
            sim.sleep(secs(1)).await;
            assert_at_rest(&pool, &script);
            let three = [pool.acquire(), pool.acquire(), pool.acquire()];
            for acquire in three {
                std::mem::forget(acquire.timeout(ms(50)).await.unwrap());
            }
        });
    }
}
