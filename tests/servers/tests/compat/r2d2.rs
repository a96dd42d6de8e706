//! Managers of r2d2's: r2d2_postgres's, whose client runs a runtime of its own and so must never be called on one.

use std::time::Duration;

use cenote::blocking::{self, Offload};
use cenote::{Error, Pool};
use cenote_compat::R2d2;
use r2d2_postgres::PostgresConnectionManager;
use r2d2_postgres::postgres::{Config, NoTls};

use super::{blocking as run_blocking, counted, kill, server, until};

fn manager(url: &str, name: &str) -> R2d2<PostgresConnectionManager<NoTls>> {
    let mut config: Config = url.parse().unwrap();
    config.application_name(name);
    R2d2::new(PostgresConnectionManager::new(config, NoTls))
}

// P-25, P-1, P-14
#[tokio::test]
async fn on_threads_it_lends_its_client() {
    let server = server().await;
    let url = server.url();
    let worked = move || {
        let pool = blocking::Pool::builder(manager(&url, "r2d2")).max_size(2).build().unwrap();
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let pool = pool.clone();
                std::thread::spawn(move || {
                    let mut client = pool.acquire().unwrap();
                    let row = client.query_one("SELECT $1::int + 1", &[&n]).unwrap();
                    assert_eq!(row.get::<_, i32>(0), n + 1);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let error = pool.with(|client| Ok(client.query("SELECT 1 / 0", &[])?)).map(drop);
        let Error::Run(error) = error.unwrap_err() else { panic!("the request's error") };
        assert_eq!(error.inner().unwrap().code().unwrap().code(), "22012");
        assert!(pool.status().size <= 2);
        pool.close(Duration::from_secs(5));
    };
    run_blocking(worked).await;
    until("gone", || async { counted(&server, "r2d2").await == 0 }).await;
}

// P-25, P-15
#[tokio::test]
async fn in_async_code_its_client_runs_on_threads_of_its_own() {
    let server = server().await;
    let offload = Offload::new(manager(&server.url(), "r2d2"));
    let pool = Pool::builder(offload).max_size(2).build().unwrap();
    for n in 0..4 {
        let mut conn = pool.acquire().await.unwrap();
        let row = conn.call(move |client| client.query_one("SELECT $1::int + 1", &[&n])).await;
        assert_eq!(row.unwrap().get::<_, i32>(0), n + 1);
    }
    // One that its server has closed: `has_broken` says so when it comes back.
    let mut conn = pool.acquire().await.unwrap();
    kill(&server, "r2d2").await;
    assert!(conn.call(|client| client.query("SELECT 1", &[]).map(drop)).await.is_err());
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    assert!(conn.call(|client| client.query("SELECT 1", &[]).map(drop)).await.is_ok());
    drop(conn);
    pool.close(Duration::from_secs(5)).await;
    until("gone", || async { counted(&server, "r2d2").await == 0 }).await;
}
