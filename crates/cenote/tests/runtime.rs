//! A pool and its runtime, in real time: where it can be built, used and dropped, what happens when the
//! runtime goes away, and that nothing is kept alive.

mod common;

use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use cenote::{BuildError, Error, Fate, Pool, Timeout};
use cenote_testkit::{Script, Step};
use common::{ms, wait_until};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

// P-16
#[test]
fn building_outside_a_runtime_is_an_error_that_says_what_to_do() {
    match Pool::builder(Script::new()).build() {
        Err(error @ BuildError::NoRuntime) => {
            assert!(error.to_string().contains("Builder::runtime"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

// P-16
#[test]
fn a_runtime_without_timers_is_an_error_too() {
    let bare = Builder::new_current_thread().build().unwrap();
    let inside = bare.block_on(async { Pool::builder(Script::new()).build().map(drop) });
    assert!(matches!(inside, Err(BuildError::NoRuntime)));
    let given = Pool::builder(Script::new()).runtime(bare.handle().clone()).build();
    assert!(matches!(given, Err(BuildError::NoRuntime)));
    // Not the one around the caller instead of the one that was given.
    let good = runtime();
    let given = good.block_on(async {
        Pool::builder(Script::new()).runtime(bare.handle().clone()).build().map(drop)
    });
    assert!(matches!(given, Err(BuildError::NoRuntime)));
}

// P-16
#[test]
fn a_runtime_may_be_given() {
    let carries = runtime();
    let pool = Pool::builder(Script::new()).runtime(carries.handle().clone()).build().unwrap();
    let caller = Builder::new_current_thread().enable_time().build().unwrap();
    let conn = caller.block_on(pool.acquire()).unwrap();
    assert_eq!(conn.serial(), 1);
}

// P-1
#[test]
fn a_guard_may_be_dropped_outside_any_runtime() {
    let runtime = runtime();
    let script = Script::new();
    let pool =
        runtime.block_on(async { Pool::builder(script.clone()).max_size(1).build().unwrap() });
    for fate in [Fate::Keep, Fate::Reset, Fate::Close] {
        script.on_release(fate);
        let conn = runtime.block_on(pool.acquire()).unwrap();
        std::thread::spawn(move || drop(conn)).join().unwrap();
    }
    let conn = runtime.block_on(pool.acquire()).unwrap();
    assert_eq!(conn.serial(), 2);
    assert_eq!(script.counts().resets, 1);
}

// P-1, P-5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_by_a_plain_thread_wakes_the_waiter() {
    let pool = Pool::builder(Script::new()).max_size(1).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    let waiter = {
        let pool = pool.clone();
        tokio::spawn(async move { pool.acquire().await.map(|conn| conn.serial()) })
    };
    wait_until(|| pool.status().waiting > 0);
    std::thread::spawn(move || drop(conn)).join().unwrap();
    assert_eq!(waiter.await.unwrap().unwrap(), 1);
}

// P-16, P-23
#[test]
fn when_the_runtime_is_gone_acquires_fail_and_slots_are_freed() {
    let carries = runtime();
    let script = Script::new();
    let pool = carries.block_on(async {
        Pool::builder(script.clone()).max_size(3).min_size(3).build_ready().await.unwrap()
    });
    let held = carries.block_on(pool.acquire()).unwrap();
    script.connect_always(Step::Never);
    let caller = Builder::new_current_thread().enable_time().build().unwrap();
    // One that waits when it happens.
    let waiting = {
        let pool = pool.clone();
        std::thread::spawn(move || {
            let own = Builder::new_current_thread().enable_time().build().unwrap();
            own.block_on(async {
                let all = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
                let error = pool.acquire().await.map(drop);
                drop(all);
                error
            })
        })
    };
    wait_until(|| pool.status().waiting > 0);
    drop(carries);
    assert!(matches!(waiting.join().unwrap(), Err(Error::RuntimeGone { .. })));
    let began = Instant::now();
    let error = caller.block_on(pool.acquire()).unwrap_err();
    assert!(matches!(error, Error::RuntimeGone { .. }), "{error}");
    assert!(error.to_string().contains("was shut down"), "{error}");
    assert!(matches!(pool.try_acquire(), Err(Error::RuntimeGone { .. })));
    assert!(began.elapsed() < ms(500));
    drop(held);
    assert_eq!(pool.status().size, 0);
    assert_eq!(script.counts().live, 0, "they are dropped, there is nobody to say goodbye");
}

// P-16, P-23
#[test]
fn connects_tests_resets_and_closes_that_die_with_the_runtime_leak_nothing() {
    for fate in [Fate::Keep, Fate::Reset, Fate::Close] {
        let carries = runtime();
        let script = Script::new();
        let (pool, conns) = carries.block_on(async {
            let builder = Pool::builder(script.clone()).max_size(3);
            let builder = builder.test_on_acquire(cenote::TestOnAcquire::Always);
            let pool = builder.build().unwrap();
            let conns = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
            (pool, conns)
        });
        script.on_release(fate).connect_always(Step::Never).reset_always(Step::Never);
        script.check_always(Step::Never).close_always(Step::Never);
        drop(conns);
        let waiter = {
            let pool = pool.clone();
            carries.spawn(async move { pool.acquire().await.map(drop) })
        };
        wait_until(|| pool.status().waiting > 0);
        drop(carries);
        drop(waiter);
        assert_eq!(pool.status().size, 0, "{fate:?}: {:?}", pool.status());
        let counts = script.counts();
        assert_eq!((counts.live, counts.connecting), (0, 0), "{fate:?}");
        assert_eq!(counts.connected, counts.closed + counts.dropped);
    }
}

// P-16, P-21
#[test]
fn a_pool_without_its_runtime_can_still_be_closed() {
    let carries = runtime();
    let pool = carries.block_on(async { Pool::builder(Script::new()).build().unwrap() });
    let held = carries.block_on(pool.acquire()).unwrap();
    drop(carries);
    let caller = Builder::new_current_thread().enable_time().build().unwrap();
    let began = Instant::now();
    let report = caller.block_on(pool.close(ms(100)));
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!((report.holders.len(), pool.status().size), (1, 0));
    drop(held);
}

/// What a future of another runtime comes to when the pool's runtime goes; it must come to something.
fn outlives<T: Send + 'static>(
    carries: Runtime,
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let own = Builder::new_current_thread().enable_time().build().unwrap();
        let mut future = pin!(future);
        // First until it waits, then on.
        let early = own.block_on(poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))));
        tell.send(None).unwrap();
        let output = match early {
            Poll::Ready(output) => output,
            Poll::Pending => own.block_on(future),
        };
        tell.send(Some(output)).unwrap();
    });
    assert!(told.recv().unwrap().is_none());
    drop(carries);
    told.recv_timeout(Duration::from_secs(5)).expect("it hangs").expect("it has an end")
}

// P-16, P-3
#[test]
fn who_waits_for_the_minimums_hears_that_the_runtime_is_gone() {
    for min_size in [0, 2] {
        let carries = runtime();
        let script = Script::new();
        script.connect_always(Step::Never);
        let builder = Pool::builder(script).min_size(min_size).acquire_timeout(ms(300));
        let builder = builder.runtime(carries.handle().clone());
        assert!(outlives(carries, builder.build_ready()).is_err());
    }
}

// P-16, P-21
#[test]
fn who_waits_for_the_end_hears_of_it_though_the_runtime_is_gone() {
    for drain in [true, false] {
        let carries = runtime();
        let builder = Pool::builder(Script::new()).runtime(carries.handle().clone());
        let pool = builder.build().unwrap();
        let held = carries.block_on(pool.acquire()).unwrap();
        let end = if drain { pool.drain(ms(300)) } else { pool.close(ms(300)) };
        let report = outlives(carries, end);
        assert_eq!(report.holders.len(), 1, "{report}");
        drop(held);
    }
}

// P-33
#[test]
fn a_pool_with_minimums_holds_up_no_runtime() {
    for handle_first in [true, false] {
        let runtime = runtime();
        let script = Script::new();
        let pool = runtime.block_on(async {
            let builder = Pool::builder(script.clone()).max_size(5).min_size(5);
            let builder = builder.idle_timeout(Timeout::Never).keepalive(Duration::from_secs(1));
            builder.build_ready().await.unwrap()
        });
        let began = Instant::now();
        if handle_first {
            drop(pool);
            drop(runtime);
        } else {
            drop(runtime);
            drop(pool);
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(script.counts().live, 0);
    }
}

/// The process of the next test: a pool with minimums that nobody closes, and a handle that is never
/// dropped.
#[test]
fn child_process() {
    if std::env::var_os("CENOTE_CHILD").is_none() {
        return;
    }
    let runtime = runtime();
    runtime.block_on(async {
        let builder = Pool::builder(Script::new()).min_size(5).idle_timeout(Timeout::Never);
        let pool = builder.build_ready().await.unwrap();
        drop(pool.acquire().await.unwrap());
        println!("child: {} ready", pool.status().available);
        std::mem::forget(pool);
    });
}

// P-33
#[test]
fn a_process_with_minimums_and_long_idle_times_exits_in_under_a_second() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_process", "--nocapture", "--test-threads=1"])
        .env("CENOTE_CHILD", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines();
    assert!(lines.any(|line| line.unwrap().contains("child: 5 ready")));
    let began = Instant::now();
    // Its output ends when it does.
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

// P-3
#[tokio::test(start_paused = true)]
async fn deadlines_follow_a_paused_tokio_clock() {
    let pool = Pool::builder(Script::new()).max_size(1).build().unwrap();
    let began = tokio::time::Instant::now();
    let _held = pool.acquire().await.unwrap();
    assert!(matches!(pool.acquire().await, Err(Error::Timeout { .. })));
    let waited = began.elapsed();
    assert!((Duration::from_secs(30)..ms(30_010)).contains(&waited), "{waited:?}");
}

/// Waits for one that comes back after this time, so that the wait leaves its timer to the next.
async fn wait_and_get(pool: &Pool<Script>, after: Duration) {
    let held = pool.acquire().await.unwrap();
    let back = async {
        tokio::time::sleep(after).await;
        drop(held);
    };
    let (got, ()) = tokio::join!(pool.acquire(), back);
    drop(got.unwrap());
}

/// How long somebody waits who gets nothing.
async fn wait_in_vain(pool: &Pool<Script>, timeout: Duration) -> Duration {
    let began = tokio::time::Instant::now();
    assert!(matches!(pool.acquire().timeout(timeout).await, Err(Error::Timeout { .. })));
    began.elapsed()
}

// P-3
#[tokio::test(start_paused = true)]
async fn a_timer_that_a_wait_left_ends_when_the_next_one_says() {
    let pool = Pool::builder(Script::new()).max_size(1).build().unwrap();
    // It is armed for 30 s: earlier, later, and after it has ended by itself.
    for (rest, timeout) in [(0, 5_000), (0, 60_000), (0, 1), (40_000, 10_000), (40_000, 31_000)] {
        wait_and_get(&pool, ms(1_000)).await;
        tokio::time::sleep(ms(rest)).await;
        let _held = pool.acquire().await.unwrap();
        let waited = wait_in_vain(&pool, ms(timeout)).await;
        assert!((ms(timeout)..ms(timeout + 10)).contains(&waited), "{timeout} ms: {waited:?}");
    }
}

// P-3
#[tokio::test(start_paused = true)]
async fn each_of_a_crowd_has_its_own_deadline_whoever_had_its_timer_before() {
    let pool = Pool::builder(Script::new()).max_size(1).build().unwrap();
    let crowd = async || {
        let waits = (0..100_u64).map(|n| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut served = 0;
                for turn in 0..20 {
                    // Some by the pool's own timeout, the others by one that is shorter or longer.
                    let wait = match (n + turn) % 3 {
                        0 => pool.acquire().await,
                        1 => pool.acquire().timeout(ms(20_000)).await,
                        _ => pool.acquire().timeout(ms(90_000)).await,
                    };
                    let conn = wait.unwrap();
                    tokio::time::sleep(ms(1)).await;
                    drop(conn);
                    served += 1;
                }
                served
            })
        });
        let mut served = 0;
        for wait in waits.collect::<Vec<_>>() {
            served += wait.await.unwrap();
        }
        served
    };
    assert_eq!(crowd().await, 2_000);
    let _held = pool.acquire().await.unwrap();
    let waits = (1..=100_u64).map(|n| {
        let pool = pool.clone();
        tokio::spawn(async move { (n, wait_in_vain(&pool, ms(n * 100)).await) })
    });
    for wait in waits.collect::<Vec<_>>() {
        let (n, waited) = wait.await.unwrap();
        assert!((ms(n * 100)..ms(n * 100 + 10)).contains(&waited), "{n}: {waited:?}");
    }
}

// P-3
#[tokio::test(start_paused = true)]
async fn who_was_served_is_not_woken_by_the_timer_that_it_left() {
    let pool = Pool::builder(Script::new()).max_size(1).build().unwrap();
    let held = pool.acquire().await.unwrap();
    let waiter = pool.clone();
    let served = tokio::spawn(async move {
        drop(waiter.acquire().await.unwrap());
        let mut polls = 0;
        let mut other = pin!(tokio::time::sleep(Duration::from_secs(100)));
        poll_fn(|cx| {
            polls += 1;
            other.as_mut().poll(cx)
        })
        .await;
        polls
    });
    tokio::time::sleep(ms(1_000)).await;
    drop(held);
    assert_eq!(served.await.unwrap(), 2);
}

// P-17, P-19
#[tokio::test(start_paused = true)]
async fn upkeep_runs_on_tokio() {
    let script = Script::new();
    let builder = Pool::builder(script.clone()).max_size(3).idle_timeout(Duration::from_secs(5));
    let pool = builder.build().unwrap();
    drop((pool.acquire().await.unwrap(), pool.acquire().await.unwrap()));
    script.kill(1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(script.living(), [2]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(pool.status().size, 0);
}

// P-12
#[tokio::test]
async fn a_release_serves_the_waiter_while_its_connect_is_under_way_in_real_time() {
    let script = Script::new();
    let pool = Pool::builder(script.clone()).max_size(2).build().unwrap();
    let held = pool.acquire().await.unwrap();
    script.connect_always(Step::Slow(ms(400)));
    let began = Instant::now();
    let watched = pool.clone();
    let giver = tokio::spawn(async move {
        while watched.status().connecting == 0 {
            tokio::task::yield_now().await;
        }
        drop(held);
    });
    let conn = pool.acquire().await.unwrap();
    assert_eq!(conn.serial(), 1);
    assert!(began.elapsed() < ms(300), "{:?}", began.elapsed());
    giver.await.unwrap();
}
