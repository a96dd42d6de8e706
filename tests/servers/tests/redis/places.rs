//! What a server is to its cluster (C-11), and what a replica says to writers.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Manager, Node, Probe, Probed, Role};
use cenote_redis::redis::{AsyncCommands, cmd, pipe};
use cenote_redis::{Redis, RedisError};
use cenote_testkit::servers::redis::Server;

use super::{blocking, pool, run, server, until};

async fn replica_of(server: &Arc<Server>) -> Arc<Server> {
    let primary = Arc::clone(server);
    Arc::new(blocking(move || primary.replica()).await.unwrap())
}

async fn probed(url: &str) -> Result<Probed, RedisError> {
    let redis = Redis::to(&Node::new("node", url))?;
    let mut conn = redis.connect().await?;
    redis.probe(&mut conn).await
}

// C-11, C-13
#[tokio::test]
async fn roles_and_lag_are_found_and_a_promotion_is_seen() {
    let primary = server().await;
    let replica = replica_of(&primary).await;
    assert_eq!(probed(&primary.url()).await.unwrap(), Probed::new(Role::Primary));
    let healthy = Probed::new(Role::Replica).lag(Duration::ZERO);
    assert_eq!(probed(&replica.url()).await.unwrap(), healthy);

    // Its primary is gone, and it is behind since then.
    let killed = Arc::clone(&primary);
    blocking(move || killed.kill()).await;
    until("behind", || async {
        let behind = probed(&replica.url()).await.unwrap();
        assert_eq!(behind.role, Role::Replica);
        behind.lag >= Some(Duration::from_secs(1))
    })
    .await;

    // Promoted: seen by the next question over the same connection.
    let redis = Redis::to(&Node::new("replica", replica.url())).unwrap();
    let mut conn = redis.connect().await.unwrap();
    let promoted = Arc::clone(&replica);
    blocking(move || promoted.promote()).await.unwrap();
    assert_eq!(redis.probe(&mut conn).await.unwrap(), Probed::new(Role::Primary));

    // And the old primary comes back as a replica.
    let (old, new) = (Arc::clone(&primary), Arc::clone(&replica));
    blocking(move || old.follow(&new)).await.unwrap();
    assert_eq!(probed(&primary.url()).await.unwrap(), healthy);
}

// C-11
#[tokio::test]
async fn who_may_not_ask_one_question_asks_the_other() {
    let primary = server().await;
    let replica = replica_of(&primary).await;
    for (rights, lag) in [("+@all", true), ("+@all -role", true), ("+@all -info", false)] {
        let mut roles = Vec::new();
        for server in [&primary, &replica] {
            run(server, &format!("ACL SETUSER app reset on >secret ~* {rights}")[..]).await;
            let probed = probed(&server.url_for("app", "secret", 0)).await.unwrap();
            roles.push(probed.role);
            assert_eq!(probed.lag.is_some(), lag && server.port() == replica.port(), "{rights}");
        }
        assert_eq!(roles, [Role::Primary, Role::Replica], "{rights}");
    }
    run(&primary, "ACL SETUSER app reset on >secret ~* +@all -role -info").await;
    let error = probed(&primary.url_for("app", "secret", 0)).await.unwrap_err();
    assert_eq!(error.code().as_deref(), Some("NOPERM"), "{error}");
}

// P-14
#[tokio::test]
async fn a_replica_takes_no_writes_and_says_so() {
    let primary = server().await;
    let replica = replica_of(&primary).await;
    let pool = pool(&replica).max_size(1).build_ready().await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.get::<_, Option<u32>>("k").await.unwrap(), None);
    let error = RedisError::from(conn.set::<_, _, ()>("k", 1).await.unwrap_err());
    assert_eq!((error.code().as_deref(), error.fault()), (Some("READONLY"), Fault::Role));
    // Among others, and in a transaction.
    for atomic in [false, true] {
        let mut many = pipe();
        many.get("k").set("k", 1);
        if atomic {
            many.atomic();
        }
        let error = RedisError::from(many.exec_async(&mut *conn).await.unwrap_err());
        assert_eq!(
            (error.code().as_deref(), error.fault()),
            (Some("READONLY"), Fault::Role),
            "{error}"
        );
    }
    let error = RedisError::from(conn.set::<_, _, ()>("k", 1).await.unwrap_err());
    assert!(error.to_string().contains("write to the primary"), "{error}");
    drop(conn);

    // It may not even read once it has lost its primary.
    run(&replica, "CONFIG SET replica-serve-stale-data no").await;
    let killed = Arc::clone(&primary);
    blocking(move || killed.kill()).await;
    let mut conn = pool.acquire().await.unwrap();
    let error = loop {
        if let Err(error) = conn.get::<_, Option<u32>>("k").await {
            break RedisError::from(error);
        }
    };
    assert_eq!(
        (error.code().as_deref(), error.fault()),
        (Some("MASTERDOWN"), Fault::Role),
        "{error}"
    );
    // Its connections are well, and can be made: it may be promoted.
    drop(conn);
    pool.clear().await;
    let mut conn = pool.acquire().await.unwrap();
    let promoted = Arc::clone(&replica);
    blocking(move || promoted.promote()).await.unwrap();
    let _: () = conn.set("k", 2).await.unwrap();
}

// P-14, P-16
#[tokio::test]
async fn a_primary_that_becomes_a_replica_sends_away_who_waits() {
    let (primary, other) = (server().await, server().await);
    let pool = pool(&primary).max_size(1).build_ready().await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let id: u64 = cmd("CLIENT").arg("ID").query_async(&mut *conn).await.unwrap();
    let waits = conn.blpop::<_, (String, String)>("jobs", 0.0);
    let demoted = async {
        until("it waits", || async {
            run(&primary, &format!("CLIENT LIST ID {id}")[..]).await.contains("cmd=blpop")
        })
        .await;
        run(&primary, &format!("REPLICAOF 127.0.0.1 {}", other.port())[..]).await;
    };
    let (error, ()) = tokio::join!(waits, demoted);
    let error = RedisError::from(error.unwrap_err());
    assert_eq!(
        (error.code().as_deref(), error.fault()),
        (Some("UNBLOCKED"), Fault::Role),
        "{error}"
    );
}
