//! Transactions as closures: committed or rolled back, whatever happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cenote::{Fault, Pool, Pooled};
use cenote_postgres::tokio_postgres::IsolationLevel;
use cenote_postgres::{Postgres, PostgresError, Transaction};
use cenote_testkit::servers::postgres::Server;
use tokio::time::timeout;

use super::{postgres, server, sql, until};

async fn one(server: &Arc<Server>) -> Pool<Postgres> {
    sql(server, "CREATE TABLE item (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)").await;
    Pool::builder(postgres(server)).max_size(1).build_ready().await.unwrap()
}

async fn items(server: &Arc<Server>) -> String {
    sql(server, "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM item").await
}

async fn insert(tx: &Transaction<'_>, id: i32) -> Result<u64, PostgresError> {
    tx.execute("INSERT INTO item VALUES ($1)", &[&id]).await
}

// P-16
#[tokio::test]
async fn a_value_commits_and_an_error_rolls_back() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    assert_eq!(conn.transaction().run(async |tx| insert(tx, 1).await).await.unwrap(), 1);
    let wrong: Result<(), PostgresError> = conn
        .transaction()
        .run(async |tx| {
            insert(tx, 2).await?;
            tx.execute("INSERT INTO nothing VALUES (1)", &[]).await?;
            Ok(())
        })
        .await;
    assert_eq!(wrong.unwrap_err().code().unwrap().code(), "42P01");
    assert_eq!(items(&server).await, "1");
    // An error of the closure's own.
    #[derive(Debug)]
    struct NotToday;
    impl From<PostgresError> for NotToday {
        fn from(_: PostgresError) -> NotToday {
            NotToday
        }
    }
    let run = conn.transaction().run(async |tx| {
        insert(tx, 3).await?;
        Err::<(), NotToday>(NotToday)
    });
    run.await.unwrap_err();
    assert_eq!(items(&server).await, "1");
    drop(conn);
    assert_eq!(Pooled::id(&pool.acquire().await.unwrap()), id);
}

// P-16
#[tokio::test]
async fn nothing_is_committed_in_silence_after_a_failure() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        let _ = tx.batch_execute("SELECT 1 / 0").await;
        Ok::<(), PostgresError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, PostgresError::Aborted { .. }), "{error}");
    assert_eq!((error.fault(), items(&server).await.as_str()), (Fault::Query, ""));
    // A commit that fails, by a constraint that is looked at last.
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        insert(tx, 1).await
    });
    assert_eq!(run.await.unwrap_err().code().unwrap().code(), "23505");
    // An error is told before the end of the answer has come, which says so: the next answer comes after it.
    conn.batch_execute("").await.unwrap();
    assert!(!conn.in_transaction());
    assert_eq!(items(&server).await, "");
}

// P-16
#[tokio::test]
async fn a_transaction_that_takes_too_long_is_rolled_back_in_time() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let began = Instant::now();
    let limit = Duration::from_millis(200);
    let run = conn.transaction().timeout(limit).run(async |tx| {
        insert(tx, 1).await?;
        tx.batch_execute("SELECT pg_sleep(60)").await
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, PostgresError::TimedOut { committing: false, .. }), "{error}");
    assert_eq!(error.fault(), Fault::Timeout);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let id = Pooled::id(&conn);
    drop(conn);
    // The next borrower has the connection, without the transaction.
    let conn = pool.acquire().await.unwrap();
    assert!(Pooled::id(&conn) == id && !conn.in_transaction());
    assert_eq!(items(&server).await, "");
    assert!(began.elapsed() < Duration::from_secs(5), "it was stopped on the server");
}

// P-16
#[tokio::test]
async fn a_dropped_transaction_is_over_for_what_comes_next() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        std::future::pending::<Result<(), PostgresError>>().await
    });
    assert!(timeout(Duration::from_millis(100), run).await.is_err());
    // The same borrower goes on.
    conn.execute("INSERT INTO item VALUES (2)", &[]).await.unwrap();
    assert!(!conn.in_transaction());
    drop(conn);
    assert_eq!(items(&server).await, "2");
    // Dropped at its first step, when nobody knows whether it has begun.
    let mut conn = pool.acquire().await.unwrap();
    {
        let run = conn.transaction().run(async |tx| insert(tx, 3).await);
        let run = std::pin::pin!(run);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(run.poll(&mut cx).is_pending());
    }
    conn.execute("INSERT INTO item VALUES (4)", &[]).await.unwrap();
    drop(conn);
    assert_eq!(items(&server).await, "2,4");
    // And by a panic.
    let conn = pool.acquire().await.unwrap();
    let task = tokio::spawn(async move {
        let mut conn = conn;
        let run = conn.transaction().run(async |tx| {
            insert(tx, 5).await?;
            if true {
                panic!("in the middle of it");
            }
            Ok::<(), PostgresError>(())
        });
        run.await
    });
    assert!(task.await.unwrap_err().is_panic());
    until("rolled back", || async { items(&server).await == "2,4" }).await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    until("no open transaction", || async { sql(&server, open).await == "0" }).await;
}

// P-16
#[tokio::test]
async fn a_rollback_that_fails_costs_the_connection() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let frozen = Arc::clone(&server);
    let run = conn.transaction().timeout(Duration::from_millis(300)).run(async |tx| {
        insert(tx, 1).await?;
        let error = tx.batch_execute("SELECT 1 / 0").await.unwrap_err();
        frozen.freeze();
        Err::<(), PostgresError>(error)
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "22012", "the closure's own: {error}");
    server.thaw();
    drop(conn);
    assert_ne!(Pooled::id(&pool.acquire().await.unwrap()), id);
    assert_eq!(items(&server).await, "");
    // A commit that nobody confirms: nobody knows.
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let frozen = Arc::clone(&server);
    let run = conn.transaction().timeout(Duration::from_millis(300)).run(async |tx| {
        insert(tx, 7).await?;
        frozen.freeze();
        Ok::<(), PostgresError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, PostgresError::TimedOut { committing: true, .. }), "{error}");
    server.thaw();
    drop(conn);
    assert_ne!(Pooled::id(&pool.acquire().await.unwrap()), id);
}

// P-16
#[tokio::test]
async fn a_transaction_begins_as_it_is_described_and_is_send() {
    let server = server().await;
    let pool = one(&server).await;
    let task = tokio::spawn(async move {
        let mut conn = pool.acquire().await.unwrap();
        let builder = conn.transaction().isolation(IsolationLevel::Serializable).read_only();
        let run = builder.deferrable().run(async |tx| {
            let asked = "SELECT current_setting('transaction_isolation'), \
                current_setting('transaction_read_only'), current_setting('transaction_deferrable')";
            let row = tx.query_one(asked, &[]).await?;
            Ok::<[String; 3], PostgresError>([row.get(0), row.get(1), row.get(2)])
        });
        run.await.unwrap()
    });
    assert_eq!(task.await.unwrap(), ["serializable", "on", "on"]);
}
