//! A server that does not let us in: each case has its class and its sentence, comes before the deadline, and shows
//! no password.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Pool};
use cenote_redis::redis::{AsyncCommands, cmd};
use cenote_redis::{Credentials, Redis, RedisError};
use cenote_server_tests::refusals::{SECRET, left_at_the_deadline, refused};
use cenote_testkit::servers::redis::{Server, Settings};

use super::{blocking, pool, redis, run, server, until};

fn as_app(server: &Server, database: u32) -> Redis {
    Redis::from_url(&server.url_for("app", SECRET, database)).unwrap()
}

// P-14, S
#[tokio::test]
async fn a_wrong_password_is_told_at_once() {
    let server = server().await;
    run(&server, "ACL SETUSER app on >another ~* +@all").await;
    let (fault, says) = refused(as_app(&server, 0)).await;
    assert_eq!(fault, Fault::Permanent);
    let place = format!("Redis at {}/0 as app: ", server.address());
    assert!(
        says.contains(&place) && says.contains("(WRONGPASS): correct the user or the password"),
        "{says}"
    );
    let none = Redis::from_url(&format!("redis://{}", server.address())).unwrap();
    let (fault, says) = refused(none).await;
    assert!(fault == Fault::Permanent && says.contains("asks for a password: set one"), "{says}");
    // However it came.
    let given = redis(&server)
        .credentials(async || Ok::<_, std::io::Error>(Credentials::new("app", SECRET)));
    let (fault, says) = refused(given).await;
    assert!(fault == Fault::Permanent && says.contains(" as app: "), "{says}");
}

// P-14, S
#[tokio::test]
async fn what_the_server_has_not_or_does_not_allow_is_told_at_once() {
    let server = server().await;
    run(&server, &format!("ACL SETUSER app on >{SECRET} ~* +@all -select")[..]).await;
    let (fault, says) = refused(redis(&server).database(99)).await;
    assert_eq!(fault, Fault::Permanent);
    assert!(says.contains("out of range (ERR): correct the database"), "{says}");
    let (fault, says) = refused(as_app(&server, 3)).await;
    assert_eq!(fault, Fault::Permanent);
    assert!(says.contains("(NOPERM): give the user the right to it"), "{says}");
    // Who may do less than ask whether the server lives is let in.
    run(&server, "ACL SETUSER app -ping").await;
    let pool = Pool::builder(as_app(&server, 0)).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.get::<_, Option<u32>>("k").await.unwrap(), None);
    // No password where none is wanted.
    run(&server, "CONFIG SET requirepass ").await;
    let here = Redis::host("127.0.0.1").unwrap().port(server.port());
    let (fault, says) = refused(here.password(SECRET)).await;
    assert!(fault == Fault::Permanent && says.contains("leave the password out"), "{says}");
}

// P-14, S
#[tokio::test]
async fn a_refused_port_is_tried_until_the_deadline() {
    let server = server().await;
    let redis = as_app(&server, 0);
    let stopped = Arc::clone(&server);
    blocking(move || stopped.kill()).await;
    let (fault, says) = refused(redis).await;
    assert_eq!(fault, Fault::Host);
    assert!(says.contains("nothing listens there: start the server"), "{says}");
    let (fault, says) = refused(Redis::host("/no/such.sock").unwrap()).await;
    assert!(fault == Fault::Host && says.contains("there is no such socket"), "{says}");
}

// P-14, S
#[tokio::test]
async fn a_host_without_an_address_and_a_stranger_are_named() {
    let (fault, says) = refused(Redis::host("no.such.host.invalid").unwrap()).await;
    assert!(fault == Fault::Host && says.contains("no.such.host.invalid"), "{says}");
    // Somebody who listens and hangs up, and one who speaks another language.
    for answer in [&b""[..], b"220 mail.example ESMTP\r\n"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stranger = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
            }
        });
        let redis = Redis::host("127.0.0.1").unwrap().port(port).password(SECRET);
        let (fault, says) = refused(redis).await;
        assert!(fault == Fault::Connection && says.contains("Redis server"), "{says}");
        stranger.abort();
    }
}

// P-3, S
#[tokio::test]
async fn a_black_hole_is_left_at_the_deadline() {
    let server = server().await;
    let redis = as_app(&server, 0);
    // It takes connections and answers nothing.
    server.freeze();
    left_at_the_deadline(redis).await;
    server.thaw();
}

// P-14, P-22
#[tokio::test]
async fn too_many_clients_are_a_question_of_size() {
    let server = Arc::new(blocking(|| Settings::new().max_clients(4).start()).await.unwrap());
    // Somebody else has all that there are.
    let other = Pool::builder(redis(&server).client_name("other")).max_size(4).build().unwrap();
    let all = other.acquire_many(4).await.unwrap();
    let (fault, says) = refused(redis(&server)).await;
    assert_eq!(fault, Fault::Overload);
    assert!(says.contains("max number of clients reached (ERR): lower max_size"), "{says}");
    // The server is not taken to be down, and a caller who waits is served when there is room.
    let pool = pool(&server).build().unwrap();
    let waiting = pool.clone();
    let waits = tokio::spawn(async move { waiting.acquire().await.map(drop) });
    let refusals = || pool.stats().counts.connect_failures;
    until("refused", || async { refusals().overload > 0 }).await;
    let refused = refusals();
    assert_eq!(refused.total(), refused.overload, "each says why");
    drop(all);
    other.close(Duration::from_secs(5)).await;
    waits.await.unwrap().unwrap();
}

// P-14
#[tokio::test]
async fn errors_of_commands_have_their_class() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    // Sent away from where one waits.
    let mut conn = pool.acquire().await.unwrap();
    let id: u64 = cmd("CLIENT").arg("ID").query_async(&mut *conn).await.unwrap();
    let waits = conn.blpop::<_, (String, String)>("none", 0.0);
    let sent_away = async {
        until("it waits", || async {
            run(&server, &format!("CLIENT UNBLOCK {id} ERROR")[..]).await == "1"
        })
        .await;
    };
    let (error, ()) = tokio::join!(waits, sent_away);
    let error = RedisError::from(error.unwrap_err());
    assert_eq!(
        (error.code().as_deref(), error.fault()),
        (Some("UNBLOCKED"), Fault::Timeout),
        "{error}"
    );
    // A user who may not.
    run(&server, &format!("ACL SETUSER app on >{SECRET} ~mine* +@all -flushall")[..]).await;
    let app = Pool::builder(as_app(&server, 0)).build().unwrap();
    let mut conn = app.acquire().await.unwrap();
    for bad in [cmd("FLUSHALL"), cmd("GET").arg("yours").to_owned()] {
        let error = RedisError::from(bad.exec_async(&mut *conn).await.unwrap_err());
        assert_eq!(
            (error.code().as_deref(), error.fault()),
            (Some("NOPERM"), Fault::Query),
            "{error}"
        );
    }
    // A user who is deleted loses its connections.
    run(&server, "ACL DELUSER app").await;
    let error = loop {
        if let Err(error) = cmd("GET").arg("mine").exec_async(&mut *conn).await {
            break RedisError::from(error);
        }
    };
    assert_eq!(error.fault(), Fault::Connection, "{error}");
}
