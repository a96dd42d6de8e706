//! What a call returns, and what its errors mean for the connection.

use cenote::{Fault, Manager, Pool, Pooled};
use cenote_sqlite::rusqlite::{self, ErrorCode};
use cenote_sqlite::{Sqlite, SqliteConnection, SqliteError};

fn pool(sqlite: Sqlite) -> Pool<Sqlite> {
    Pool::builder(sqlite).max_size(1).build().unwrap()
}

async fn integer(conn: &mut SqliteConnection, sql: &'static str) -> Result<i64, SqliteError> {
    conn.call(move |db| db.query_row(sql, [], |row| row.get(0))).await
}

// P-8
#[tokio::test]
async fn a_wrong_query_is_told_in_a_sentence_and_costs_no_connection() {
    let pool = pool(Sqlite::memory());
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let wrong = "INSERT INTO users VALUES ('Ada', 'a secret')";
    let error = conn.call(move |db| db.execute(wrong, [])).await.unwrap_err();
    assert_eq!(error.to_string(), "SQLite database \":memory:\": no such table: users");
    assert_eq!(error.fault(), Fault::Query);
    drop(conn);

    let again = pool.with(async |conn| conn.call(move |db| db.execute(wrong, [])).await).await;
    assert_eq!(again.unwrap_err().to_string(), error.to_string());
    assert_eq!(Pooled::id(&pool.acquire().await.unwrap()), id);
}

// P-8
#[tokio::test]
async fn a_transaction_commits_a_value_and_undoes_an_error() {
    let pool = pool(Sqlite::memory());
    let mut conn = pool.acquire().await.unwrap();
    conn.transaction(|tx| tx.execute_batch("CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1)"))
        .await
        .unwrap();
    let twice = conn.transaction(|tx| {
        tx.execute("INSERT INTO t VALUES (2)", [])?;
        tx.execute("INSERT INTO t VALUES (1)", [])
    });
    let error = twice.await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ConstraintViolation));
    assert_eq!(integer(&mut conn, "SELECT count(*) FROM t").await.unwrap(), 1);
}

// S
#[tokio::test]
async fn a_full_disk_is_told_in_a_sentence_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // The pragma makes SQLite say what a full disk makes it say.
    let pool = pool(Sqlite::file(folder.path().join("full.db")).pragma("max_page_count", 20));
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    conn.call(|db| db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")).await.unwrap();
    let fill = "INSERT INTO t VALUES (zeroblob(1000000))";
    let error = conn.call(move |db| db.execute(fill, [])).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("full.db\": database or disk is full; nothing that was committed"),
        "{said}"
    );
    assert_eq!((error.code(), error.fault()), (Some(ErrorCode::DiskFull), Fault::Query));
    drop(conn);

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(Pooled::id(&conn), id);
    assert_eq!(integer(&mut conn, "SELECT count(*) FROM t").await.unwrap(), 1);
}

// P-14
#[tokio::test]
async fn a_damaged_file_costs_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.db");
    {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000))").unwrap();
    }
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xff);
    std::fs::write(&path, bytes).unwrap();

    let pool = pool(Sqlite::file(&path));
    let error = pool.with(async |conn| integer(conn, "SELECT length(x) FROM t").await).await;
    let error = error.unwrap_err();
    let cenote::Error::Run(error) = error else { panic!("{error}") };
    assert_eq!(error.fault(), Fault::Permanent);
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
    assert_eq!(pool.stats().counts.closes.total(), 1);
}

// P-14
#[tokio::test]
async fn each_code_means_what_it_costs() {
    let call = |code| {
        let failure = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        // Made by a call, as every error of this kind.
        async move {
            let pool = pool(Sqlite::memory());
            let mut conn = pool.acquire().await.unwrap();
            let error = conn.call(move |_| Err::<(), _>(failure)).await.unwrap_err();
            pool.manager().classify(&error)
        }
    };
    use rusqlite::ffi;
    for (code, fault) in [
        (ffi::SQLITE_BUSY, Fault::Query),
        (ffi::SQLITE_LOCKED, Fault::Query),
        (ffi::SQLITE_INTERRUPT, Fault::Query),
        (ffi::SQLITE_CONSTRAINT_UNIQUE, Fault::Query),
        (ffi::SQLITE_FULL, Fault::Query),
        (ffi::SQLITE_READONLY, Fault::Query),
        (ffi::SQLITE_READONLY_DBMOVED, Fault::Connection),
        (ffi::SQLITE_IOERR_READ, Fault::Connection),
        (ffi::SQLITE_CANTOPEN, Fault::Connection),
        (ffi::SQLITE_NOMEM, Fault::Connection),
        (ffi::SQLITE_CORRUPT, Fault::Permanent),
        (ffi::SQLITE_NOTADB, Fault::Permanent),
    ] {
        assert_eq!(call(code).await, fault, "{code}");
    }
}

// P-9
#[tokio::test]
async fn a_connection_that_panicked_says_so_to_who_keeps_it() {
    let pool = pool(Sqlite::memory());
    let mut conn = Pooled::detach(pool.acquire().await.unwrap());
    let task = tokio::spawn(async move {
        let run = conn.call(|_| -> Result<(), _> { panic!("a bug") });
        let caught = panics(run).await;
        assert!(caught);
        conn.call(|_| Ok(())).await.unwrap_err()
    });
    let error = task.await.unwrap();
    assert!(matches!(error, SqliteError::Closed { .. }), "{error}");
}

/// Whether the future panics.
async fn panics(run: impl Future) -> bool {
    let mut run = std::pin::pin!(run);
    std::future::poll_fn(move |cx| {
        let polled = std::panic::AssertUnwindSafe(|| run.as_mut().poll(cx).map(|_| ()));
        match std::panic::catch_unwind(polled) {
            Ok(polled) => polled.map(|()| false),
            Err(_) => std::task::Poll::Ready(true),
        }
    })
    .await
}
