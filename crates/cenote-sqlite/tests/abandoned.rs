//! A borrower that goes away in mid-call: the call is stopped, and the connection counts until it has.

use std::sync::mpsc;
use std::time::Duration;

use cenote::{CloseReason, Error, Pool, Pooled};
use cenote_sqlite::{Sqlite, SqliteConnection, rusqlite};
use tokio::sync::oneshot;
use tokio::time::timeout;

const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

/// Longer than anything here takes, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn pool_of_one(sqlite: Sqlite) -> Pool<Sqlite> {
    Pool::builder(sqlite).max_size(1).acquire_timeout(PATIENCE).build().unwrap()
}

async fn integer(conn: &mut SqliteConnection, sql: &'static str) -> i64 {
    conn.call(move |db| db.query_row(sql, [], |row| row.get(0))).await.unwrap()
}

async fn answer(conn: &mut SqliteConnection) -> i64 {
    integer(conn, "SELECT 42").await
}

/// A call that nothing ends but the other end of the channel.
fn waits_at(
    gate: mpsc::Receiver<()>,
) -> impl FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<()> + Send + 'static {
    move |_| {
        let _ = gate.recv();
        Ok(())
    }
}

/// Starts a call, waits until it runs and drops its future.
async fn begin_and_drop<F>(conn: &mut SqliteConnection, run: F)
where
    F: FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<()> + Send + 'static,
{
    let (begin, begun) = oneshot::channel();
    let call = conn.call(move |db| {
        begin.send(()).unwrap();
        run(db)
    });
    tokio::select! {
        biased;
        ended = call => panic!("it should have run for ever: {ended:?}"),
        begun = begun => begun.unwrap(),
    }
}

// P-16
// lesson 20
#[tokio::test]
async fn an_endless_statement_is_interrupted_when_its_guard_is_dropped() {
    let pool = pool_of_one(Sqlite::memory());
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    begin_and_drop(&mut conn, |db| db.query_row(ENDLESS, [], |_| Ok(()))).await;
    drop(conn);

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(Pooled::id(&conn), id, "it costs the connection nothing");
    assert_eq!(answer(&mut conn).await, 42);
}

// P-16
#[tokio::test]
async fn a_call_that_cannot_be_interrupted_keeps_its_slot_and_only_the_callers_wait_ends() {
    let pool = pool_of_one(Sqlite::memory());
    let (open, gate) = mpsc::channel::<()>();
    let mut conn = pool.acquire().await.unwrap();
    begin_and_drop(&mut conn, waits_at(gate)).await;
    drop(conn);

    let status = pool.status();
    assert_eq!((status.size, status.resetting, status.available), (1, 1, 0), "{status}");
    let waited = pool.acquire().timeout(Duration::from_millis(20)).await;
    assert!(matches!(waited, Err(Error::Timeout { .. })), "{waited:?}");

    open.send(()).unwrap();
    assert_eq!(answer(&mut pool.acquire().await.unwrap()).await, 42);
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-20
#[tokio::test]
async fn a_discarded_connection_counts_until_its_call_has_ended() {
    let pool = pool_of_one(Sqlite::memory());
    let (open, gate) = mpsc::channel::<()>();
    let mut conn = pool.acquire().await.unwrap();
    begin_and_drop(&mut conn, waits_at(gate)).await;
    Pooled::discard(conn);

    let status = pool.status();
    assert_eq!((status.size, status.closing, status.spare), (1, 1, 0), "{status}");
    assert!(pool.acquire().timeout(Duration::from_millis(20)).await.is_err());

    open.send(()).unwrap();
    assert_eq!(answer(&mut pool.acquire().await.unwrap()).await, 42);
    assert_eq!(pool.stats().counts.connected, 2);
}

// P-16
#[tokio::test]
async fn a_call_of_many_short_statements_is_stopped_between_them() {
    let pool = pool_of_one(Sqlite::memory());
    let create = "CREATE TABLE t (x); INSERT INTO t VALUES (1)";
    pool.with(async |conn| conn.call(move |db| db.execute_batch(create)).await).await.unwrap();
    type Statement = fn(&mut rusqlite::Connection) -> rusqlite::Result<()>;
    let short: [Statement; 3] = [
        |db| db.execute_batch("INSERT INTO t VALUES (1)"),
        |db| db.query_row("SELECT x FROM t WHERE rowid = 1", [], |_| Ok(())),
        |db| db.prepare_cached("SELECT 1")?.query_row([], |_| Ok(())),
    ];
    for statement in short {
        let mut conn = pool.acquire().await.unwrap();
        begin_and_drop(&mut conn, move |db| {
            loop {
                statement(db)?;
            }
        })
        .await;
        drop(conn);
        assert_eq!(answer(&mut pool.acquire().await.unwrap()).await, 42);
    }
}

// P-16
#[tokio::test]
async fn a_wait_for_a_lock_ends_when_its_guard_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked.db");
    let pool = pool_of_one(Sqlite::file(&path).busy_timeout(Duration::from_secs(3600)));
    let mut conn = pool.acquire().await.unwrap();

    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    begin_and_drop(&mut conn, |db| db.execute_batch("CREATE TABLE t (x)")).await;
    drop(conn);
    assert_eq!(answer(&mut pool.acquire().await.unwrap()).await, 42);
}

// P-16
#[tokio::test]
async fn an_abandoned_transaction_is_rolled_back_before_anybody_gets_the_connection() {
    let pool = pool_of_one(Sqlite::memory());
    let mut conn = pool.acquire().await.unwrap();
    conn.call(|db| db.execute_batch("CREATE TABLE t (x)")).await.unwrap();
    let id = Pooled::id(&conn);
    begin_and_drop(&mut conn, |db| {
        db.execute_batch("BEGIN; INSERT INTO t VALUES (1)")?;
        db.query_row(ENDLESS, [], |_| Ok(()))
    })
    .await;
    drop(conn);

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(Pooled::id(&conn), id);
    let (rows, idle) = conn
        .call(|db| {
            let rows: i64 = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?;
            Ok((rows, db.is_autocommit()))
        })
        .await
        .unwrap();
    assert_eq!((rows, idle), (0, true));
}

// P-16
#[tokio::test]
async fn a_transaction_left_open_at_release_is_rolled_back() {
    let pool = pool_of_one(Sqlite::memory());
    let mut conn = pool.acquire().await.unwrap();
    conn.call(|db| db.execute_batch("CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (1)"))
        .await
        .unwrap();
    drop(conn);
    assert_eq!(pool.status().resetting, 1);

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(integer(&mut conn, "SELECT count(*) FROM t").await, 0);
}

// P-8
#[tokio::test]
async fn a_cancelled_with_costs_no_connection() {
    let pool = pool_of_one(Sqlite::memory());
    let (begin, begun) = oneshot::channel();
    let with = pool.with(async |conn| {
        conn.call(move |db| {
            begin.send(()).unwrap();
            db.query_row(ENDLESS, [], |_| Ok(()))
        })
        .await
    });
    tokio::select! {
        biased;
        ended = with => panic!("it should have run for ever: {ended:?}"),
        begun = begun => begun.unwrap(),
    }
    assert_eq!(answer(&mut pool.acquire().await.unwrap()).await, 42);
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-16
#[tokio::test]
async fn the_same_borrower_can_go_on_after_dropping_a_call() {
    let pool = pool_of_one(Sqlite::memory());
    let mut conn = pool.acquire().await.unwrap();
    for _ in 0..100 {
        begin_and_drop(&mut conn, |db| db.query_row(ENDLESS, [], |_| Ok(()))).await;
        assert_eq!(answer(&mut conn).await, 42, "the interrupt hits only the call it is meant for");
    }
}

// P-16
#[tokio::test]
async fn a_call_dropped_before_its_turn_never_runs() {
    let pool = pool_of_one(Sqlite::memory());
    let mut conn = pool.acquire().await.unwrap();
    conn.call(|db| db.execute_batch("CREATE TABLE t (x)")).await.unwrap();
    let (open, gate) = mpsc::channel::<()>();
    begin_and_drop(&mut conn, waits_at(gate)).await;
    // The thread is at the gate, so this call can only queue behind it.
    let insert = conn.call(|db| db.execute("INSERT INTO t VALUES (1)", []));
    assert!(timeout(Duration::from_millis(5), insert).await.is_err());
    open.send(()).unwrap();
    assert_eq!(integer(&mut conn, "SELECT count(*) FROM t").await, 0);
}

// P-23
#[tokio::test]
async fn a_panic_in_a_call_goes_on_in_its_caller_and_costs_one_connection() {
    let pool = pool_of_one(Sqlite::memory());
    let handle = pool.clone();
    let task = tokio::spawn(async move {
        let mut conn = handle.acquire().await.unwrap();
        let _ = conn.call(|_| -> Result<(), _> { panic!("a bug") }).await;
        unreachable!("the panic goes on here");
    });
    let panic = task.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a bug"));

    assert_eq!(answer(&mut pool.acquire().await.unwrap()).await, 42);
    let counts = pool.stats().counts;
    assert_eq!((counts.connected, counts.closes.total()), (2, 1));
}

/// A value whose drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a bomb");
        }
    }
}

// P-23
#[tokio::test]
async fn panics_that_nobody_waits_for_harm_nobody() {
    let pool = pool_of_one(Sqlite::memory());
    // An abandoned call panics: its connection is closed.
    let (open, gate) = mpsc::channel::<()>();
    let mut conn = pool.acquire().await.unwrap();
    begin_and_drop(&mut conn, move |_| {
        gate.recv().unwrap();
        panic!("a bug")
    })
    .await;
    drop(conn);
    open.send(()).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(answer(&mut conn).await, 42);
    assert_eq!(pool.stats().counts.closes.get(CloseReason::ResetFailed), 1);

    // The value of an abandoned call panics in its drop: the thread goes on.
    let (open, gate) = mpsc::channel::<()>();
    let (begin, begun) = oneshot::channel();
    let call = conn.call(move |_| {
        begin.send(()).unwrap();
        gate.recv().unwrap();
        Ok(Bomb)
    });
    tokio::select! { biased; _ = call => unreachable!(), _ = begun => {} }
    open.send(()).unwrap();
    assert_eq!(answer(&mut conn).await, 42);
}

// P-21
#[tokio::test]
async fn closing_the_pool_does_not_wait_for_a_stuck_call_past_the_deadline() {
    let pool = pool_of_one(Sqlite::memory());
    let (open, gate) = mpsc::channel::<()>();
    let mut conn = pool.acquire().await.unwrap();
    begin_and_drop(&mut conn, waits_at(gate)).await;
    drop(conn);
    let closing = timeout(PATIENCE, pool.close(Duration::from_millis(20))).await;
    assert!(closing.is_ok(), "the deadline counts, not the call");
    drop(open);
}
