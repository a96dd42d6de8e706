//! A pool keeps no process alive.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cenote::Pool;
use cenote_sqlite::Sqlite;

const CHILD: &str = "CENOTE_SQLITE_EXIT_CHILD";

// P-33
#[test]
fn a_process_with_a_minimum_of_connections_exits_in_under_a_second() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    let this = std::env::current_exe().unwrap();
    let name = "a_process_with_a_minimum_of_connections_exits_in_under_a_second";
    let mut process = Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().ends_with("the pool is full")),
        "the child got that far"
    );
    let ended = Instant::now();
    assert!(process.wait().unwrap().success());
    assert!(ended.elapsed() < Duration::from_secs(1), "{:?}", ended.elapsed());
}

fn child() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let pool = runtime.block_on(async {
        let pool = Pool::builder(Sqlite::memory()).min_size(4).build_ready().await.unwrap();
        // One is lent for good, in the middle of an endless call.
        let mut conn = pool.acquire().await.unwrap();
        let (begin, begun) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let endless = conn.call(|_| {
                begin.send(()).unwrap();
                loop {
                    std::thread::park();
                }
            });
            let never: Result<(), _> = endless.await;
            never
        });
        begun.await.unwrap();
        pool
    });
    println!("\nthe pool is full");
    drop(runtime);
    drop(pool);
}

// P-33
#[cfg(target_os = "linux")]
#[test]
fn dropping_the_last_handle_ends_every_thread() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
        names.filter(|name| name.as_ref().is_ok_and(|name| name.trim() == "cenote-sqlite")).count()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (pool, conn) = runtime.block_on(async {
        let pool = Pool::builder(Sqlite::memory()).min_size(3).build_ready().await.unwrap();
        let conn = pool.acquire().await.unwrap();
        (pool, conn)
    });
    assert_eq!(threads(), 3);
    drop(pool);
    drop(runtime);
    drop(conn);
    let began = Instant::now();
    while threads() > 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "{} threads live on", threads());
        std::thread::yield_now();
    }
}
