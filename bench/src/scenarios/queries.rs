//! S0: what a pool is for. A query of a SQLite file by key, eight at a time, from tasks and from threads: with a new
//! connection for each query, and with a pool of eight. Opening a file is cheap; a server asks for more.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cenote_sqlite::Sqlite;
use cenote_sqlite::rusqlite::{Connection, Error};

use super::Trial;
use crate::figures::{Column, Metric, Sheet, Unit};
use crate::load::{per_cycle, workers};
use crate::pools::NONE;
use crate::subject::Tuning;

pub(crate) const TASKS: Metric = Metric::new("query, from tasks", Unit::Ns);
pub(crate) const THREADS: Metric = Metric::new("query, from threads", Unit::Ns);

const AT_A_TIME: usize = 8;
const ROWS: u32 = 1000;

pub(crate) fn measure(trial: &Trial, sheet: &mut Sheet) {
    if trial.tuning != Tuning::Default {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for a file can be made");
    let sqlite = Sqlite::file(folder.path().join("bench.db"));
    fill(&folder.path().join("bench.db")).expect("the rows fit on the disk");
    let window = trial.scale.window;
    let anew = Column { pool: NONE, settings: trial.tuning.name() };
    sheet.record(trial.scenario, anew, TASKS, tasks_anew(&sqlite, window));
    trial.record(sheet, TASKS, tasks_pooled(&sqlite, window));
    sheet.record(trial.scenario, anew, THREADS, threads_anew(&sqlite, window));
    trial.record(sheet, THREADS, threads_pooled(&sqlite, window));
}

fn fill(path: &Path) -> Result<(), Error> {
    let mut db = Connection::open(path)?;
    db.execute_batch("CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")?;
    let all = db.transaction()?;
    for id in 0..ROWS {
        all.execute("INSERT INTO user VALUES (?1, ?2)", (id, format!("user {id}")))?;
    }
    all.commit()
}

fn query(db: &Connection, n: u64) -> Result<String, Error> {
    let mut one = db.prepare_cached("SELECT name FROM user WHERE id = ?1")?;
    let id = i64::try_from(n * 7919 % u64::from(ROWS)).expect("a small number");
    one.query_row([id], |row| row.get(0))
}

/// Nanoseconds from one query to the next, of eight tasks.
fn tasks<F: Future<Output = ()> + Send>(
    window: Duration,
    run: impl Fn(u64) -> F + Clone + Send + 'static,
) -> f64 {
    let runtime = workers(2);
    runtime.block_on(async {
        let began = Instant::now();
        let mut running = Vec::new();
        for task in 0..AT_A_TIME as u64 {
            let run = run.clone();
            running.push(tokio::spawn(async move {
                let mut done = 0;
                while began.elapsed() < window {
                    run(task * 101 + done).await;
                    done += 1;
                }
                done
            }));
        }
        let mut all = 0;
        for task in running {
            all += task.await.expect("no query fails");
        }
        per_cycle(began.elapsed(), all)
    })
}

fn tasks_anew(sqlite: &Sqlite, window: Duration) -> f64 {
    use cenote::Manager;

    let sqlite = Arc::new(sqlite.clone());
    tasks(window, move |n| {
        let sqlite = Arc::clone(&sqlite);
        async move {
            let mut conn = sqlite.connect().await.expect("the file can be opened");
            conn.call(move |db| query(db, n)).await.expect("the row is there");
            sqlite.close(conn).await.expect("the file can be closed");
        }
    })
}

fn tasks_pooled(sqlite: &Sqlite, window: Duration) -> f64 {
    let runtime = workers(1);
    let _here = runtime.enter();
    let pool = cenote::Pool::builder(sqlite.clone()).max_size(AT_A_TIME).build();
    let pool = pool.expect("these settings are valid");
    tasks(window, move |n| {
        let pool = pool.clone();
        async move {
            let mut conn = pool.acquire().await.expect("one is had within 30 s");
            conn.call(move |db| query(db, n)).await.expect("the row is there");
        }
    })
}

/// The same of eight threads.
fn threads(window: Duration, run: impl Fn(u64) + Sync) -> f64 {
    let all = AtomicU64::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        for thread in 0..AT_A_TIME as u64 {
            let (run, all) = (&run, &all);
            scope.spawn(move || {
                let mut done = 0;
                while began.elapsed() < window {
                    run(thread * 101 + done);
                    done += 1;
                }
                all.fetch_add(done, Ordering::Relaxed);
            });
        }
    });
    per_cycle(began.elapsed(), all.into_inner())
}

fn threads_anew(sqlite: &Sqlite, window: Duration) -> f64 {
    use cenote::blocking::Manager;

    threads(window, |n| {
        let db = Manager::connect(sqlite).expect("the file can be opened");
        query(&db, n).expect("the row is there");
    })
}

fn threads_pooled(sqlite: &Sqlite, window: Duration) -> f64 {
    let pool = cenote::blocking::Pool::builder(sqlite.clone()).max_size(AT_A_TIME).build();
    let pool = pool.expect("these settings are valid");
    threads(window, |n| {
        let db = pool.acquire().expect("one is had within 30 s");
        query(&db, n).expect("the row is there");
    })
}
