//! What the next borrower finds (P-16), under each reset.

use std::sync::Arc;
use std::time::Duration;

use cenote::{CloseReason, Pool, TestOnAcquire};
use cenote_postgres::{Postgres, Reset, Session};
use cenote_testkit::servers::postgres::Server;

use super::{postgres, server, sql};

/// A pool of one connection, so that the next borrower gets what the one before had.
async fn one(server: &Server, reset: Reset) -> Pool<Postgres> {
    Pool::builder(postgres(server).reset(reset)).max_size(1).build_ready().await.unwrap()
}

async fn text(session: &Session, sql: &str) -> String {
    session.query_one(sql, &[]).await.unwrap().get(0)
}

// P-16
#[tokio::test]
async fn an_open_transaction_does_not_reach_the_next_borrower() {
    let server = server().await;
    sql(&server, "CREATE TABLE item (id int)").await;
    for reset in [Reset::Rollback, Reset::DiscardAll] {
        let pool = one(&server, reset).await;
        // Open, failed, and half begun by one who did not wait.
        let conn = pool.acquire().await.unwrap();
        conn.batch_execute("BEGIN; INSERT INTO item VALUES (1)").await.unwrap();
        let id = cenote::Pooled::id(&conn);
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        assert!(!conn.in_transaction());
        assert_eq!(text(&conn, "SELECT count(*)::text FROM item").await, "0", "{reset:?}");
        conn.batch_execute("BEGIN; SELECT 1 / 0").await.unwrap_err();
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        assert_eq!(text(&conn, "SELECT count(*)::text FROM item").await, "0", "{reset:?}");
        abandon(conn.batch_execute("BEGIN; INSERT INTO item VALUES (1)"));
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        assert!(!conn.in_transaction());
        assert_eq!(text(&conn, "SELECT count(*)::text FROM item").await, "0", "{reset:?}");
        // By the client itself, which nobody follows.
        conn.client().batch_execute("BEGIN; INSERT INTO item VALUES (1)").await.unwrap();
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        assert_eq!(text(&conn, "SELECT count(*)::text FROM item").await, "0", "{reset:?}");
        abandon(conn.client().batch_execute("BEGIN; INSERT INTO item VALUES (1)"));
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        assert_eq!(text(&conn, "SELECT count(*)::text FROM item").await, "0", "{reset:?}");
        assert_eq!(cenote::Pooled::id(&conn), id, "it was never replaced");
    }
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    assert_eq!(sql(&server, open).await, "0");
}

/// Polls once, which sends the request, and waits no longer.
fn abandon(request: impl Future) {
    let request = std::pin::pin!(request);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(request.poll(&mut cx).is_pending());
}

// P-16
#[tokio::test]
async fn nothing_of_a_session_survives_discard_all() {
    let server = server().await;
    let pool = one(&server, Reset::DiscardAll).await;
    let conn = pool.acquire().await.unwrap();
    let id = cenote::Pooled::id(&conn);
    conn.batch_execute(
        "CREATE TEMP TABLE mine (id int); SET work_mem = '5MB'; SET ROLE pg_monitor; LISTEN news; \
         SELECT pg_advisory_lock(7); DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    )
    .await
    .unwrap();
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    assert_eq!(cenote::Pooled::id(&conn), id);
    for (question, answer) in [
        ("SELECT coalesce(to_regclass('pg_temp.mine')::text, 'gone')", "gone"),
        ("SELECT current_setting('work_mem')", "4MB"),
        ("SELECT current_user::text", "postgres"),
        ("SELECT count(*)::text FROM pg_listening_channels()", "0"),
        ("SELECT count(*)::text FROM pg_cursors WHERE is_holdable", "0"),
        ("SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'", "0"),
    ] {
        assert_eq!(text(&conn, question).await, answer, "{question}");
    }
    // What was set from the start stays, and so do the statements that were prepared.
    let prepared = conn.cached_statements();
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    assert_eq!(conn.cached_statements(), prepared);
    assert_eq!(text(&conn, "SELECT current_setting('application_name')").await, "pool");
    // What SQL prepared only a new session is free of.
    conn.batch_execute("PREPARE mine AS SELECT 1").await.unwrap();
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    assert_ne!(cenote::Pooled::id(&conn), id);
    conn.batch_execute("PREPARE mine AS SELECT 1").await.unwrap();
}

// P-16
#[tokio::test]
async fn types_of_the_users_own_survive_discard_all() {
    let server = server().await;
    sql(&server, "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE pair AS (a int, b mood)")
        .await;
    let pool = one(&server, Reset::DiscardAll).await;
    // The driver looks types up by statements of its own, which must outlive a reset.
    for (type_, value) in [("mood", "'good'"), ("mood[]", "'{bad}'"), ("pair", "(1, 'bad')")] {
        let conn = pool.acquire().await.unwrap();
        conn.query_one(&format!("SELECT {value}::{type_}"), &[]).await.unwrap();
        drop(conn);
    }
    let closes = pool.stats().counts.closes.total();
    assert_eq!(closes, 0, "all on one connection");
}

// P-16
#[tokio::test]
async fn a_session_that_lost_its_statements_is_not_lent_again() {
    let server = server().await;
    for gone in ["DEALLOCATE ALL", "DISCARD ALL"] {
        let pool = one(&server, Reset::Rollback).await;
        let conn = pool.acquire().await.unwrap();
        conn.batch_execute(gone).await.unwrap();
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        text(&conn, "SELECT 'well'").await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::NotKept), 1, "{gone}");
    }
}

// P-16
#[tokio::test]
async fn without_a_reset_the_session_is_as_it_was_left() {
    let server = server().await;
    let pool = one(&server, Reset::None).await;
    let conn = pool.acquire().await.unwrap();
    conn.batch_execute("BEGIN; SET LOCAL work_mem = '5MB'").await.unwrap();
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    assert!(conn.in_transaction());
    assert_eq!(text(&conn, "SELECT current_setting('work_mem')").await, "5MB");
}

// P-16, P-2
#[tokio::test]
async fn a_clean_connection_is_known_to_be_clean_without_asking() {
    let server = server().await;
    for reset in [Reset::None, Reset::Rollback, Reset::DiscardAll] {
        let pool = Pool::builder(postgres(&server).reset(reset));
        let pool = pool.max_size(1).test_on_acquire(TestOnAcquire::Never).build_ready().await;
        let pool = pool.unwrap();
        let used = |pool: Pool<Postgres>| async move {
            let conn = pool.acquire().await.unwrap();
            conn.transaction_of_all_kinds().await;
        };
        if reset != Reset::DiscardAll {
            used(pool.clone()).await;
        } else {
            drop(pool.acquire().await.unwrap());
        }
        // Now nobody could answer.
        server.freeze();
        let again = tokio::time::timeout(Duration::from_secs(5), pool.acquire()).await;
        assert!(again.unwrap().is_ok(), "{reset:?}");
        server.thaw();
    }
}

trait Uses {
    async fn transaction_of_all_kinds(&self);
}

impl Uses for Session {
    /// All that a borrower does, well and badly.
    async fn transaction_of_all_kinds(&self) {
        self.query_one("SELECT $1::int", &[&1]).await.unwrap();
        self.batch_execute("BEGIN; SELECT 1; COMMIT").await.unwrap();
        self.batch_execute("BEGIN").await.unwrap();
        self.query_one("SELECT 1 / 0", &[]).await.unwrap_err();
        self.batch_execute("ROLLBACK").await.unwrap();
        self.query_one("SELECT 2", &[]).await.unwrap();
    }
}

// P-16
#[tokio::test]
async fn a_copy_leaves_the_connection_well() {
    let server = server().await;
    let pool = one(&server, Reset::Rollback).await;
    sql(&server, "CREATE TABLE item (id int)").await;
    let conn = pool.acquire().await.unwrap();
    let id = cenote::Pooled::id(&conn);
    // Begun and dropped: the driver ends it with an error.
    let copy = conn.client().copy_in::<_, std::io::Cursor<Vec<u8>>>("COPY item FROM STDIN").await;
    drop(copy.unwrap());
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    assert_eq!(text(&conn, "SELECT count(*)::text FROM item").await, "0");
    assert_eq!(cenote::Pooled::id(&conn), id);
    let pool = Arc::new(pool);
    drop(conn);
    assert_eq!(pool.status().size, 1);
}
