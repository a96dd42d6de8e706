//! Managers of bb8's: bb8-postgres's, and diesel-async's.

use bb8_postgres::PostgresConnectionManager;
use cenote::{Error, Fault, Pool, TestOnAcquire};
use cenote_compat::Bb8;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio_postgres::NoTls;

use super::{config, counted, kill, server, until};

// P-1, P-16, P-14
#[tokio::test]
async fn bb8_postgres_lends_tested_connections() {
    let server = server().await;
    let manager = PostgresConnectionManager::new(config(&server, "bb8"), NoTls);
    let pool = Pool::builder(Bb8::new(manager)).max_size(2).build().unwrap();
    let pid = async || {
        let asked = pool.with(async |client| {
            let row = client.query_one("SELECT pg_backend_pid()", &[]).await?;
            Ok(row.get::<_, i32>(0))
        });
        asked.await.unwrap()
    };
    let before = pid().await;
    // The driver's error by `?`; the connection is well, and tested before it is lent again.
    let error = pool.with(async |client| Ok(client.query("SELECT 1 / 0", &[]).await?)).await;
    let Error::Run(error) = error.map(drop).unwrap_err() else { panic!("the request's error") };
    let code = error.inner().and_then(|error| error.code()).map(|code| code.code().to_owned());
    assert_eq!((error.fault(), code.as_deref()), (Fault::Query, Some("22012")));
    assert_eq!(pid().await, before);
    // Its server has closed it; `has_broken` says so when it comes back, the test when it is lent.
    let conn = pool.acquire().await.unwrap();
    kill(&server, "bb8").await;
    until("closed", || async { conn.is_closed() }).await;
    drop(conn);
    assert_ne!(pid().await, before);
    pool.reconfigure(|options| options.test_on_acquire = TestOnAcquire::Always).unwrap();
    for _ in 0..3 {
        kill(&server, "bb8").await;
        until("gone", || async { counted(&server, "bb8").await == 0 }).await;
        pid().await;
    }
    // And counts that are true.
    let both = pool.acquire_many(2).await.unwrap();
    assert_eq!(counted(&server, "bb8").await, 2);
    drop(both);
    assert!(pool.close(std::time::Duration::from_secs(5)).await.is_clean());
    until("gone", || async { counted(&server, "bb8").await == 0 }).await;
}

// P-14, S
#[tokio::test]
async fn an_error_while_connecting_is_told_and_may_be_named() {
    let server = server().await;
    let mut wrong = config(&server, "bb8");
    wrong.password("hunter2");
    let manager = Bb8::new(PostgresConnectionManager::new(wrong, NoTls));
    let pool = Pool::builder(manager).classify_with(|error| {
        // What the manager does not say, its user does.
        match error.inner().and_then(|error| error.code()) {
            Some(code) if code.code().starts_with("28") => Fault::Permanent,
            _ => error.fault(),
        }
    });
    let error = pool.build().unwrap().acquire().await.map(drop).unwrap_err();
    let Error::Connect { error, .. } = error else { panic!("at once, not: {error}") };
    assert!(!error.to_string().contains("hunter2"), "{error}");

    let mut nobody = tokio_postgres::Config::new();
    nobody.host("127.0.0.1").port(1).user("app");
    let manager = Bb8::new(PostgresConnectionManager::new(nobody, NoTls));
    let builder = Pool::builder(manager).acquire_timeout(std::time::Duration::from_millis(200));
    let error = builder.build().unwrap().acquire().await.map(drop).unwrap_err();
    let Error::Timeout { last: Some(last), .. } = error else { panic!("a timeout, not: {error}") };
    assert_eq!(last.fault(), Fault::Host, "{last}");
}

// P-1
#[tokio::test]
async fn diesels_manager_for_bb8_lends_connections_that_diesel_takes() {
    let server = server().await;
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(server.url());
    let pool = Pool::builder(Bb8::new(manager)).max_size(1).build().unwrap();
    // The guard is a connection to diesel.
    let mut conn = pool.acquire().await.unwrap();
    conn.batch_execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)").await.unwrap();
    let changed = diesel::sql_query("UPDATE t SET id = id + 1").execute(&mut conn).await.unwrap();
    assert_eq!(changed, 2);
    let failed: Result<(), diesel::result::Error> = conn
        .transaction(async |conn| {
            diesel::sql_query("DELETE FROM t").execute(conn).await?;
            Err(diesel::result::Error::RollbackTransaction)
        })
        .await;
    assert!(failed.is_err());
    drop(conn);
    assert_eq!(super::sql(&server, "SELECT count(*) FROM t").await, "2");
    // A transaction that is left open is broken to diesel's manager, so nobody gets it.
    let pid = async || {
        let mut conn = pool.acquire().await.unwrap();
        let pid: i32 =
            diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("pg_backend_pid()"))
                .get_result(&mut conn)
                .await
                .unwrap();
        pid
    };
    let before = pid().await;
    assert_eq!(pid().await, before);
    let mut conn = pool.acquire().await.unwrap();
    let left = conn.transaction(async |conn| {
        diesel::sql_query("SELECT pg_sleep(60)").execute(conn).await.map(drop)
    });
    let left: Result<Result<(), diesel::result::Error>, _> =
        tokio::time::timeout(std::time::Duration::from_millis(20), left).await;
    assert!(left.is_err());
    drop(conn);
    assert_ne!(pid().await, before);
}
