//! What a borrower gets.

use std::time::Duration;

use cenote::{Fault, Lend, Pool};
use cenote_postgres::{Credentials, Postgres, PostgresError};
use cenote_server_tests::refusals::sealed;

use super::{inner, pool, postgres, server, sql, until};

// P-1
#[tokio::test]
async fn rows_come_and_go() {
    let server = server().await;
    let pool = pool(&server).build_ready().await.unwrap();
    let conn = pool.acquire().await.unwrap();
    conn.batch_execute("CREATE TABLE item (id int PRIMARY KEY, name text)").await.unwrap();
    let insert = "INSERT INTO item VALUES ($1, $2)";
    assert_eq!(conn.execute(insert, &[&1, &"one"]).await.unwrap(), 1);
    assert_eq!(conn.execute(insert, &[&2, &None::<&str>]).await.unwrap(), 1);
    drop(conn);

    let all = pool.with(async |conn| conn.query("SELECT name FROM item ORDER BY id", &[]).await);
    let names: Vec<Option<String>> = all.await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(names, [Some("one".to_owned()), None]);
    let one = "SELECT id FROM item WHERE id = $1";
    let conn = pool.acquire().await.unwrap();
    assert_eq!(conn.query_one(one, &[&2]).await.unwrap().get::<_, i32>(0), 2);
    assert!(conn.query_opt(one, &[&3]).await.unwrap().is_none());
    assert_eq!(conn.simple_query("SELECT 1; SELECT 2").await.unwrap().len(), 6);
}

// P-14
#[tokio::test]
async fn an_error_of_the_request_leaves_its_connection_well() {
    let server = server().await;
    let pool = pool(&server).max_size(1).build_ready().await.unwrap();
    let backend = "SELECT pg_backend_pid()";
    let pid = |pool: Pool<Postgres>| async move {
        pool.with(async |conn| Ok(conn.query_one(backend, &[]).await?.get::<_, i32>(0))).await
    };
    let before = pid(pool.clone()).await.unwrap();
    // From the server: a syntax error, a division, a lock that is taken, a conflict.
    for (bad, state) in
        [("SELEC 1", "42601"), ("SELECT 1 / 0", "22012"), ("SELECT * FROM nothing", "42P01")]
    {
        let error = pool.with(async |conn| conn.query(bad, &[]).await).await.map(drop);
        let error = inner(error.unwrap_err());
        assert_eq!((error.fault(), error.code().unwrap().code()), (Fault::Query, state));
        assert!(error.to_string().starts_with("PostgreSQL at 127.0.0.1:"), "{error}");
    }
    // From the driver: the wrong number of parameters, a value of another type, no row, many rows, a wrong column.
    let conn = pool.acquire().await.unwrap();
    let errors = [
        conn.query("SELECT $1::int", &[]).await.map(drop).unwrap_err(),
        conn.query("SELECT $1::int", &[&"x"]).await.map(drop).unwrap_err(),
        conn.query_one("SELECT 1 WHERE false", &[]).await.map(drop).unwrap_err(),
        conn.query_one("SELECT generate_series(1, 9)", &[]).await.map(drop).unwrap_err(),
        conn.query_one("SELECT 1", &[]).await.unwrap().try_get::<_, &str>(0).unwrap_err().into(),
        conn.query_one("SELECT 1", &[]).await.unwrap().try_get::<_, i32>("x").unwrap_err().into(),
    ];
    for error in errors {
        assert_eq!(error.fault(), Fault::Query, "{error}");
    }
    drop(conn);
    assert_eq!(pid(pool.clone()).await.unwrap(), before, "it is still the same connection");
}

// P-2
#[tokio::test]
async fn a_text_is_prepared_once_and_the_oldest_goes() {
    let server = server().await;
    let postgres = postgres(&server).statement_cache(2);
    let pool = Pool::builder(postgres).max_size(1).build().unwrap();
    let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT 1%'";
    for _ in 0..3 {
        let conn = pool.acquire().await.unwrap();
        for text in ["SELECT 1 + 1", "SELECT 1 + 2", "SELECT 1 + 3"] {
            conn.query_one(text, &[]).await.unwrap();
            conn.query_one(text, &[]).await.unwrap();
        }
        assert_eq!(conn.cached_statements(), 2);
        let row = &conn.simple_query(prepared).await.unwrap()[1];
        let cenote_postgres::tokio_postgres::SimpleQueryMessage::Row(row) = row else {
            panic!("a row")
        };
        assert_eq!(row.get(0), Some("2"), "the server keeps no more");
    }
}

// P-2
#[tokio::test]
async fn a_statement_that_was_kept_too_long_is_prepared_anew() {
    let server = server().await;
    let pool = pool(&server).max_size(1).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    conn.batch_execute("CREATE TABLE item (id int); INSERT INTO item VALUES (1)").await.unwrap();
    let all = "SELECT * FROM item";
    assert_eq!(conn.query_one(all, &[]).await.unwrap().len(), 1);
    conn.batch_execute("ALTER TABLE item ADD name text").await.unwrap();
    assert_eq!(conn.query_one(all, &[]).await.unwrap().len(), 2);
    conn.batch_execute("DEALLOCATE ALL").await.unwrap();
    assert_eq!(conn.query_one(all, &[]).await.unwrap().len(), 2);
    // In a transaction it cannot be: the error has ended it.
    conn.batch_execute("BEGIN; ALTER TABLE item DROP name").await.unwrap();
    let error = conn.query_one(all, &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "0A000");
    conn.batch_execute("ROLLBACK; ALTER TABLE item DROP name").await.unwrap();
    assert_eq!(conn.query_one(all, &[]).await.unwrap().len(), 1, "and is when it is over");
}

// P-28
#[tokio::test]
async fn credentials_are_asked_for_at_each_connect() {
    let server = server().await;
    sql(&server, "CREATE ROLE app LOGIN PASSWORD 'first'").await;
    let password = std::sync::Arc::new(std::sync::Mutex::new("first".to_owned()));
    let now = std::sync::Arc::clone(&password);
    let postgres = postgres(&server).credentials(move || {
        let password = now.lock().unwrap().clone();
        async move { Ok::<_, std::io::Error>(Credentials::new("app", password)) }
    });
    let pool = Pool::builder(postgres).max_size(1).build().unwrap();
    let user = "SELECT current_user::text";
    let conn = pool.acquire().await.unwrap();
    assert_eq!(conn.query_one(user, &[]).await.unwrap().get::<_, &str>(0), "app");
    drop(conn);
    sql(&server, "ALTER ROLE app PASSWORD 'second'").await;
    *password.lock().unwrap() = "second".to_owned();
    pool.clear().await;
    let conn = pool.acquire().await.unwrap();
    assert_eq!(conn.query_one(user, &[]).await.unwrap().get::<_, &str>(0), "app");
}

// P-28
#[tokio::test]
async fn whoever_hands_out_no_credentials_is_named_and_asked_again() {
    let server = server().await;
    let url = server.url();
    let postgres = Postgres::from_url(&url)
        .unwrap()
        .credentials(async || Err::<Credentials, _>(std::io::Error::other("the vault is sealed")));
    sealed(postgres, server.password()).await;
}

// P-30
#[tokio::test]
async fn a_borrower_who_idles_in_a_transaction_is_counted() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    conn.batch_execute("BEGIN").await.unwrap();
    assert_eq!(pool.status().idle_in_transaction, 1);
    conn.batch_execute("COMMIT").await.unwrap();
    assert_eq!(pool.status().idle_in_transaction, 0);
}

// P-20
#[tokio::test]
async fn a_closed_pool_has_left_the_server_when_it_says_so() {
    let server = server().await;
    let pool = pool(&server).min_size(4).build_ready().await.unwrap();
    assert_eq!(super::counted(&server).await, 4);
    let report = pool.close(Duration::from_secs(5)).await;
    assert!(report.is_clean());
    assert_eq!(super::counted(&server).await, 0);
    // One that is taken out says goodbye when it is dropped.
    let pool = super::pool(&server).build().unwrap();
    let conn = cenote::Pooled::detach(pool.acquire().await.unwrap());
    assert_eq!(super::counted(&server).await, 1);
    drop(conn);
    until("gone", || async { super::counted(&server).await == 0 }).await;
}

// C-19
#[tokio::test]
async fn code_for_a_pool_or_a_cluster_takes_it() {
    async fn user(
        lend: &impl Lend<Manager = Postgres, Error = cenote::Error<PostgresError>>,
    ) -> String {
        let conn = lend.read().await.unwrap();
        conn.query_one("SELECT current_user::text", &[]).await.unwrap().get(0)
    }
    let server = server().await;
    assert_eq!(user(&pool(&server).build().unwrap()).await, "postgres");
}
