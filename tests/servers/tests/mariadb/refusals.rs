//! A server that does not let us in: each case has its class and its sentence, comes before the deadline, and shows
//! no password.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Pool};
use cenote_mysql::{Credentials, Mysql};
use cenote_server_tests::refusals::{SECRET, left_at_the_deadline, refused};
use cenote_testkit::proxy::{Direction, Proxy, Toxic};
use cenote_testkit::servers::mariadb::{Server, Settings};

use super::{blocking, make_app, mysql, server, sql, until};

fn as_app(server: &Server, database: &str) -> Mysql {
    Mysql::from_url(&server.url_for("app", SECRET, database)).unwrap()
}

// P-14, S
#[tokio::test]
async fn what_the_server_refuses_for_good_is_told_at_once() {
    let server = server().await;
    make_app(&server, "another").await;
    let (fault, says) = refused(as_app(&server, "cenote")).await;
    assert_eq!(fault, Fault::Permanent);
    let place = format!("MySQL at {}/cenote as app: ", server.address());
    assert!(says.contains(&place), "{says}");
    assert!(says.contains("(1045): correct the user or the password"), "{says}");
    // However it came, and without any.
    let given = mysql(&server)
        .credentials(async || Ok::<_, std::io::Error>(Credentials::new("app", SECRET)));
    let (fault, says) = refused(given).await;
    assert!(fault == Fault::Permanent && says.contains(" as app: "), "{says}");
    let none = Mysql::from_url(&format!("mysql://app@{}/cenote", server.address())).unwrap();
    let (fault, says) = refused(none).await;
    assert!(fault == Fault::Permanent && says.contains("(1045)"), "{says}");

    sql(
        &server,
        format!("SET PASSWORD FOR app = PASSWORD('{SECRET}'); GRANT ALL ON mine.* TO app"),
    )
    .await;
    let (fault, says) = refused(as_app(&server, "mine")).await;
    assert!(fault == Fault::Permanent && says.contains("(1049): create the database"), "{says}");
    let (fault, says) = refused(as_app(&server, "mysql")).await;
    assert!(fault == Fault::Permanent && says.contains("(1044): grant the user"), "{says}");
    let (fault, says) = refused(mysql(&server).setting("no_such", "1")).await;
    assert!(fault == Fault::Permanent && says.contains("no_such"), "{says}");
    sql(&server, "ALTER USER app ACCOUNT LOCK").await;
    let (fault, _) = refused(as_app(&server, "cenote")).await;
    assert_eq!(fault, Fault::Permanent);
}

// P-14, S
#[tokio::test]
async fn what_may_come_back_is_tried_until_the_deadline() {
    let server = server().await;
    make_app(&server, SECRET).await;
    let proxy = Proxy::start(server.address()).await.unwrap();
    let through = format!("mysql://app:{SECRET}@{}/cenote", proxy.address());
    let through = Mysql::from_url(&through).unwrap();
    // Somebody swallows what is sent.
    proxy.add(Direction::Downstream, Toxic::Timeout { after: None });
    left_at_the_deadline(through.clone()).await;
    proxy.clear();
    // Somebody hangs up.
    proxy.add(Direction::Downstream, Toxic::LimitData { bytes: 20 });
    let (fault, says) = refused(through).await;
    assert!(fault == Fault::Connection && says.contains("hung up"), "{says}");
    // Nobody listens.
    let app = as_app(&server, "cenote");
    let stopped = Arc::clone(&server);
    blocking(move || stopped.kill()).await;
    let (fault, says) = refused(app).await;
    assert!(fault == Fault::Host && says.contains("nothing listens there"), "{says}");
    // Nobody has that name.
    let (fault, says) = refused(Mysql::host("nowhere.invalid").unwrap().password(SECRET)).await;
    assert!(fault == Fault::Host && says.contains("name is not known"), "{says}");
}

// P-14, P-22, C-8
#[tokio::test]
async fn too_many_connections_are_a_matter_of_size() {
    let server = blocking(|| Settings::new().max_connections(10).start()).await.unwrap();
    let server = Arc::new(server);
    make_app(&server, SECRET).await;
    let others = Pool::builder(as_app(&server, "cenote")).max_size(10).min_size(10);
    let others = others.build_ready().await.unwrap();
    let (fault, says) = refused(as_app(&server, "cenote")).await;
    assert_eq!(fault, Fault::Overload);
    assert!(says.contains("(1040): lower max_size"), "{says}");
    others.close(Duration::from_secs(5)).await;
    // As many as there may be are enough for all.
    sql(&server, "ALTER USER app WITH MAX_USER_CONNECTIONS 3").await;
    let pool = Pool::builder(as_app(&server, "cenote")).max_size(8).build().unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut conn = pool.acquire().await.unwrap();
                conn.query_drop("DO SLEEP(0.005)").await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(pool.stats().counts.connect_failures.overload > 0);
    let (fault, says) = {
        let held = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
        let third = pool.acquire().await.unwrap();
        let refused = refused(as_app(&server, "cenote")).await;
        drop((held, third));
        refused
    };
    assert!(fault == Fault::Overload && says.contains("raise the user's limit"), "{says}");
    // And it is no death: it goes on by itself.
    sql(&server, "ALTER USER app WITH MAX_USER_CONNECTIONS 0").await;
    until("well", || async { pool.acquire().await.is_ok() }).await;
}
