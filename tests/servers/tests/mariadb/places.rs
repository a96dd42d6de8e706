//! What a server is to its cluster (C-11).

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Manager, Node, Probe, Role};
use cenote_mysql::Mysql;
use cenote_testkit::servers::mariadb::Server;

use super::{blocking, make_app, server, sql, until};

fn as_app(server: &Server) -> Mysql {
    Mysql::to(&Node::new("any", server.url_for("app", "secret", "cenote"))).unwrap()
}

// C-11, C-12, C-13
#[tokio::test]
async fn roles_and_lag_are_found_and_a_write_on_a_replica_is_a_matter_of_its_role() {
    let primary = server().await;
    make_app(&primary, "secret").await;
    let follows = Arc::clone(&primary);
    let replica = Arc::new(blocking(move || follows.replica()).await.unwrap());
    let (first, second) = (as_app(&primary), as_app(&replica));
    let mut to_first = first.connect().await.unwrap();
    let mut to_second = second.connect().await.unwrap();
    let probed = first.probe(&mut to_first).await.unwrap();
    assert_eq!((probed.role, probed.epoch, probed.lag), (Role::Primary, None, None));
    // How far it is behind not everybody may ask; what it is, anybody.
    let probed = second.probe(&mut to_second).await.unwrap();
    assert_eq!((probed.role, probed.epoch, probed.lag), (Role::Replica, None, None));
    second.check(&mut to_second).await.unwrap();
    sql(&primary, "GRANT REPLICA MONITOR ON *.* TO app; CREATE TABLE item (id int)").await;
    let up = async || {
        let (replica, primary) = (Arc::clone(&replica), Arc::clone(&primary));
        blocking(move || replica.catch_up(&primary)).await.unwrap();
    };
    up().await;
    let mut to_second = second.connect().await.unwrap();
    let probed = second.probe(&mut to_second).await.unwrap();
    assert_eq!((probed.role, probed.lag), (Role::Replica, Some(Duration::ZERO)));

    // A write is refused, and that says what the server is.
    let error = to_second.query_drop("INSERT INTO item VALUES (1)").await.unwrap_err();
    assert_eq!((error.fault(), error.code()), (Fault::Role, Some(1290)), "{error}");
    assert!(error.to_string().ends_with("write to the primary"), "{error}");

    // Behind: it does not apply what it receives. It does not know how far, but ages.
    sql(&replica, "STOP SLAVE SQL_THREAD").await;
    let lag = async || {
        let mut conn = second.connect().await.unwrap();
        second.probe(&mut conn).await.unwrap().lag
    };
    until("behind", || async { lag().await > Some(Duration::from_millis(100)) }).await;
    sql(&primary, "INSERT INTO item VALUES (2)").await;
    sql(&replica, "START SLAVE SQL_THREAD").await;
    up().await;
    assert_eq!(lag().await, Some(Duration::ZERO));

    // Promoted.
    primary.kill();
    let promoted = Arc::clone(&replica);
    blocking(move || promoted.promote()).await.unwrap();
    let probed = second.probe(&mut to_second).await.unwrap();
    assert_eq!((probed.role, probed.lag), (Role::Primary, None));
    to_second.query_drop("INSERT INTO item VALUES (3)").await.unwrap();
}
