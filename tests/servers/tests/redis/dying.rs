//! Connections and servers that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Error, Fault, FreeSlot, Pool, Pooled, TestOnAcquire};
use cenote_redis::redis::{AsyncCommands, cmd};
use cenote_redis::{Redis, RedisError};
use tokio::time::Instant;

use super::{blocking, counted, pool, redis, run, server, until};

// P-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_while_they_rest_are_never_lent() {
    let server = server().await;
    // No test could find them.
    let pool = pool(&server).min_size(4).test_on_acquire(TestOnAcquire::Never);
    let pool = pool.build_ready().await.unwrap();
    for _ in 0..5 {
        until("whole", || async { pool.status().available == 4 && counted(&server).await == 4 })
            .await;
        let before = pool.stats().counts.connected;
        assert_eq!(run(&server, "CLIENT KILL TYPE normal SKIPME yes").await, "4");
        // What the server has closed, the tasks of the connections have seen before the pool is asked.
        until("gone", || async {
            counted(&server).await == 0 || pool.stats().counts.connected > before
        })
        .await;
        for _ in 0..2 {
            for mut conn in pool.acquire_many(4).await.unwrap() {
                cmd("PING").exec_async(&mut *conn).await.unwrap();
            }
        }
    }
}

// P-14
#[tokio::test]
async fn a_connection_that_ended_says_so() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    run(&server, "CLIENT KILL TYPE normal SKIPME yes").await;
    let error = loop {
        if let Err(error) = cmd("PING").exec_async(&mut *conn).await {
            break RedisError::from(error);
        }
    };
    assert_eq!(error.fault(), Fault::Connection, "{error}");
    let again = RedisError::from(cmd("PING").exec_async(&mut *conn).await.unwrap_err());
    assert_eq!(again.fault(), Fault::Connection, "{again}");
    assert!(again.to_string().contains("the connection has ended"), "{again}");
}

struct Load {
    pool: Pool<Redis>,
    over: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    timed_out: AtomicU64,
}

const DEADLINE: Duration = Duration::from_secs(10);

impl Load {
    /// Until it is over, one command after the other: some of them are under way at any moment.
    async fn run(self: Arc<Load>) {
        while !self.over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let acquired = self.pool.acquire().await;
            if asked.elapsed() > DEADLINE + Duration::from_secs(1) {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
            match acquired {
                Ok(mut conn) => match conn.blpop::<_, Option<(String, String)>>("none", 0.01).await
                {
                    Ok(_) => self.done.fetch_add(1, Ordering::Relaxed),
                    Err(error) => {
                        let error = RedisError::from(error);
                        assert_eq!(error.fault(), Fault::Connection, "{error}");
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
    let pool = Pool::builder(redis(&server))
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
    for killed in [false, true] {
        let done = load.done.load(Ordering::Relaxed);
        until("busy", || async { load.done.load(Ordering::Relaxed) > done + 200 }).await;
        let failed = load.failed.load(Ordering::Relaxed);
        let stopped = Arc::clone(&server);
        blocking(move || if killed { stopped.kill() } else { stopped.stop().unwrap() }).await;
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
        assert!(took < Duration::from_secs(2), "killed {killed}: whole after {took:?}");
        let errors = load.failed.load(Ordering::Relaxed) - failed;
        assert!(errors <= SIZE as u64, "killed {killed}: {errors} errors, {SIZE} connections");
    }
    load.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(load.late.load(Ordering::Relaxed), 0, "nobody waited past the deadline");
    assert_eq!(load.timed_out.load(Ordering::Relaxed), 0, "nor up to it");
}

// P-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_never_counts_more_than_max_size() {
    const SIZE: usize = 4;
    let server = server().await;
    let pool = Pool::builder(redis(&server))
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
                    let mut conn = pool.acquire().await.unwrap();
                    if turn % 4 == 0 {
                        // Closed while it waits on the server.
                        let waits = conn.blpop::<_, (String, String)>("none", 1.0);
                        let _ = tokio::time::timeout(Duration::from_millis(3), waits).await;
                        Pooled::discard(conn);
                    } else {
                        cmd("PING").exec_async(&mut *conn).await.unwrap();
                    }
                }
            })
        })
        .collect();
    // On a connection of its own, counted by the server itself.
    let watcher = Pool::builder(redis(&server).client_name("watcher")).max_size(1).build();
    let watcher = watcher.unwrap();
    let mut most = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let mut conn = watcher.acquire().await.unwrap();
        let list: String = cmd("CLIENT").arg("LIST").query_async(&mut *conn).await.unwrap();
        most = most.max(list.matches(" name=pool ").count());
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(pool.stats().counts.connected > 50, "{}", pool.stats().counts.connected);
    assert_eq!(most, SIZE, "all were used, and never more");
}
