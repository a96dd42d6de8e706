//! What a borrower gets.

use std::time::Duration;

use cenote::{Fault, Lend, Pool, Pooled};
use cenote_redis::redis::{AsyncCommands, RedisResult, cmd, pipe};
use cenote_redis::{Credentials, Redis, RedisConnection, RedisError};
use cenote_server_tests::refusals::sealed;

use super::{counted, inner, pool, redis, run, server, until};

// P-1
#[tokio::test]
async fn values_come_and_go() {
    let server = server().await;
    let pool = pool(&server).build_ready().await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let _: () = conn.set("stock", 7).await.unwrap();
    assert_eq!(conn.incr::<_, _, u32>("stock", 1).await.unwrap(), 8);
    drop(conn);

    let stock = pool.with(async |conn| Ok(conn.get::<_, Option<u32>>("stock").await?)).await;
    assert_eq!(stock.unwrap(), Some(8));
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.get::<_, Option<String>>("none").await.unwrap(), None);
    let mut both = pipe();
    both.atomic().set("a", "x").ignore().get("a").incr("stock", 2);
    let both: (String, u32) = both.query_async(&mut *conn).await.unwrap();
    assert_eq!(both, ("x".to_owned(), 10));
    // What blocks: somebody else brings it.
    let other = pool.clone();
    let brings = tokio::spawn(async move {
        other.with(async |conn| Ok(conn.lpush::<_, _, ()>("jobs", "one").await?)).await.unwrap();
    });
    let job: Option<(String, String)> = conn.blpop("jobs", 10.0).await.unwrap();
    assert_eq!(job, Some(("jobs".to_owned(), "one".to_owned())));
    brings.await.unwrap();
    assert_eq!(conn.blpop::<_, Option<(String, String)>>("jobs", 0.7).await.unwrap(), None);
}

// P-14
#[tokio::test]
async fn an_error_of_the_command_leaves_its_connection_well() {
    let server = server().await;
    let pool = pool(&server).max_size(1).build_ready().await.unwrap();
    let id = async |conn: &mut RedisConnection| -> RedisResult<u64> {
        cmd("CLIENT").arg("ID").query_async(conn).await
    };
    let before = id(&mut *pool.acquire().await.unwrap()).await.unwrap();
    run(&server, "SET text abc").await;
    for (bad, code) in [
        (cmd("INCR").arg("text"), "ERR"),
        (cmd("LPUSH").arg("text").arg(1), "WRONGTYPE"),
        (cmd("EVALSHA").arg("0".repeat(40)).arg(0), "NOSCRIPT"),
        (cmd("NOTHING").arg("hunter2"), "ERR"),
    ] {
        let error = pool.with(async |conn| Ok(bad.exec_async(conn).await?)).await.unwrap_err();
        let error = inner(error);
        assert_eq!((error.fault(), error.code().as_deref()), (Fault::Query, Some(code)), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    // Of the driver: a value of another type.
    let error = pool.with(async |conn| Ok(conn.get::<_, u32>("text").await?)).await.unwrap_err();
    let error = inner(error);
    assert!(error.fault() == Fault::Query && !error.to_string().contains("abc"), "{error}");
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(id(&mut conn).await.unwrap(), before, "it is still the same connection");
}

// P-28
#[tokio::test]
async fn credentials_are_asked_for_at_each_connect() {
    let server = server().await;
    run(&server, "ACL SETUSER app on >first ~* +@all").await;
    let password = std::sync::Arc::new(std::sync::Mutex::new("first".to_owned()));
    let now = std::sync::Arc::clone(&password);
    let redis = redis(&server).credentials(move || {
        let password = now.lock().unwrap().clone();
        async move { Ok::<_, std::io::Error>(Credentials::new("app", password)) }
    });
    let pool = Pool::builder(redis).max_size(1).build().unwrap();
    let user = async |conn: &mut RedisConnection| -> RedisResult<String> {
        cmd("ACL").arg("WHOAMI").query_async(conn).await
    };
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(user(&mut conn).await.unwrap(), "app");
    assert!(conn.place().ends_with("/0 as app"), "{}", conn.place());
    drop(conn);
    run(&server, "ACL SETUSER app resetpass >second").await;
    *password.lock().unwrap() = "second".to_owned();
    pool.clear().await;
    assert_eq!(user(&mut *pool.acquire().await.unwrap()).await.unwrap(), "app");
}

// P-28
#[tokio::test]
async fn whoever_hands_out_no_credentials_is_named_and_asked_again() {
    let server = server().await;
    let redis = redis(&server)
        .credentials(async || Err::<Credentials, _>(std::io::Error::other("the vault is sealed")));
    sealed(redis, server.password()).await;
}

// P-30
#[tokio::test]
async fn a_borrower_who_idles_in_a_transaction_is_counted() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    cmd("MULTI").exec_async(&mut *conn).await.unwrap();
    let _: () = cmd("INCR").arg("n").exec_async(&mut *conn).await.unwrap();
    assert!(conn.in_transaction() && pool.status().idle_in_transaction == 1);
    cmd("EXEC").exec_async(&mut *conn).await.unwrap();
    assert!(!conn.in_transaction() && pool.status().idle_in_transaction == 0);
}

// P-24
#[tokio::test]
async fn a_connection_begins_in_its_database_with_its_name() {
    let server = server().await;
    let redis = Redis::from_url(&format!("{}?db=3&client_name=shop", server.url())).unwrap();
    let pool = Pool::builder(redis).max_size(1).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let info: String = cmd("CLIENT").arg("INFO").query_async(&mut *conn).await.unwrap();
    assert!(info.contains(" name=shop ") && info.contains(" db=3 "), "{info}");
}

// P-20
#[tokio::test]
async fn a_closed_pool_has_left_the_server_when_it_says_so() {
    let server = server().await;
    let pool = pool(&server).min_size(4).build_ready().await.unwrap();
    assert_eq!(counted(&server).await, 4);
    let report = pool.close(Duration::from_secs(5)).await;
    assert!(report.is_clean());
    assert_eq!(counted(&server).await, 0);
    // One that is taken out says goodbye when it is dropped.
    let pool = super::pool(&server).build().unwrap();
    let conn = Pooled::detach(pool.acquire().await.unwrap());
    assert_eq!(counted(&server).await, 1);
    drop(conn);
    until("gone", || async { counted(&server).await == 0 }).await;
}

// C-19
#[tokio::test]
async fn code_for_a_pool_or_a_cluster_takes_it() {
    async fn ping(lend: &impl Lend<Manager = Redis, Error = cenote::Error<RedisError>>) -> String {
        let mut conn = lend.read().await.unwrap();
        cmd("PING").query_async(&mut *conn).await.unwrap()
    }
    let server = server().await;
    assert_eq!(ping(&pool(&server).build().unwrap()).await, "PONG");
}
