//! Connections and servers that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Error, Fault, FreeSlot, Pool, Pooled, TestOnAcquire};
use cenote_mysql::Mysql;
use tokio::time::{Instant, sleep};

use super::{COUNT, blocking, counted, mysql, pool, server, sql, until};

// P-19, P-15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_while_they_rest_are_never_lent() {
    let server = server().await;
    // Nobody reads from a connection that rests, so the test before lending must find them.
    let always = pool(&server).min_size(4).test_on_acquire(TestOnAcquire::Always);
    let always = always.build_ready().await.unwrap();
    for _ in 0..5 {
        until("whole", || async { always.status().available == 4 }).await;
        let ids = "SELECT GROUP_CONCAT('KILL ', ID SEPARATOR ';') FROM information_schema.PROCESSLIST \
            WHERE COMMAND = 'Sleep'";
        let kill = sql(&server, ids).await;
        // All that live; the pool may not know yet of those that it killed before.
        assert!(kill.starts_with("KILL"), "{kill}");
        sql(&server, kill).await;
        for _ in 0..8 {
            let mut conn = always.acquire().await.unwrap();
            conn.query_drop("SELECT 1").await.unwrap();
        }
    }
    assert!(always.stats().counts.tests_failed >= 5, "{}", always.stats().counts.tests_failed);
}

// P-14, P-18
#[tokio::test]
async fn an_end_is_told_and_the_connection_is_not_lent_again() {
    let server = server().await;
    let pool = pool(&server).max_size(1).build().unwrap();
    // In the middle of a request, and between two.
    for request in ["SELECT SLEEP(60) FROM seq_1_to_9", "SELECT 1"] {
        let mut conn = pool.acquire().await.unwrap();
        let id = conn.id();
        let kill = async {
            let running =
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'";
            let sleeps = request.contains("SLEEP");
            until("running", || async { !sleeps || sql(&server, running).await == "1" }).await;
            sql(&server, format!("KILL {id}")).await;
        };
        let error = if request.contains("SLEEP") {
            tokio::join!(conn.query_drop(request), kill).0.unwrap_err()
        } else {
            kill.await;
            conn.query_drop(request).await.unwrap_err()
        };
        let fault = error.fault();
        assert!([Fault::Connection, Fault::Timeout].contains(&fault), "{request}: {error}");
        // Whatever it was told, there is nothing behind it any more.
        let again = conn.query_drop("SELECT 1").await.unwrap_err();
        assert_eq!(again.fault(), Fault::Connection, "{request}: {again}");
        drop(conn);
        let mut conn = pool.acquire().await.unwrap();
        conn.query_drop("SELECT 1").await.unwrap();
        assert_ne!(conn.id(), id);
    }
}

struct Load {
    pool: Pool<Mysql>,
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
                Ok(mut conn) => match conn.query_drop("DO SLEEP(0.002)").await {
                    Ok(()) => self.done.fetch_add(1, Ordering::Relaxed),
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
    let pool = Pool::builder(mysql(&server))
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
        let stop = move || if killed { stopped.kill() } else { stopped.stop().unwrap() };
        blocking(stop).await;
        // Long enough for the pool to grow patient.
        sleep(Duration::from_secs(2)).await;
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
        assert!(errors <= SIZE as u64, "killed {killed}: {errors} errors for {SIZE} connections");
    }
    load.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(load.late.load(Ordering::Relaxed), 0, "nobody waited past the deadline");
    assert_eq!(load.timed_out.load(Ordering::Relaxed), 0, "nor up to it");
}

// P-20, P-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_counts_no_more_than_max_size_where_requests_are_given_up() {
    const SIZE: usize = 4;
    let server = server().await;
    let pool = Pool::builder(mysql(&server)).max_size(SIZE).free_slot(FreeSlot::WhenClosed);
    let ids = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&ids);
    let pool = pool
        .after_connect(move |conn| {
            noted.lock().unwrap().push(conn.id().to_string());
            Box::pin(async { Ok(()) })
        })
        .build()
        .unwrap();
    let held = Pool::builder(mysql(&server)).max_size(1).build().unwrap();
    let mut held = Pooled::detach(held.acquire().await.unwrap());
    held.query_drop("DO GET_LOCK('held', 0)").await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..12)
        .map(|turn| {
            let (pool, over) = (pool.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let mut conn = pool.acquire().await.unwrap();
                    if turn % 4 == 0 {
                        // Not SLEEP: several that are killed at a time hold each other up, in this server.
                        let slow = conn.query_drop("DO GET_LOCK('held', 60)");
                        let _ = tokio::time::timeout(Duration::from_millis(3), slow).await;
                    } else {
                        conn.query_drop("SELECT 1").await.unwrap();
                    }
                }
            })
        })
        .collect();
    // On a connection of its own, counted by the server itself. Those that stop others are not the pool's.
    let watcher = Pool::builder(mysql(&server)).max_size(1).build().unwrap();
    let question = COUNT.replace("COUNT(*)", "ID");
    let mut most = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let mut conn = watcher.acquire().await.unwrap();
        let there = conn.query::<String, _>(question.as_str()).await.unwrap();
        drop(conn);
        let known = ids.lock().unwrap();
        most = most.max(there.iter().filter(|id| known.contains(id)).count());
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(pool.stats().counts.connected > 50, "{}", pool.stats().counts.connected);
    assert_eq!((most, pool.stats().counts.close_failures), (SIZE, 0), "and never more");
    pool.close(Duration::from_secs(5)).await;
    watcher.close(Duration::from_secs(5)).await;
    drop(held);
    until("gone", || async { counted(&server).await == 0 }).await;
}
