//! Encrypted connections.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Manager, Pool};
use cenote_redis::Redis;
use cenote_redis::redis::{AsyncCommands, cmd};
use cenote_testkit::servers::redis::{Server, Settings};

use super::{blocking, counted};

async fn server_with_tls() -> Arc<Server> {
    Arc::new(blocking(|| Settings::new().tls().start()).await.unwrap())
}

async fn connect(redis: Redis) -> Result<(), (Fault, String)> {
    let mut conn = redis.connect().await.map_err(|error| (error.fault(), error.to_string()))?;
    cmd("PING").exec_async(&mut conn).await.unwrap();
    Ok(())
}

// S
#[tokio::test]
async fn the_certificate_must_be_the_hosts_and_signed() {
    let server = server_with_tls().await;
    let authority = server.authority().unwrap();
    let at = |host: &str| Redis::from_url(&server.url().replace("127.0.0.1", host)).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(connect(at(host).tls_ca_cert(&authority)).await, Ok(()), "{host}");
    }
    let by_url = format!("{}?ca_cert={}", server.url(), authority.display());
    assert_eq!(connect(Redis::from_url(&by_url).unwrap()).await, Ok(()));
    // The system does not know the authority.
    let (fault, says) = connect(at("127.0.0.1")).await.unwrap_err();
    assert!(fault == Fault::Permanent, "{says}");
    assert!(says.contains("TLS") || says.contains("root certificates"), "{says}");
    // The certificate is for another name.
    let (fault, says) = connect(at("127.0.0.2").tls_ca_cert(&authority)).await.unwrap_err();
    assert!(fault == Fault::Host || says.contains("TLS"), "{says}");
    let (fault, says) = connect(at("127.0.0.1").tls_ca_cert("/no/such.pem")).await.unwrap_err();
    assert!(
        fault == Fault::Permanent && says.contains("\"/no/such.pem\" does not exist"),
        "{says}"
    );
    // Unless nobody looks.
    assert_eq!(connect(at("127.0.0.1").tls_skip_verify(true)).await, Ok(()));
}

// S, P-14
#[tokio::test]
async fn who_speaks_no_tls_to_a_server_that_does_is_told() {
    let server = server_with_tls().await;
    let redis = Redis::from_url(&server.url()).unwrap().tls(false);
    let (fault, says) = connect(redis).await.unwrap_err();
    assert!(fault == Fault::Connection && says.contains("TLS"), "{says}");
    assert!(!says.contains(server.password()), "{says}");
}

// S, P-16, P-20
#[tokio::test]
async fn what_holds_without_tls_holds_with_it() {
    let server = server_with_tls().await;
    let redis = Redis::from_url(&server.url()).unwrap().client_name("pool").tls_skip_verify(true);
    let pool = Pool::builder(redis).max_size(2).build_ready().await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    cmd("MULTI").exec_async(&mut *conn).await.unwrap();
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    let _: () = conn.set("k", "x".repeat(100_000)).await.unwrap();
    assert_eq!(conn.get::<_, String>("k").await.unwrap().len(), 100_000);
    let waits = conn.blpop::<_, (String, String)>("jobs", 0.0);
    assert!(tokio::time::timeout(Duration::from_millis(50), waits).await.is_err());
    drop(conn);
    assert!(pool.close(Duration::from_secs(5)).await.is_clean());
    assert_eq!(counted(&server).await, 0);
}
