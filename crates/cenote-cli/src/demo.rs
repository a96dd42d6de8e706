//! `cenote demo`: the pool at work on a database that is made for it and removed after it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Manager, Pool};
use cenote_sqlite::Sqlite;
use cenote_sqlite::rusqlite::{Connection, Result as QueryResult};
use tempfile::TempDir;

use crate::Outcome;
use crate::args::DemoArgs;
use crate::drivers::SqliteQuery;
use crate::failure::Failure;
use crate::figures::Figures;
use crate::histogram::Durations;
use crate::load::{Load, Source};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::text;
use crate::units::count;

const ROWS: u64 = 100_000;
const TASKS: u32 = 64;
const SIZE: u32 = 8;
/// Unless the user says otherwise.
const SECONDS: u32 = 10;
/// Every so many-th query writes.
const WRITES: u64 = 20;

pub(crate) async fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    // Before there is a folder that an early end could leave behind.
    let mut stop = Stop::new();
    let folder = folder("cenote-demo-")?;
    let progress = Progress::new();
    let measured = measure(args, &folder.path().join("demo.db"), &progress, &mut stop).await;
    progress.clear();
    let figures = measured?;
    let interrupted = stop.is_wished();
    if args.json {
        return Ok(Outcome { text: figures.json(), interrupted });
    }
    let rows = count(ROWS);
    let headline = format!("Cenote: {TASKS} tasks, {SIZE} connections, SQLite with {rows} rows");
    let note = format!(", every {WRITES}th a write");
    let text = text::figures(&headline, &figures, &note)
        + &text::comparison(&figures)
        + &text::ten_lines();
    Ok(Outcome { text, interrupted })
}

/// A folder of this run; gone with the value.
pub(crate) fn folder(prefix: &str) -> Result<TempDir, Failure> {
    tempfile::Builder::new().prefix(prefix).tempdir().map_err(|error| {
        Failure::new(format!(
            "no folder for the database could be made ({error}): set TMPDIR to one that may be written"
        ))
    })
}

async fn measure(
    args: &DemoArgs,
    path: &Path,
    progress: &Progress,
    stop: &mut Stop,
) -> Result<Figures, Failure> {
    let sqlite = Sqlite::file(path);
    progress.say("making 100,000 rows");
    tokio::select! {
        made = make_rows(&sqlite) => made?,
        () = stop.wished() => return Err(Failure::interrupted()),
    }
    let pool = Pool::builder(sqlite.clone())
        .name("demo")
        .max_size(SIZE as usize)
        .measure_hold(true)
        .build_ready()
        .await?;
    let query: SqliteQuery = Arc::new(read_or_write);
    let duration = Duration::from_secs(args.seconds.unwrap_or(SECONDS).into());
    let load = Load { source: Source::pool(&pool, Arc::clone(&query)), tasks: TASKS, duration };
    let done = load.run(progress, stop).await.sound(stop)?;
    pool.close(Duration::from_secs(5)).await;
    let target = "sqlite:demo.db".to_owned();
    let mut figures = Figures::of_pool(target, TASKS, SIZE, &pool.stats(), done);

    if !stop.is_wished() {
        let source = Source::anew(sqlite, Arc::new(Durations::default()), query);
        let duration = (duration / 4).min(Duration::from_secs(2));
        let load = Load { source, tasks: TASKS, duration };
        figures.without_pool = Some(load.run(progress, stop).await);
    }
    Ok(figures)
}

async fn make_rows(sqlite: &Sqlite) -> Result<(), Failure> {
    let mut conn = sqlite.connect().await?;
    conn.transaction(|tx| {
        tx.execute_batch(
            "CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL, stock INTEGER NOT NULL)",
        )?;
        let mut insert = tx.prepare("INSERT INTO product VALUES (?1, ?2, ?3)")?;
        for id in 1..=ROWS {
            insert.execute((id as i64, format!("product {id}"), 1000))?;
        }
        Ok(())
    })
    .await?;
    Ok(sqlite.close(conn).await?)
}

/// Reads one product, or sells one.
fn read_or_write(db: &mut Connection, turn: u64) -> QueryResult<()> {
    let drawn = scatter(turn);
    let id = (drawn % ROWS + 1) as i64;
    if drawn.rotate_left(32).is_multiple_of(WRITES) {
        let sell = "UPDATE product SET stock = stock - 1 WHERE id = ?1";
        db.prepare_cached(sell)?.execute([id])?;
    } else {
        let read = "SELECT name, stock FROM product WHERE id = ?1";
        db.prepare_cached(read)?.query_row([id], |row| {
            row.get::<_, String>(0)?;
            row.get::<_, i64>(1)
        })?;
    }
    Ok(())
}

/// Makes numbers in a row look drawn by lot (the finisher of SplitMix64).
pub(crate) fn scatter(turn: u64) -> u64 {
    let mut z = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
