//! What a borrower gets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::{Fault, Lend, Pool, Pooled};
use cenote_mysql::mysql_async::params;
use cenote_mysql::mysql_async::prelude::Queryable;
use cenote_mysql::{Credentials, Mysql, MysqlError};
use cenote_server_tests::refusals::sealed;
use cenote_testkit::servers::mariadb::Server;

use super::{counted, inner, make_app, mysql, pool, server, sql, until};

// P-1
#[tokio::test]
async fn rows_come_and_go() {
    let server = server().await;
    let pool = pool(&server).build_ready().await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let table = "CREATE TABLE item (id int AUTO_INCREMENT PRIMARY KEY, name text)";
    conn.query_drop(table).await.unwrap();
    let insert = "INSERT INTO item (name) VALUES (?)";
    conn.exec_drop(insert, ("one",)).await.unwrap();
    assert_eq!((conn.affected_rows(), conn.last_insert_id()), (1, Some(1)));
    conn.exec_batch(insert, [(None::<&str>,), (Some("drei – 三 🦀"),)]).await.unwrap();
    drop(conn);

    let all = "SELECT name FROM item ORDER BY id";
    let names = pool.with(async |conn| conn.query::<Option<String>, _>(all).await).await.unwrap();
    assert_eq!(names, [Some("one".to_owned()), None, Some("drei – 三 🦀".to_owned())]);
    let mut conn = pool.acquire().await.unwrap();
    let one = "SELECT id FROM item WHERE id = :id";
    let found = conn.exec_first::<i32, _, _>(one, params! { "id" => 2 }).await.unwrap();
    assert_eq!(found, Some(2));
    let none = conn.exec_first::<i32, _, _>(one, params! { "id" => 9 }).await.unwrap();
    assert_eq!(none, None);
    assert_eq!(conn.query_first::<(i32, i32), _>("SELECT 1, 2").await.unwrap(), Some((1, 2)));
    conn.query_drop("UPDATE item SET name = 'x'; DELETE FROM item WHERE id = 2").await.unwrap();
    assert_eq!(conn.affected_rows(), 1, "of the last");
    // What the driver alone has.
    let sets = conn.driver(async |driver| {
        let mut result = driver.query_iter("SELECT 1; SELECT 2, 3").await?;
        Ok((result.collect::<i32>().await?, result.collect::<(i32, i32)>().await?))
    });
    assert_eq!(sets.await.unwrap(), (vec![1], vec![(2, 3)]));
    assert!(conn.id() > 0 && conn.server_version() >= (10, 0, 0));
}

// P-14
#[tokio::test]
async fn an_error_of_the_request_leaves_its_connection_well() {
    let server = server().await;
    let pool = pool(&server).max_size(1).build_ready().await.unwrap();
    let before = pool.acquire().await.unwrap().id();
    sql(&server, "CREATE TABLE item (id int PRIMARY KEY); INSERT INTO item VALUES (1)").await;
    for (bad, code) in [
        ("SELEC 1", 1064),
        ("SELECT * FROM nothing", 1146),
        ("INSERT INTO item VALUES (1)", 1062),
        ("SELECT nothing FROM item", 1054),
        ("USE nowhere", 1049),
    ] {
        let error = pool.with(async |conn| conn.query_drop(bad).await).await;
        let error = inner(error.unwrap_err());
        assert_eq!((error.fault(), error.code()), (Fault::Query, Some(code)));
        assert!(error.to_string().starts_with("MySQL at 127.0.0.1:"), "{error}");
    }
    // The wrong number of parameters, of columns, another type, NULL: the driver would hang up, or panic.
    let mut conn = pool.acquire().await.unwrap();
    let errors = [
        conn.exec_drop("SELECT ?", ()).await.unwrap_err(),
        conn.exec_drop("SELECT 1", (1, 2)).await.unwrap_err(),
        conn.query::<(i32, i32), _>("SELECT 1").await.map(drop).unwrap_err(),
        conn.query_first::<i32, _>("SELECT 'secret value' AS word").await.map(drop).unwrap_err(),
        conn.exec_first::<i32, _, _>("SELECT NULL", ()).await.map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.fault(), Fault::Query, "{error}");
        assert!(!format!("{error} {error:?}").contains("secret value"), "{error}");
    }
    assert_eq!(conn.query_first::<i32, _>("SELECT 7").await.unwrap(), Some(7));
    drop(conn);
    assert_eq!(pool.acquire().await.unwrap().id(), before, "it is still the same connection");
}

// P-2
#[tokio::test]
async fn a_text_is_prepared_once_and_the_oldest_goes() {
    let server = server().await;
    let pool = Pool::builder(mysql(&server).statement_cache(2)).max_size(1).build().unwrap();
    let prepared = "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'";
    let mut conn = pool.acquire().await.unwrap();
    let mut count = async |texts: &[&str]| {
        for text in texts {
            conn.exec_drop(*text, ()).await.unwrap();
        }
        let row = conn.query_first::<(String, u64), _>(prepared).await.unwrap();
        row.unwrap().1
    };
    let (a, b, c) = ("SELECT 1 + 1", "SELECT 1 + 2", "SELECT 1 + 3");
    assert_eq!(count(&[a, a, b, a, b]).await, 2);
    assert_eq!(count(&[c, c, b, c]).await, 3, "c takes the place of a");
    assert_eq!(count(&[a]).await, 4);
    drop(conn);
    let kept = "SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'";
    assert!(sql(&server, kept).await.ends_with("\t2"), "the server keeps no more");
}

// P-28
#[tokio::test]
async fn credentials_are_asked_for_at_each_connect() {
    let server = server().await;
    make_app(&server, "first").await;
    let password = Arc::new(Mutex::new("first".to_owned()));
    let now = Arc::clone(&password);
    let mysql = mysql(&server).credentials(move || {
        let password = now.lock().unwrap().clone();
        async move { Ok::<_, std::io::Error>(Credentials::new("app", password)) }
    });
    let pool = Pool::builder(mysql).max_size(1).build().unwrap();
    let user = async || {
        let mut conn = pool.acquire().await.unwrap();
        conn.query_first::<String, _>("SELECT CURRENT_USER()").await.unwrap().unwrap()
    };
    assert_eq!(user().await, "app@%");
    sql(&server, "SET PASSWORD FOR app = PASSWORD('second')").await;
    *password.lock().unwrap() = "second".to_owned();
    pool.clear().await;
    assert_eq!(user().await, "app@%");
    assert_eq!(pool.stats().counts.connected, 2);
}

// P-28
#[tokio::test]
async fn whoever_hands_out_no_credentials_is_named_and_asked_again() {
    let mysql = Mysql::host("127.0.0.1")
        .unwrap()
        .password("hunter2")
        .credentials(async || Err::<Credentials, _>(std::io::Error::other("the vault is sealed")));
    sealed(mysql, "hunter2").await;
}

// P-30
#[tokio::test]
async fn a_borrower_who_idles_in_a_transaction_is_counted() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    conn.query_drop("BEGIN").await.unwrap();
    assert_eq!((pool.status().idle_in_transaction, conn.in_transaction()), (1, true));
    conn.prep("SELECT 1").await.unwrap();
    assert_eq!(pool.status().idle_in_transaction, 1, "preparing changes nothing");
    conn.query_drop("COMMIT").await.unwrap();
    assert_eq!((pool.status().idle_in_transaction, conn.in_transaction()), (0, false));
}

// P-20
#[tokio::test]
async fn a_closed_pool_leaves_the_server() {
    let server = server().await;
    let pool = pool(&server).min_size(4).build_ready().await.unwrap();
    // Who only looked whether the server is ready, and who only counted, may not be gone yet.
    until("all are there", || async { counted(&server).await == 4 }).await;
    assert!(pool.close(Duration::from_secs(5)).await.is_clean());
    until("gone", || async { counted(&server).await == 0 }).await;
    // One that is taken out says goodbye when it is dropped.
    let pool = super::pool(&server).build().unwrap();
    let conn = Pooled::detach(pool.acquire().await.unwrap());
    until("it is there", || async { counted(&server).await == 1 }).await;
    drop(conn);
    until("gone", || async { counted(&server).await == 0 }).await;
    // All of them in good order.
    let aborted = sql(&server, "SHOW GLOBAL STATUS LIKE 'Aborted_clients'").await;
    assert!(aborted.ends_with("\t0"), "{aborted}");
}

// C-19
#[tokio::test]
async fn code_for_a_pool_or_a_cluster_takes_it() {
    async fn one(lend: &impl Lend<Manager = Mysql, Error = cenote::Error<MysqlError>>) -> i32 {
        let mut conn = lend.read().await.unwrap();
        conn.query_first("SELECT 1").await.unwrap().unwrap()
    }
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    // And a task may own it all.
    assert_eq!(tokio::spawn(async move { one(&pool).await }).await.unwrap(), 1);
}

// P-16, P-23
#[test]
fn what_outlives_its_runtime_is_dropped_in_peace() {
    let server = Server::start().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (pool, lent, own, adrift) = runtime.block_on(async {
        let pool = pool(&server).min_size(4).build_ready().await.unwrap();
        let lent = pool.acquire().await.unwrap();
        let own = Pooled::detach(pool.acquire().await.unwrap());
        let mut adrift = Pooled::detach(pool.acquire().await.unwrap());
        let slow = adrift.query_drop("DO SLEEP(60)");
        assert!(tokio::time::timeout(Duration::from_millis(20), slow).await.is_err());
        (pool, lent, own, adrift)
    });
    drop(runtime);
    drop((lent, own, adrift));
    let error = pool.acquire();
    let error = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(error);
    assert!(matches!(error, Err(cenote::Error::RuntimeGone { .. })), "{error:?}");
    drop(pool);
}
