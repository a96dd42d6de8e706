//! A server that does not let us in: each case has its class and its sentence, comes before the deadline, and shows
//! no password.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Pool};
use cenote_postgres::{Credentials, Postgres, PostgresError};
use cenote_server_tests::refusals::{SECRET, left_at_the_deadline, refused};
use cenote_testkit::servers::postgres::{Server, Settings};

use super::{blocking, pool, postgres, server, sql};

fn as_app(server: &Server, database: &str) -> Postgres {
    Postgres::from_url(&server.url_for("app", SECRET, database)).unwrap()
}

// P-14, S
#[tokio::test]
async fn a_wrong_password_is_told_at_once() {
    let server = server().await;
    sql(&server, "CREATE ROLE app LOGIN PASSWORD 'another'").await;
    let (fault, says) = refused(as_app(&server, "postgres")).await;
    assert_eq!(fault, Fault::Permanent);
    let place = format!("PostgreSQL at {}/postgres as app: ", server.address());
    assert!(
        says.contains(&place) && says.contains("(28P01): correct the user or the password"),
        "{says}"
    );
    let none = Postgres::from_url(&format!("postgres://app@{}/postgres", server.address()));
    let (fault, says) = refused(none.unwrap()).await;
    assert!(fault == Fault::Permanent && says.contains("asks for a password"), "{says}");
    // However it came.
    let given = postgres(&server)
        .credentials(async || Ok::<_, std::io::Error>(Credentials::new("app", SECRET)));
    let (fault, says) = refused(given).await;
    assert!(fault == Fault::Permanent && says.contains(" as app: "), "{says}");
    let env = |name: &str| {
        let value = match name {
            "PGHOST" => "127.0.0.1".to_owned(),
            "PGPORT" => server.port().to_string(),
            "PGUSER" => "app".to_owned(),
            "PGPASSWORD" => SECRET.to_owned(),
            _ => return Ok(None),
        };
        Ok(Some(value))
    };
    let (fault, _) = refused(Postgres::from_variables(env).unwrap()).await;
    assert_eq!(fault, Fault::Permanent);
}

// P-14, S
#[tokio::test]
async fn an_unknown_database_is_told_at_once() {
    let server = server().await;
    sql(&server, format!("CREATE ROLE app LOGIN PASSWORD '{SECRET}'")).await;
    let (fault, says) = refused(as_app(&server, "nowhere")).await;
    assert_eq!(fault, Fault::Permanent);
    assert!(says.contains("\"nowhere\" does not exist (3D000): create the database"), "{says}");
}

// P-14, S
#[tokio::test]
async fn a_setting_that_the_server_refuses_is_told_at_once() {
    let server = server().await;
    let (fault, says) = refused(postgres(&server).setting("no_such", "1")).await;
    assert_eq!(fault, Fault::Permanent);
    assert!(says.contains("no_such"), "{says}");
    let well = postgres(&server).setting("shop.note", "a b, \\c").setting("work_mem", "5MB");
    let pool = Pool::builder(well).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    let row = conn
        .query_one("SELECT current_setting('shop.note'), current_setting('work_mem')", &[])
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1)), ("a b, \\c", "5MB"));
}

// P-14, S
#[tokio::test]
async fn a_refused_port_is_tried_until_the_deadline() {
    let server = server().await;
    let postgres = as_app(&server, "postgres");
    let stopped = Arc::clone(&server);
    blocking(move || stopped.kill()).await;
    let (fault, says) = refused(postgres).await;
    assert_eq!(fault, Fault::Host);
    assert!(says.contains("nothing listens there: start the server"), "{says}");
}

// P-14, S
#[tokio::test]
async fn a_host_without_an_address_and_a_stranger_are_named() {
    let (fault, says) = refused(Postgres::host("no.such.host.invalid").unwrap()).await;
    assert!(fault == Fault::Host && says.contains("no.such.host.invalid"), "{says}");
    // Somebody who listens and is no PostgreSQL.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stranger = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let postgres = Postgres::host("127.0.0.1").unwrap().port(port).password(SECRET);
    let (fault, says) = refused(postgres).await;
    assert!(fault == Fault::Connection && says.contains("is no PostgreSQL server"), "{says}");
    stranger.abort();
}

// P-3, S
#[tokio::test]
async fn a_black_hole_is_left_at_the_deadline() {
    let server = server().await;
    let postgres = as_app(&server, "postgres");
    // It takes connections and answers nothing.
    server.freeze();
    left_at_the_deadline(postgres.clone()).await;
    // And by its own, for the next host.
    let limit = Duration::from_millis(300);
    let (fault, says) = refused(postgres.connect_timeout(limit)).await;
    assert!(fault == Fault::Timeout && says.contains("no answer within 300ms"), "{says}");
    server.thaw();
}

// P-14, P-22
#[tokio::test]
async fn too_many_clients_are_a_question_of_size() {
    let server = blocking(|| Settings::new().max_connections(10).start()).await.unwrap();
    let server = Arc::new(server);
    let sql_ = format!("CREATE ROLE app LOGIN PASSWORD '{SECRET}'");
    sql(&server, sql_).await;
    // Somebody else has all that there is for clients without privileges.
    let other = Pool::builder(as_app(&server, "postgres")).max_size(7).build().unwrap();
    let all = other.acquire_many(7).await.unwrap();
    let (fault, says) = refused(as_app(&server, "postgres")).await;
    assert_eq!(fault, Fault::Overload);
    assert!(says.contains("(53300): lower max_size"), "{says}");
    // The server is not taken to be down, and a caller who waits is served when there is room.
    let pool = Pool::builder(as_app(&server, "postgres")).build().unwrap();
    let waiting = pool.clone();
    let waits = tokio::spawn(async move { waiting.acquire().await.map(drop) });
    let refusals = || pool.stats().counts.connect_failures.overload;
    super::until("refused", || async { refusals() > 0 }).await;
    drop(all);
    other.close(Duration::from_secs(5)).await;
    waits.await.unwrap().unwrap();
}

// P-14
#[tokio::test]
async fn the_next_host_is_tried() {
    let (one, other) = (server().await, server().await);
    let password = other.password();
    let (port, dead) = (other.port(), one.port());
    one.kill();
    let url = format!("postgres://postgres:{password}@127.0.0.1:{dead},127.0.0.1:{port}/postgres");
    let pool = Pool::builder(Postgres::from_url(&url).unwrap()).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    assert!(conn.place().contains(&format!(":{port}/")), "{}", conn.place());
    // And the one that suits.
    let url = format!("{url}?target_session_attrs=read-only");
    let (fault, says) = refused(Postgres::from_url(&url).unwrap()).await;
    assert!(fault == Fault::Role && says.contains("wants read-only"), "{says}");
}

// P-14
#[tokio::test]
async fn errors_of_requests_have_their_class() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let classes = [
        ("SET transaction_read_only = on; CREATE TABLE t ()", Fault::Role),
        ("SET statement_timeout = 20; SELECT pg_sleep(9)", Fault::Timeout),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Fault::Host),
        ("SET idle_in_transaction_session_timeout = 20; BEGIN; SELECT 1", Fault::Connection),
    ];
    for (bad, class) in classes {
        let conn = pool.acquire().await.unwrap();
        let first = conn.batch_execute(bad).await;
        let error: PostgresError = match first {
            Err(error) => error,
            Ok(()) => {
                // It ends while it rests.
                super::until("ended", || async { conn.client().is_closed() }).await;
                conn.batch_execute("SELECT 1").await.unwrap_err()
            }
        };
        assert_eq!(error.fault(), class, "{error}");
        cenote::Pooled::discard(conn);
    }
}
