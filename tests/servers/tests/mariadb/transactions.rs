//! Transactions as closures: committed or rolled back, whatever happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cenote::{Fault, Pool, Pooled};
use cenote_mysql::{IsolationLevel, Mysql, MysqlError, Transaction};
use cenote_testkit::servers::mariadb::Server;
use tokio::time::timeout;

use super::{mysql, server, sql, until};

async fn one(server: &Arc<Server>) -> Pool<Mysql> {
    sql(server, "CREATE TABLE item (id int PRIMARY KEY)").await;
    Pool::builder(mysql(server)).max_size(1).build_ready().await.unwrap()
}

async fn items(server: &Arc<Server>) -> String {
    sql(server, "SELECT COALESCE(GROUP_CONCAT(id ORDER BY id), '') FROM item").await
}

async fn insert(tx: &mut Transaction<'_>, id: i32) -> Result<u64, MysqlError> {
    tx.exec_drop("INSERT INTO item VALUES (?)", (id,)).await?;
    Ok(tx.affected_rows())
}

// P-16
#[tokio::test]
async fn a_value_commits_and_an_error_rolls_back() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    assert_eq!(conn.transaction().run(async |tx| insert(tx, 1).await).await.unwrap(), 1);
    let wrong: Result<(), MysqlError> = conn
        .transaction()
        .run(async |tx| {
            insert(tx, 2).await?;
            tx.query_drop("INSERT INTO nothing VALUES (1)").await
        })
        .await;
    assert_eq!(wrong.unwrap_err().code(), Some(1146));
    assert_eq!(items(&server).await, "1");
    // An error of the closure's own.
    #[derive(Debug)]
    struct NotToday;
    impl From<MysqlError> for NotToday {
        fn from(_: MysqlError) -> NotToday {
            NotToday
        }
    }
    let run = conn.transaction().run(async |tx| {
        insert(tx, 3).await?;
        Err::<(), NotToday>(NotToday)
    });
    run.await.unwrap_err();
    assert_eq!(items(&server).await, "1");
    // A statement that failed has undone itself only, and the closure may go on.
    let run = conn.transaction().run(async |tx| {
        insert(tx, 4).await?;
        assert_eq!(insert(tx, 1).await.unwrap_err().code(), Some(1062));
        insert(tx, 5).await
    });
    run.await.unwrap();
    assert_eq!(items(&server).await, "1,4,5");
    drop(conn);
    assert_eq!(Pooled::id(&pool.acquire().await.unwrap()), id);
}

// P-16
#[tokio::test]
async fn nothing_is_committed_apart_from_a_transaction_that_is_over() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    // Committed by a statement that does so by itself.
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        tx.query_drop("CREATE TABLE other (id int)").await?;
        let refused = insert(tx, 2).await.unwrap_err();
        assert!(matches!(refused, MysqlError::Aborted { .. }), "{refused}");
        Ok::<(), MysqlError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, MysqlError::Aborted { .. }), "{error}");
    assert_eq!((error.fault(), items(&server).await.as_str()), (Fault::Query, "1"));
    // Rolled back to end a deadlock. What came after it would stand alone.
    sql(&server, "INSERT INTO item VALUES (10), (11)").await;
    let mut other = Pooled::detach(super::pool(&server).build().unwrap().acquire().await.unwrap());
    other.query_drop("BEGIN; UPDATE item SET id = id WHERE id = 11").await.unwrap();
    let run = conn.transaction().run(async |tx| {
        insert(tx, 3).await?;
        tx.query_drop("SELECT * FROM item WHERE id = 10 FOR UPDATE").await?;
        // The other has changed more, so this one is chosen.
        let more = "INSERT INTO item SELECT seq FROM seq_100_to_199; SELECT * FROM item WHERE id = 10 FOR UPDATE";
        let other = tokio::spawn(async move { (other.query_drop(more).await, other) });
        let waits = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
        until("the other waits", || async { sql(&server, waits).await == "1" }).await;
        let error = tx.query_drop("SELECT * FROM item WHERE id = 11 FOR UPDATE").await.unwrap_err();
        assert_eq!(error.code(), Some(1213), "{error}");
        assert!(error.to_string().contains("run the transaction again"), "{error}");
        let refused = insert(tx, 4).await.unwrap_err();
        assert!(matches!(refused, MysqlError::Aborted { .. }), "{refused}");
        let (done, mut other) = other.await.unwrap();
        done.unwrap();
        other.query_drop("ROLLBACK").await.unwrap();
        Ok::<(), MysqlError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, MysqlError::Aborted { .. }), "{error}");
    assert_eq!(items(&server).await, "1,10,11");
    // The connection is as good as before.
    conn.transaction().run(async |tx| insert(tx, 5).await).await.unwrap();
    assert_eq!(items(&server).await, "1,5,10,11");
}

// P-16
#[tokio::test]
async fn a_transaction_that_takes_too_long_is_rolled_back_in_time() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let limit = Duration::from_millis(200);
    // Between two requests: the connection is well.
    let run = conn.transaction().timeout(limit).run(async |tx| {
        insert(tx, 1).await?;
        std::future::pending::<Result<(), MysqlError>>().await
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, MysqlError::TimedOut { committing: false, .. }), "{error}");
    assert_eq!(error.fault(), Fault::Timeout);
    let id = Pooled::id(&conn);
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!((Pooled::id(&conn), items(&server).await.as_str()), (id, ""));
    // In the middle of one: it ends with the connection.
    let began = Instant::now();
    let run = conn.transaction().timeout(limit).run(async |tx| {
        insert(tx, 1).await?;
        tx.query_drop("DO SLEEP(60)").await
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, MysqlError::TimedOut { committing: false, .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    assert_ne!(Pooled::id(&conn), id);
    until("rolled back", || async { items(&server).await.is_empty() }).await;
    let open = "SELECT COUNT(*) FROM information_schema.INNODB_TRX";
    until("stopped on the server", || async { sql(&server, open).await == "0" }).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

// P-16
#[tokio::test]
async fn a_dropped_transaction_is_over_for_what_comes_next() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        std::future::pending::<Result<(), MysqlError>>().await
    });
    assert!(timeout(Duration::from_millis(100), run).await.is_err());
    // The same borrower goes on.
    conn.query_drop("INSERT INTO item VALUES (2)").await.unwrap();
    assert!(!conn.in_transaction());
    assert_eq!(items(&server).await, "2");
    // Given back at once, and without a reset.
    let none = Pool::builder(mysql(&server).reset(cenote_mysql::Reset::None)).max_size(1);
    for pool in [pool.clone(), none.build().unwrap()] {
        drop(conn);
        let mut left = pool.acquire().await.unwrap();
        let run = left.transaction().run(async |tx| {
            insert(tx, 3).await?;
            std::future::pending::<Result<(), MysqlError>>().await
        });
        assert!(timeout(Duration::from_millis(100), run).await.is_err());
        drop(left);
        conn = pool.acquire().await.unwrap();
        conn.query_drop("DO 1").await.unwrap();
        assert!(!conn.in_transaction());
        assert_eq!((items(&server).await.as_str(), pool.stats().counts.connected), ("2", 1));
    }
    drop(conn);
    // Dropped at its first step, when nobody knows whether it has begun; and by a panic.
    let mut conn = pool.acquire().await.unwrap();
    {
        let run = conn.transaction().run(async |tx| insert(tx, 3).await);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::pin!(run).poll(&mut cx).is_pending());
    }
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    let task = tokio::spawn(async move {
        let mut conn = conn;
        let run = conn.transaction().run(async |tx| {
            insert(tx, 5).await?;
            if true {
                panic!("in the middle of it");
            }
            Ok::<(), MysqlError>(())
        });
        run.await
    });
    assert!(task.await.unwrap_err().is_panic());
    until("rolled back", || async { items(&server).await == "2" }).await;
    let open = "SELECT COUNT(*) FROM information_schema.INNODB_TRX";
    until("no open transaction", || async { sql(&server, open).await == "0" }).await;
}

// P-16
#[tokio::test]
async fn a_rollback_or_a_commit_that_fails_costs_the_connection() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let frozen = Arc::clone(&server);
    let run = conn.transaction().timeout(Duration::from_millis(300)).run(async |tx| {
        insert(tx, 1).await?;
        let error = tx.query_drop("SELECT * FROM nothing").await.unwrap_err();
        frozen.freeze();
        Err::<(), MysqlError>(error)
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.code(), Some(1146), "the closure's own: {error}");
    server.thaw();
    drop(conn);
    assert_ne!(Pooled::id(&pool.acquire().await.unwrap()), id);
    until("rolled back", || async { items(&server).await.is_empty() }).await;
    // A commit that nobody confirms: nobody knows.
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let frozen = Arc::clone(&server);
    let run = conn.transaction().timeout(Duration::from_millis(300)).run(async |tx| {
        insert(tx, 7).await?;
        frozen.freeze();
        Ok::<(), MysqlError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, MysqlError::TimedOut { committing: true, .. }), "{error}");
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
        let run = builder.consistent_snapshot().run(async |tx| {
            let asked = "SELECT trx_isolation_level FROM information_schema.INNODB_TRX \
                WHERE trx_mysql_thread_id = CONNECTION_ID()";
            let level = tx.query_first::<String, _>(asked).await?;
            let refused = insert(tx, 1).await.unwrap_err();
            Ok::<_, MysqlError>((level, refused.code(), refused.fault()))
        });
        run.await.unwrap()
    });
    let (level, code, fault) = task.await.unwrap();
    assert_eq!((level.as_deref(), code, fault), (Some("SERIALIZABLE"), Some(1792), Fault::Role));
}
