//! Connections and servers that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Error, Fault, FreeSlot, Pool, TestOnAcquire};
use cenote_postgres::{Postgres, PostgresError};
use cenote_testkit::servers::postgres::Stop;
use tokio::time::Instant;

use super::{blocking, counted, pool, postgres, server, sql, until};

// P-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_while_they_rest_are_never_lent() {
    let server = server().await;
    // No test could find them.
    let pool = pool(&server).min_size(4).test_on_acquire(TestOnAcquire::Never);
    let pool = pool.build_ready().await.unwrap();
    for _ in 0..5 {
        until("whole", || async { pool.status().available == 4 }).await;
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
            WHERE application_name = 'pool'";
        let before = pool.stats().counts.connected;
        assert_eq!(sql(&server, kill).await, "4");
        // What the server has closed, the tasks of the connections have seen before the pool is asked.
        until("gone", || async {
            counted(&server).await == 0 || pool.stats().counts.connected > before
        })
        .await;
        for _ in 0..8 {
            let conn = pool.acquire().await.unwrap();
            conn.query_one("SELECT 1", &[]).await.unwrap();
        }
    }
}

// P-14, P-18
#[tokio::test]
async fn the_reason_of_an_end_is_told_whoever_hears_it() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    let pid: i32 = conn.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    sql(&server, format!("SELECT pg_terminate_backend({pid})")).await;
    // While it rests: the request that comes after it is told why.
    let error = loop {
        if let Err(error) = conn.query_one("SELECT 1", &[]).await {
            break error;
        }
    };
    assert_eq!((error.code().unwrap().code(), error.fault()), ("57P01", Fault::Host), "{error}");
    let again = conn.query_one("SELECT 1", &[]).await.unwrap_err();
    assert!(matches!(again, PostgresError::Closed { why: Some(_), .. }), "{again}");
    assert!(again.to_string().contains("has ended: terminating connection"), "{again}");
}

struct Load {
    pool: Pool<Postgres>,
    over: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    timed_out: AtomicU64,
}

const DEADLINE: Duration = Duration::from_secs(10);

impl Load {
    /// Until it is over, one query after the other.
    async fn run(self: Arc<Load>) {
        while !self.over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let acquired = self.pool.acquire().await;
            if asked.elapsed() > DEADLINE + Duration::from_secs(1) {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
            match acquired {
                Ok(conn) => match conn.query_one("SELECT pg_sleep(0.002)::text", &[]).await {
                    Ok(_) => self.done.fetch_add(1, Ordering::Relaxed),
                    Err(error) => {
                        let known = [Fault::Host, Fault::Connection].contains(&error.fault());
                        assert!(known, "{error}");
                        self.failed.fetch_add(1, Ordering::Relaxed)
                    }
                },
                Err(Error::Timeout { .. }) => self.timed_out.fetch_add(1, Ordering::Relaxed),
                Err(error) => panic!("{error}"),
            };
        }
    }
}

// P-13, P-18, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_whole_two_seconds_after_its_server() {
    const SIZE: usize = 8;
    let server = server().await;
    let pool = Pool::builder(postgres(&server))
        .max_size(SIZE)
        .min_size(SIZE)
        .acquire_timeout(DEADLINE)
        .build_ready()
        .await
        .unwrap();
    let load = Arc::new(Load {
        pool: pool.clone(),
        over: AtomicBool::new(false),
        done: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        late: AtomicU64::new(0),
        timed_out: AtomicU64::new(0),
    });
    let tasks: Vec<_> = (0..24).map(|_| tokio::spawn(Arc::clone(&load).run())).collect();
    let mut restarts = 0;
    for stop in [Stop::Fast, Stop::Immediate, Stop::Fast] {
        let done = load.done.load(Ordering::Relaxed);
        until("busy", || async { load.done.load(Ordering::Relaxed) > done + 200 }).await;
        let failed = load.failed.load(Ordering::Relaxed);
        let stopped = Arc::clone(&server);
        blocking(move || stopped.stop(stop)).await.unwrap();
        // Long enough for the pool to grow patient.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let started = Arc::clone(&server);
        blocking(move || started.start_again()).await.unwrap();
        let back = Instant::now();
        until("whole", || async {
            let status = pool.status();
            status.available + status.using == SIZE
        })
        .await;
        let took = back.elapsed();
        assert!(took < Duration::from_secs(2), "{stop:?}: whole after {took:?}");
        let errors = load.failed.load(Ordering::Relaxed) - failed;
        assert!(errors <= SIZE as u64, "{stop:?}: {errors} errors for {SIZE} connections");
        restarts += 1;
    }
    load.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(load.late.load(Ordering::Relaxed), 0, "nobody waited past the deadline");
    assert_eq!(load.timed_out.load(Ordering::Relaxed), 0, "nor up to it");
    assert_eq!(restarts, 3);
}

// P-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_never_counts_more_than_max_size() {
    const SIZE: usize = 4;
    let server = server().await;
    let pool = Pool::builder(postgres(&server))
        .max_size(SIZE)
        .max_uses(3)
        .free_slot(FreeSlot::WhenClosed)
        .build()
        .unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..16)
        .map(|turn| {
            let (pool, over) = (pool.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let conn = pool.acquire().await.unwrap();
                    if turn % 4 == 0 {
                        // Closed while something runs.
                        let slow = conn.query_one("SELECT pg_sleep(1)::text", &[]);
                        let _ = tokio::time::timeout(Duration::from_millis(3), slow).await;
                        cenote::Pooled::discard(conn);
                    } else {
                        conn.query_one("SELECT 1", &[]).await.unwrap();
                    }
                }
            })
        })
        .collect();
    // On a connection of its own, counted by the server itself.
    let watcher = Pool::builder(postgres(&server).application_name("watcher")).max_size(1).build();
    let watcher = watcher.unwrap();
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool'";
    let mut most = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let conn = watcher.acquire().await.unwrap();
        let counted: i64 = conn.query_one(count, &[]).await.unwrap().get(0);
        most = most.max(counted);
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(pool.stats().counts.connected > 50, "{}", pool.stats().counts.connected);
    assert_eq!(most, SIZE as i64, "all were used, and never more");
}
