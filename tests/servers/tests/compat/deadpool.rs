//! Managers of deadpool's: deadpool-postgres's, and diesel-async's.

use std::time::Duration;

use cenote::{Pool, Pooled};
use cenote_compat::Deadpool;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, RecyclingMethod};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, PoolError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio_postgres::NoTls;

use super::{config, counted, kill, server, sql, until};

// P-1, P-16, P-20
#[tokio::test]
async fn deadpool_postgres_recycles_between_two_borrowers() {
    let server = server().await;
    let config = config(&server, "deadpool");
    let clean = ManagerConfig { recycling_method: RecyclingMethod::Clean };
    let manager = Manager::from_config(config, NoTls, clean);
    let pool = Pool::builder(Deadpool::new(manager)).max_size(1).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    let pid: i32 = conn.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    // Its own wrapper, with its statement cache.
    let statement = conn.prepare_cached("SELECT 40 + $1::int").await.unwrap();
    assert_eq!(conn.query_one(&statement, &[&2]).await.unwrap().get::<_, i32>(0), 42);
    conn.batch_execute("SET work_mem = '5MB'; CREATE TEMP TABLE left_over ()").await.unwrap();
    drop(conn);
    let conn = pool.acquire().await.unwrap();
    assert_eq!(conn.metrics().recycle_count, 1);
    let row = conn
        .query_one(
            "SELECT pg_backend_pid(), current_setting('work_mem'), to_regclass('left_over')::text",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, Option<&str>>(2)), (pid, None));
    assert_ne!(row.get::<_, &str>(1), "5MB");
    drop(conn);
    // What the server has closed cannot be recycled.
    kill(&server, "deadpool").await;
    until("another", || async {
        let conn = pool.acquire().await.unwrap();
        let row = conn.query_one("SELECT pg_backend_pid()", &[]).await;
        row.is_ok_and(|row| row.get::<_, i32>(0) != pid)
    })
    .await;
    until("the old one is gone", || async { counted(&server, "deadpool").await == 1 }).await;
    pool.close(Duration::from_secs(5)).await;
    until("gone", || async { counted(&server, "deadpool").await == 0 }).await;
}

// P-9, P-20
#[tokio::test]
async fn deadpool_postgres_hears_of_each_clients_end() {
    let server = server().await;
    let manager = Manager::new(config(&server, "deadpool"), NoTls);
    let pool = Pool::builder(Deadpool::new(manager)).max_size(1).build().unwrap();
    let text = "SELECT 1";
    let conn = pool.acquire().await.unwrap();
    conn.prepare_cached(text).await.unwrap();
    assert_eq!(conn.statement_cache.size(), 1);
    let caches = &pool.manager().get_ref().statement_caches;
    // The registry of caches reaches those that there are.
    caches.clear();
    assert_eq!(conn.statement_cache.size(), 0);
    // Taken out, it is not the manager's any more.
    let taken = Pooled::detach(conn).into_inner();
    taken.prepare_cached(text).await.unwrap();
    caches.clear();
    assert_eq!(taken.statement_cache.size(), 1);
    assert_eq!(taken.query_one(text, &[]).await.unwrap().get::<_, i32>(0), 1);
}

// P-28
#[tokio::test]
async fn its_hooks_see_the_client() {
    let server = server().await;
    let manager = Manager::new(config(&server, "deadpool"), NoTls);
    let manager = Deadpool::new(manager)
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                client.batch_execute("SET search_path = shop").await.map_err(HookError::Backend)
            })
        }))
        .pre_recycle(Hook::sync_fn(|_, metrics| match metrics.recycle_count {
            0 | 1 => Ok(()),
            _ => Err(HookError::message("old enough")),
        }));
    let pool = Pool::builder(manager).max_size(1).build().unwrap();
    for _ in 0..6 {
        let conn = pool.acquire().await.unwrap();
        let row = conn.query_one("SELECT current_setting('search_path')", &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "shop");
    }
    until("replaced", || async { pool.stats().counts.connected == 2 }).await;
}

// P-1, P-16
#[tokio::test]
async fn diesels_manager_for_deadpool_lends_connections_that_diesel_takes() {
    let server = server().await;
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(server.url());
    // Its error names no type that threads could share in every version: told in words.
    let manager =
        Deadpool::with_errors(manager, |error: PoolError| std::io::Error::other(error.to_string()));
    let pool = Pool::builder(manager).max_size(1).build().unwrap();
    for uses in 0..3 {
        let mut conn = pool.acquire().await.unwrap();
        assert_eq!(conn.metrics().recycle_count, uses);
        let sum: i64 =
            diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("40::bigint + 2"))
                .get_result(&mut conn)
                .await
                .unwrap();
        assert_eq!(sum, 42);
    }
    assert_eq!(sql(&server, "SELECT 1").await, "1");
}
