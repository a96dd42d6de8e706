//! How connections are set up, and how several share one database.

use cenote::{Fault, FreeSlot, Lend, Pool, TestOnAcquire, Timeout};
use cenote_sqlite::rusqlite::types::Value;
use cenote_sqlite::{Sqlite, SqliteConnection, SqliteError};

async fn integer(conn: &mut SqliteConnection, sql: &'static str) -> Result<i64, SqliteError> {
    conn.call(move |db| db.query_row(sql, [], |row| row.get(0))).await
}

async fn pragma(conn: &mut SqliteConnection, name: &'static str) -> String {
    let ask = conn.call(move |db| db.pragma_query_value(None, name, |row| row.get(0)));
    match ask.await.unwrap() {
        Value::Integer(n) => n.to_string(),
        Value::Text(text) => text,
        value => panic!("{value:?}"),
    }
}

// P-28
#[tokio::test]
async fn every_connection_has_the_pragmas_and_the_users_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Pool::builder(Sqlite::file(folder.path().join("plain.db"))).build().unwrap();
    let mut conn = plain.acquire().await.unwrap();
    for (name, value) in [("journal_mode", "wal"), ("synchronous", "1"), ("foreign_keys", "1")] {
        assert_eq!(pragma(&mut conn, name).await, value, "{name}");
    }

    let sqlite = Sqlite::file(folder.path().join("own.db"))
        .pragma("page_size", 8192)
        .pragma("Synchronous", "FULL")
        .pragma("cache_size", -1234)
        .without_pragma("foreign_keys")
        .without_pragma("journal_mode");
    let own = Pool::builder(sqlite).build().unwrap();
    let mut conn = own.acquire().await.unwrap();
    conn.call(|db| db.execute_batch("CREATE TABLE t (x)")).await.unwrap();
    for (name, value) in [
        ("page_size", "8192"),
        ("synchronous", "2"),
        ("cache_size", "-1234"),
        ("journal_mode", "delete"),
    ] {
        assert_eq!(pragma(&mut conn, name).await, value, "{name}");
    }
}

// P-15
#[tokio::test]
async fn the_defaults_of_the_pool_fit_a_file() {
    let pool = Pool::builder(Sqlite::memory()).build().unwrap();
    let options = pool.options();
    assert_eq!(options.test_on_acquire, TestOnAcquire::Never);
    assert_eq!(options.free_slot, FreeSlot::WhenClosed);
    assert_eq!((options.reset_timeout, options.close_timeout), (Timeout::Never, Timeout::Never));

    // With room for a second one, a slow test would be overtaken by a new connection.
    let always = Pool::builder(Sqlite::memory()).max_size(1);
    let always = always.test_on_acquire(TestOnAcquire::Always);
    let always = always.build().unwrap();
    drop(always.acquire().await.unwrap());
    drop(always.acquire().await.unwrap());
    let counts = always.stats().counts;
    assert_eq!(counts.tests_passed, 1, "the user's word counts, and the test works: {counts:?}");
}

// P-17
#[tokio::test]
async fn a_database_in_memory_is_shared_and_outlives_its_connections() {
    let pool = Pool::builder(Sqlite::file(":memory:")).max_size(2).build().unwrap();
    let (mut one, mut two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    one.call(|db| db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7)")).await.unwrap();
    assert_eq!(integer(&mut two, "SELECT x FROM t").await.unwrap(), 7);
    drop((one, two));
    pool.clear().await;
    assert_eq!(pool.status().size, 0);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(integer(&mut conn, "SELECT x FROM t").await.unwrap(), 7);

    let other = Pool::builder(Sqlite::memory()).build().unwrap();
    let mut conn = other.acquire().await.unwrap();
    let x = integer(&mut conn, "SELECT x FROM t").await;
    assert!(x.is_err(), "another memory is another database");
}

// C-19
#[tokio::test]
async fn a_split_reads_while_it_writes_and_its_readers_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let split = Sqlite::split(folder.path().join("app.db"));
    let db = split.reader(|pool| pool.max_size(2)).build_ready().await.unwrap();
    assert_eq!(db.writer().status().max, 1);

    let mut writer = db.write().await.unwrap();
    writer
        .call(|db| {
            db.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)")
        })
        .await
        .unwrap();
    let mut reader = db.read().await.unwrap();
    let count = "SELECT count(*) FROM t";
    let rows = integer(&mut reader, count).await.unwrap();
    assert_eq!(rows, 0, "an open write transaction does not hold readers up");
    reader.transaction(move |tx| tx.query_row(count, [], |_| Ok(()))).await.unwrap();

    let error = reader.call(|db| db.execute("INSERT INTO t VALUES (2)", [])).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Query);
    assert!(error.to_string().contains("write through one that may"), "{error}");

    writer.call(|db| db.execute_batch("COMMIT")).await.unwrap();
    drop((reader, writer));
    let status = db.status();
    assert_eq!((status.max, status.using), (3, 0), "{status}");
    let report = Lend::close(&db, std::time::Duration::from_secs(30)).await;
    assert!(report.is_clean(), "{report}");
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["app.db"], "the log is folded into the file");
}

// S
#[tokio::test]
async fn readers_may_come_before_the_writer_to_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..20 {
        let db = Sqlite::split(folder.path().join(format!("{n}.db")));
        let db = db.reader(|pool| pool.min_size(4).ramp(false)).build().unwrap();
        let (reader, writer) = tokio::join!(db.reader().acquire(), db.writer().acquire());
        reader.unwrap();
        writer.unwrap();
    }
}

// P-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_write_through_a_few_connections_without_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let pool =
        Pool::builder(Sqlite::file(folder.path().join("app.db"))).max_size(4).build().unwrap();
    let create = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 0)";
    pool.with(async |conn| conn.call(move |db| db.execute_batch(create)).await).await.unwrap();
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    let mut conn = pool.acquire().await.unwrap();
                    conn.call(|db| db.execute("UPDATE t SET n = n + 1 WHERE id = 1", []))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let n = pool.with(async |conn| integer(conn, "SELECT n FROM t").await).await;
    assert_eq!(n.unwrap(), 320);
    assert!(pool.status().size <= 4);
}
