//! Encrypted connections: each mode with each server, and cancels on them.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Manager};
use cenote_postgres::{Postgres, SslMode};
use cenote_testkit::servers::postgres::{Settings, Tls};

use super::{blocking, pool, server};

async fn is_encrypted(postgres: Postgres) -> Result<bool, (Fault, String)> {
    let conn = postgres.connect().await.map_err(|error| (error.fault(), error.to_string()))?;
    let asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    Ok(conn.query_one(asked, &[]).await.unwrap().get(0))
}

// S
#[tokio::test]
async fn a_server_with_tls_is_checked_as_the_mode_says() {
    let server = Arc::new(blocking(|| Settings::new().tls(Tls::Offered).start()).await.unwrap());
    let authority = server.authority().unwrap();
    let at = |host: &str| Postgres::from_url(&server.url().replace("127.0.0.1", host)).unwrap();
    let here = || at("127.0.0.1");
    assert_eq!(is_encrypted(here().ssl_mode(SslMode::Disable)).await, Ok(false));
    for mode in [SslMode::Prefer, SslMode::Require] {
        assert_eq!(is_encrypted(here().ssl_mode(mode)).await, Ok(true), "{mode:?}");
    }
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        for host in ["127.0.0.1", "localhost"] {
            let postgres = at(host).ssl_mode(mode).ssl_root_cert(&authority);
            assert_eq!(is_encrypted(postgres).await, Ok(true), "{mode:?} {host}");
        }
    }
    // The system does not know the authority.
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let (fault, says) = is_encrypted(here().ssl_mode(mode)).await.unwrap_err();
        assert_eq!(fault, Fault::Permanent, "{says}");
        assert!(says.contains("TLS") || says.contains("root certificates"), "{says}");
    }
    let nowhere = here().ssl_mode(SslMode::VerifyFull).ssl_root_cert("/no/such.pem");
    let (fault, says) = is_encrypted(nowhere).await.unwrap_err();
    assert!(
        fault == Fault::Permanent && says.contains("\"/no/such.pem\" does not exist"),
        "{says}"
    );
    // A login that is bound to the certificate.
    let url = format!("{}?sslmode=require&channel_binding=require", server.url());
    assert_eq!(is_encrypted(Postgres::from_url(&url).unwrap()).await, Ok(true));
}

// S
#[tokio::test]
async fn another_name_is_refused_by_verify_full_only() {
    let server = Arc::new(blocking(|| Settings::new().tls(Tls::Offered).start()).await.unwrap());
    let authority = server.authority().unwrap();
    // The name says nothing of where: the address is given beside it.
    let url = server.url().replace("127.0.0.1", "db.example");
    let url = format!("{url}?hostaddr=127.0.0.1&sslrootcert={}", authority.display());
    let mode = |mode: &str| Postgres::from_url(&format!("{url}&sslmode={mode}")).unwrap();
    assert_eq!(is_encrypted(mode("verify-ca")).await, Ok(true));
    let (fault, says) = is_encrypted(mode("verify-full")).await.unwrap_err();
    assert!(fault == Fault::Permanent && says.contains("db.example"), "{says}");
}

// S
#[tokio::test]
async fn a_server_without_tls_is_taken_where_it_may_be() {
    let server = server().await;
    let here = || Postgres::from_url(&server.url()).unwrap();
    assert_eq!(is_encrypted(here()).await, Ok(false));
    let (fault, says) = is_encrypted(here().ssl_mode(SslMode::Require)).await.unwrap_err();
    assert!(fault == Fault::Permanent && says.contains("does not support TLS"), "{says}");
}

// S, P-16
#[tokio::test]
async fn what_is_abandoned_is_stopped_over_tls_too() {
    let server = Arc::new(blocking(|| Settings::new().tls(Tls::Required).start()).await.unwrap());
    let pool = pool(&server).max_size(1).build_ready().await.unwrap();
    let conn = pool.acquire().await.unwrap();
    let slow = conn.query_one("SELECT pg_sleep(60)::text", &[]);
    assert!(tokio::time::timeout(Duration::from_millis(100), slow).await.is_err());
    drop(conn);
    let conn = tokio::time::timeout(Duration::from_secs(5), pool.acquire()).await.unwrap().unwrap();
    conn.query_one("SELECT 1", &[]).await.unwrap();
    assert_eq!(pool.stats().counts.connected, 1);
    drop(conn);
    assert!(pool.close(Duration::from_secs(5)).await.is_clean());
    assert_eq!(super::counted(&server).await, 0);
}
