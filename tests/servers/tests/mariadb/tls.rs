//! Encrypted connections: each mode with each server, and errands about them.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Manager};
use cenote_mysql::{Mysql, SslMode};
use cenote_testkit::servers::mariadb::{Settings, Tls};

use super::{blocking, counted, pool, server, until};

async fn is_encrypted(mysql: Mysql) -> Result<bool, (Fault, String)> {
    let mut conn = mysql.connect().await.map_err(|error| (error.fault(), error.to_string()))?;
    let asked = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
    let row = conn.query_first::<(String, String), _>(asked).await.unwrap().unwrap();
    Ok(!row.1.is_empty())
}

// S
#[tokio::test]
async fn a_server_with_tls_is_checked_as_the_mode_says() {
    let server = Arc::new(blocking(|| Settings::new().tls(Tls::Offered).start()).await.unwrap());
    let authority = server.authority().unwrap();
    let at = |host: &str| Mysql::from_url(&server.url().replace("127.0.0.1", host)).unwrap();
    let here = || at("127.0.0.1");
    assert_eq!(is_encrypted(here().ssl_mode(SslMode::Disabled)).await, Ok(false));
    for mode in [SslMode::Preferred, SslMode::Required] {
        assert_eq!(is_encrypted(here().ssl_mode(mode)).await, Ok(true), "{mode:?}");
    }
    for mode in [SslMode::VerifyCa, SslMode::VerifyIdentity] {
        for host in ["127.0.0.1", "localhost"] {
            let mysql = at(host).ssl_mode(mode).ssl_ca(&authority);
            assert_eq!(is_encrypted(mysql).await, Ok(true), "{mode:?} {host}");
        }
        // Nobody knows the authority.
        let (fault, says) = is_encrypted(here().ssl_mode(mode)).await.unwrap_err();
        assert!(fault == Fault::Permanent && says.contains("correct ssl_mode"), "{says}");
    }
    let nowhere = here().ssl_mode(SslMode::VerifyIdentity).ssl_ca("/no/such.pem");
    let (fault, says) = is_encrypted(nowhere).await.unwrap_err();
    assert!(
        fault == Fault::Permanent && says.contains("\"/no/such.pem\" cannot be read"),
        "{says}"
    );
}

// S
#[tokio::test]
async fn a_server_without_tls_is_taken_where_it_may_be() {
    let server = server().await;
    let here = || Mysql::from_url(&server.url()).unwrap();
    let twice = here();
    assert_eq!(is_encrypted(twice.clone()).await, Ok(false));
    assert_eq!(is_encrypted(twice).await, Ok(false));
    let (fault, says) = is_encrypted(here().ssl_mode(SslMode::Required)).await.unwrap_err();
    assert!(fault == Fault::Permanent && says.contains("it speaks no TLS"), "{says}");
}

// S, P-16
#[tokio::test]
async fn what_is_abandoned_is_stopped_over_tls_too() {
    let server = Arc::new(blocking(|| Settings::new().tls(Tls::Required).start()).await.unwrap());
    let plain = Mysql::from_url(&server.url()).unwrap().ssl_mode(SslMode::Disabled);
    let (fault, says) = is_encrypted(plain).await.unwrap_err();
    assert_eq!(fault, Fault::Permanent, "{says}");
    let pool = pool(&server).max_size(1).build_ready().await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let slow = conn.query_drop("DO SLEEP(60)");
    assert!(tokio::time::timeout(Duration::from_millis(100), slow).await.is_err());
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    conn.query_drop("SELECT 1").await.unwrap();
    drop(conn);
    assert!(pool.close(Duration::from_secs(5)).await.is_clean());
    assert_eq!(pool.stats().counts.close_failures, 0);
    until("gone", || async { counted(&server).await == 0 }).await;
}
