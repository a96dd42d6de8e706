//! SQLite for threads: the same settings and messages, and the connection itself in the borrower's hand.

use std::thread;

use cenote::blocking::{Offload, Pool, Pooled};
use cenote::{Error, Fault};
use cenote_sqlite::rusqlite::{Connection, OptionalExtension, params};
use cenote_sqlite::{Sqlite, SqliteError};

// P-25, P-1
#[test]
fn threads_share_a_file_through_plain_rusqlite_connections() {
    let folder = tempfile::tempdir().unwrap();
    let pool = Pool::builder(Sqlite::file(folder.path().join("app.db"))).max_size(3).build_ready();
    let pool = pool.unwrap();
    pool.with(|db| Ok(db.execute_batch("CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT)")?))
        .unwrap();
    let threads: Vec<_> = (0..6)
        .map(|n| {
            let pool = pool.clone();
            thread::spawn(move || {
                for m in 0..20 {
                    let mut db = pool.acquire().unwrap();
                    let tx = db.transaction().unwrap();
                    tx.execute("INSERT INTO word (word) VALUES (?1)", params![n * 20 + m]).unwrap();
                    tx.commit().unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let count = |db: &mut Connection| {
        Ok(db.query_row("SELECT count(DISTINCT word) FROM word", [], |row| row.get::<_, i64>(0))?)
    };
    assert_eq!(pool.with(count).unwrap(), 120);
    let mode = |db: &mut Connection| {
        Ok(db.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))?)
    };
    assert_eq!(pool.with(mode).unwrap(), "wal", "set up as on the async face");
    let report = pool.close(std::time::Duration::from_secs(10));
    assert!(report.is_clean() && report.closed <= 3, "{report}");
}

// P-25, P-16
#[test]
fn a_transaction_left_open_is_rolled_back_before_the_next_borrower() {
    let pool = Pool::builder(Sqlite::memory()).max_size(1).build().unwrap();
    let db = pool.acquire().unwrap();
    db.execute_batch("CREATE TABLE a (b); BEGIN; INSERT INTO a VALUES (1)").unwrap();
    let id = Pooled::id(&db);
    drop(db);
    let db = pool.acquire().unwrap();
    assert_eq!(Pooled::id(&db), id);
    assert!(db.is_autocommit());
    let found = db.query_row("SELECT b FROM a", [], |row| row.get::<_, i64>(0)).optional();
    assert_eq!(found.unwrap(), None);
}

// P-25, P-14, S
#[test]
fn what_cannot_be_opened_or_asked_says_so() {
    let pool =
        Pool::builder(Sqlite::file("no/such/folder/app.db")).name("nowhere").build().unwrap();
    let error = pool.acquire().unwrap_err();
    assert_eq!(
        error.to_string(),
        "pool \"nowhere\": cannot connect: SQLite database \"no/such/folder/app.db\": the folder \"no/such/folder\" does not exist: create it, or correct the path"
    );
    let pool = Pool::builder(Sqlite::memory()).build().unwrap();
    let error = pool.with(|db| Ok(db.execute_batch("SELEC 'secret'")?)).unwrap_err();
    assert_eq!(error.to_string(), "SQLite: near \"SELEC\": syntax error");
    let Error::Run(error) = error else { panic!("{error}") };
    assert!(matches!(error, SqliteError::Statement { .. }));
    assert_eq!(error.fault(), Fault::Query);
    assert_eq!(pool.status().size, 1, "the connection is well");
}

// P-25
#[tokio::test]
async fn plain_connections_may_be_lent_to_async_code_too() {
    let manager = Offload::new(Sqlite::memory());
    let pool = cenote::Pool::builder(manager).max_size(2).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let answer = conn.call(|db| db.query_row("SELECT 6 * 7", [], |row| row.get::<_, i64>(0))).await;
    assert_eq!(answer.unwrap(), 42);
}
