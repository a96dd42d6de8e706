//! The database, and what must be in it. Each pool counts in a row of its own, so a commit that was lost or made
//! twice is seen: the row is at least what was committed for sure, and at most that and what nobody knows of,
//! because its caller had gone.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cenote_sqlite::Sqlite;
use cenote_sqlite::rusqlite::{Connection, Result};

/// The entries are a ring, so that the file does not grow.
const ENTRIES: i64 = 1000;

const SCHEMA: &str = "
    CREATE TABLE tally (writer INTEGER PRIMARY KEY, n INTEGER NOT NULL);
    CREATE TABLE entry (place INTEGER PRIMARY KEY, writer INTEGER NOT NULL, text TEXT NOT NULL);
";

/// Who writes: the pools, by number.
pub(crate) type Writer = usize;

#[derive(Debug, Default)]
struct Row {
    committed: AtomicU64,
    unsure: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    rows: Vec<Row>,
    turn: AtomicU64,
}

impl Ledger {
    pub(crate) fn create(folder: &Path, writers: usize) -> Result<Ledger> {
        let path = folder.join("soak.db");
        let db = Connection::open(&path)?;
        db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        db.execute_batch(SCHEMA)?;
        for writer in 0..writers {
            db.execute("INSERT INTO tally VALUES (?1, 0)", [writer as i64])?;
        }
        let rows = (0..writers).map(|_| Row::default()).collect();
        Ok(Ledger { path, rows, turn: AtomicU64::new(0) })
    }

    /// The driver for this database. Locks are waited for shortly: a busy database is one more fault.
    pub(crate) fn sqlite(&self) -> Sqlite {
        Sqlite::file(&self.path).busy_timeout(std::time::Duration::from_millis(200))
    }

    /// A write that is about to be tried; until it is told otherwise, nobody knows what becomes of it.
    pub(crate) fn begin(&self, writer: Writer) -> Written<'_> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Written { row: &self.rows[writer], writer, turn, known: false }
    }

    pub(crate) fn committed(&self) -> u64 {
        self.rows.iter().map(|row| row.committed.load(Ordering::SeqCst)).sum()
    }

    /// What is wrong with the database.
    pub(crate) fn verify(&self) -> Vec<String> {
        self.compare().unwrap_or_else(|error| vec![format!("the database cannot be read: {error}")])
    }

    fn compare(&self) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let db = Connection::open(&self.path)?;
        for (writer, Row { committed, unsure }) in self.rows.iter().enumerate() {
            let n: i64 =
                db.query_row("SELECT n FROM tally WHERE writer = ?1", [writer as i64], |row| {
                    row.get(0)
                })?;
            let committed = committed.load(Ordering::SeqCst) as i64;
            let most = committed + unsure.load(Ordering::SeqCst) as i64;
            if !(committed..=most).contains(&n) {
                wrong.push(format!(
                    "pool {writer} has {n} commits in the database, not {committed} to {most}"
                ));
            }
        }
        let whole: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if whole != "ok" {
            wrong.push(format!("the database is damaged: {whole}"));
        }
        db.close().map_err(|(_, error)| error)?;
        Ok(wrong)
    }
}

/// One write and what is known of it.
#[derive(Debug)]
pub(crate) struct Written<'a> {
    row: &'a Row,
    writer: Writer,
    turn: u64,
    known: bool,
}

impl Written<'_> {
    /// Both tables or none.
    pub(crate) fn work(&self) -> impl FnOnce(&mut Connection) -> Result<()> + Send + 'static {
        let (writer, turn) = (self.writer as i64, self.turn as i64);
        move |db| {
            let tx = db.transaction_with_behavior(
                cenote_sqlite::rusqlite::TransactionBehavior::Immediate,
            )?;
            tx.execute("UPDATE tally SET n = n + 1 WHERE writer = ?1", [writer])?;
            tx.execute(
                "INSERT OR REPLACE INTO entry VALUES (?1, ?2, ?3)",
                (turn % ENTRIES, writer, format!("the text of turn {turn}")),
            )?;
            tx.commit()
        }
    }

    pub(crate) fn committed(mut self) {
        self.known = true;
        self.row.committed.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn failed(mut self) {
        self.known = true;
    }
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        if !self.known {
            self.row.unsure.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A look at some entries.
pub(crate) fn read(db: &mut Connection) -> Result<i64> {
    db.prepare_cached("SELECT count(*) FROM entry WHERE writer = 0")?
        .query_row([], |row| row.get(0))
}

/// A query of some ten milliseconds.
pub(crate) fn read_slowly(db: &mut Connection) -> Result<i64> {
    let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        SELECT count(*) FROM n";
    db.prepare_cached(count)?.query_row([], |row| row.get(0))
}
