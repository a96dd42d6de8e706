//! A pool for threads: no runtime, no futures, the same rules. What it lends is rusqlite's own connection.

#![forbid(unsafe_code)]

use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cenote::blocking::{Pool, Pooled};
use cenote_sqlite::Sqlite;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(Sqlite::memory()).name("app").max_size(2).build_ready()?;
    pool.with(|db| Ok(db.execute_batch("CREATE TABLE word (word TEXT)")?))?;

    // Eight threads share two connections; who must wait sleeps until its turn.
    let workers: Vec<_> = (0..8)
        .map(|n| {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.with(|db| Ok(db.execute("INSERT INTO word VALUES (?1)", [n])?))
            })
        })
        .collect();
    let mut inserted = 0;
    for worker in workers {
        inserted += worker.join().expect("a worker does not panic")?;
    }
    println!("inserted:  {inserted} rows, at most 2 connections: {}", pool.status().size <= 2);

    // A transaction that is left open is rolled back before anybody else gets the connection.
    let db = pool.acquire()?;
    db.execute_batch("BEGIN; DELETE FROM word")?;
    drop(db);
    let count =
        pool.with(|db| Ok(db.query_row("SELECT count(*) FROM word", [], |row| row.get(0))?));
    println!("after all: {} rows", count.map(|count: i64| count)?);

    // A deadline of one's own, and what the caller hears when it passes.
    let held = [pool.acquire()?, pool.acquire()?];
    let refused = pool.request().timeout(Duration::from_millis(20)).acquire();
    println!("too late:  {}", refused.is_err_and(|error| error.is_transient()));

    let [leaked, back] = held;
    drop(back);
    let report = pool.close(Duration::from_millis(20));
    let holder = &report.holders[0];
    println!("closed:    {} closed, {} held", report.closed, report.holders.len());
    println!("           acquired in {:?}", Path::new(holder.location.file()).file_name());
    Pooled::discard(leaked);
    println!("at last:   {}", pool.status());
    Ok(())
}
