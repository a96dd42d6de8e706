//! What the next borrower finds (P-16), under each reset.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use cenote::{CloseReason, Pool, Pooled, TestOnAcquire};
use cenote_mysql::mysql_async::prelude::Queryable;
use cenote_mysql::{Mysql, Reset, Session};
use cenote_testkit::servers::mariadb::Server;

use super::{mysql, server, sql, until};

/// A pool of one connection, so that the next borrower gets what the one before had.
async fn one(server: &Server, reset: Reset) -> Pool<Mysql> {
    Pool::builder(mysql(server).reset(reset)).max_size(1).build_ready().await.unwrap()
}

async fn text(session: &mut Session, sql: &str) -> String {
    session.query_first::<String, _>(sql).await.unwrap().unwrap()
}

/// Polls once, which sends the request, and waits no longer.
fn abandon(request: impl Future) {
    assert!(pin!(request).poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

const INSERT: &str = "BEGIN; INSERT INTO item VALUES (1)";

// P-16
#[tokio::test]
async fn an_open_transaction_does_not_reach_the_next_borrower() {
    let server = server().await;
    sql(&server, "CREATE TABLE item (id int)").await;
    for reset in [Reset::Rollback, Reset::Full] {
        let pool = one(&server, reset).await;
        let next = async |same: bool, id: u64| {
            let mut conn = pool.acquire().await.unwrap();
            assert_eq!(Pooled::id(&conn) == id, same, "{reset:?}");
            assert!(!conn.in_transaction());
            assert_eq!(text(&mut conn, "SELECT COUNT(*) FROM item").await, "0", "{reset:?}");
            conn
        };
        // Open.
        let mut conn = pool.acquire().await.unwrap();
        let id = Pooled::id(&conn);
        conn.query_drop(INSERT).await.unwrap();
        drop(conn);
        // Open, and the last answer was an error, which does not say so.
        let mut conn = next(true, id).await;
        conn.query_drop(INSERT).await.unwrap();
        conn.query_drop("SELECT * FROM nothing").await.unwrap_err();
        drop(conn);
        // Open, and the last answer was to a request to prepare, which does not say so either.
        let mut conn = next(true, id).await;
        conn.query_drop(INSERT).await.unwrap();
        conn.prep("SELECT ?, ?, id, id, id FROM item").await.unwrap();
        drop(conn);
        // By the driver itself, which nobody follows.
        let mut conn = next(true, id).await;
        conn.driver(async |driver| driver.query_drop(INSERT).await).await.unwrap();
        drop(conn);
        // Without autocommit every statement begins one.
        let mut conn = next(true, id).await;
        conn.query_drop("SET autocommit = 0; INSERT INTO item VALUES (1)").await.unwrap();
        drop(conn);
        let mut conn = next(true, id).await;
        conn.query_drop("SET autocommit = 1").await.unwrap();
        // Half begun by one who did not wait.
        abandon(conn.query_drop(INSERT));
        drop(conn);
        let mut conn = next(false, id).await;
        let id = Pooled::id(&conn);
        abandon(conn.driver(async |driver| driver.query_drop(INSERT).await));
        drop(conn);
        next(false, id).await;
    }
    let open = "SELECT COUNT(*) FROM information_schema.INNODB_TRX";
    until("no transaction is open", || async { sql(&server, open).await == "0" }).await;
}

// P-16
#[tokio::test]
async fn nothing_of_a_session_survives_a_full_reset() {
    let server = server().await;
    sql(&server, "CREATE TABLE item (id int)").await;
    let mysql = mysql(&server).reset(Reset::Full).setting("wait_timeout", "77");
    let pool = Pool::builder(mysql).max_size(1).build_ready().await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    conn.exec_drop("SELECT 1", ()).await.unwrap();
    conn.query_drop(
        "CREATE TEMPORARY TABLE mine (id int); SET @mine = 7; SET SESSION sort_buffer_size = 99999; \
         SET NAMES latin1; SET SESSION wait_timeout = 5; \
         SELECT GET_LOCK('mine', 0); PREPARE p FROM 'SELECT 1'; USE mysql; LOCK TABLES cenote.item WRITE; \
         SET SESSION TRANSACTION READ ONLY",
    )
    .await
    .unwrap();
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(Pooled::id(&conn), id);
    let gone = conn.query_drop("SELECT * FROM cenote.mine").await.unwrap_err();
    assert_eq!(gone.code(), Some(1146), "{gone}");
    let gone = conn.query_drop("EXECUTE p").await.unwrap_err();
    assert_eq!(gone.code(), Some(1243), "{gone}");
    for (question, answer) in [
        ("SELECT COALESCE(@mine, 'gone')", "gone"),
        ("SELECT IF(@@sort_buffer_size = 99999, 'mine', 'gone')", "gone"),
        ("SELECT @@tx_read_only", "0"),
        ("SELECT IS_FREE_LOCK('mine')", "1"),
        // The words of the login stay, and what was set from the start is set again.
        ("SELECT @@character_set_client", "utf8mb4"),
        ("SELECT @@wait_timeout", "77"),
        ("SELECT DATABASE()", "cenote"),
        ("SELECT 'drei – 三 🦀'", "drei – 三 🦀"),
    ] {
        assert_eq!(text(&mut conn, question).await, answer, "{question}");
    }
    // Nobody holds a table any more, and what was prepared is prepared anew.
    sql(&server, "SET lock_wait_timeout = 5; INSERT INTO item VALUES (1)").await;
    assert_eq!(conn.exec_first::<i32, _, _>("SELECT 1", ()).await.unwrap(), Some(1));
}

// P-16
#[tokio::test]
async fn without_a_reset_the_session_is_as_it_was_left() {
    let server = server().await;
    let pool = one(&server, Reset::None).await;
    let mut conn = pool.acquire().await.unwrap();
    conn.query_drop("BEGIN; SET @mine = 7").await.unwrap();
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    assert!(conn.in_transaction());
    assert_eq!(text(&mut conn, "SELECT @mine").await, "7");
}

// P-16, P-2
#[tokio::test]
async fn a_clean_connection_is_known_to_be_clean_without_asking() {
    let server = server().await;
    for reset in [Reset::None, Reset::Rollback, Reset::Full] {
        let pool = Pool::builder(mysql(&server).reset(reset));
        let pool = pool.max_size(1).test_on_acquire(TestOnAcquire::Never).build_ready().await;
        let pool = pool.unwrap();
        let mut conn = pool.acquire().await.unwrap();
        if reset != Reset::Full {
            conn.exec_drop("SELECT ?", (1,)).await.unwrap();
            conn.query_drop("SELECT 1; SELECT 2").await.unwrap();
            conn.query_drop("BEGIN; SELECT 1; COMMIT").await.unwrap();
            conn.query_drop("BEGIN").await.unwrap();
            conn.query_drop("SELECT * FROM nothing").await.unwrap_err();
            conn.query_drop("ROLLBACK").await.unwrap();
            conn.prep("SELECT 2").await.unwrap();
        }
        drop(conn);
        // Now nobody could answer.
        server.freeze();
        let again = tokio::time::timeout(Duration::from_secs(5), pool.acquire()).await;
        assert!(again.unwrap().is_ok(), "{reset:?}");
        server.thaw();
        assert_eq!(pool.stats().counts.connected, 1);
    }
}

// P-16
#[tokio::test]
async fn what_the_driver_left_unread_is_read_or_the_connection_is_closed() {
    let server = server().await;
    let pool = one(&server, Reset::Rollback).await;
    // Rows that nobody has fetched: the driver knows of them.
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    conn.driver(async |driver| driver.query_iter("SELECT 1; SELECT 2").await.map(drop))
        .await
        .unwrap();
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!((text(&mut conn, "SELECT 'mine'").await.as_str(), Pooled::id(&conn)), ("mine", id));
    // A request that was dropped in the closure, which then went well: nobody knows of its answer.
    conn.driver(async |driver| {
        abandon(driver.query_drop("SELECT 'another''s'"));
        Ok(())
    })
    .await
    .unwrap();
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(text(&mut conn, "SELECT 'mine'").await, "mine");
    assert_ne!(Pooled::id(&conn), id);
    assert_eq!(pool.stats().counts.closes.get(CloseReason::ResetFailed), 1);
}
