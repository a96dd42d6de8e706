//! What a server is to its cluster (C-11).

use std::sync::Arc;
use std::time::Duration;

use cenote::{Epoch, Manager, Node, Probe, Role};
use cenote_postgres::{Postgres, Reset};
use cenote_testkit::servers::postgres::Server;

use super::{blocking, postgres, server, sql, until};

async fn standby_of(server: &Arc<Server>) -> Arc<Server> {
    let primary = Arc::clone(server);
    Arc::new(blocking(move || primary.standby()).await.unwrap())
}

// C-11
#[tokio::test]
async fn roles_timelines_and_lag_are_found_and_a_promotion_is_told() {
    let primary = server().await;
    let standby = standby_of(&primary).await;
    let system = sql(&primary, "SELECT system_identifier FROM pg_control_system()").await;
    let first = Postgres::to(&Node::new("first", primary.url())).unwrap();
    let second = Postgres::to(&Node::new("second", standby.url())).unwrap();
    let mut to_first = first.connect().await.unwrap();
    let mut to_second = second.connect().await.unwrap();
    assert_eq!(first.told(&to_first), Some(Role::Primary));
    assert_eq!(second.told(&to_second), Some(Role::Replica));

    let probed = first.probe(&mut to_first).await.unwrap();
    assert_eq!((probed.role, probed.lag), (Role::Primary, None));
    assert_eq!(probed.epoch, Some(Epoch::new(&system, 1)));
    let probed = second.probe(&mut to_second).await.unwrap();
    assert_eq!((probed.role, &probed.epoch), (Role::Replica, &Some(Epoch::new(&system, 1))));
    // It has replayed all that it received, however long ago the last transaction was.
    until("caught up", || async {
        let mut conn = second.connect().await.unwrap();
        second.probe(&mut conn).await.unwrap().lag == Some(Duration::ZERO)
    })
    .await;

    // Behind: it receives and does not replay.
    sql(&primary, "CREATE TABLE item (id int)").await;
    sql(&standby, "SELECT pg_wal_replay_pause()").await;
    sql(&primary, "INSERT INTO item VALUES (1)").await;
    until("behind", || async {
        let mut conn = second.connect().await.unwrap();
        second.probe(&mut conn).await.unwrap().lag > Some(Duration::from_millis(100))
    })
    .await;
    sql(&standby, "SELECT pg_wal_replay_resume()").await;

    // Promoted: told with the next answer of any kind, such as a test's, and one timeline on at once, before any checkpoint.
    primary.kill();
    let promoted = Arc::clone(&standby);
    blocking(move || promoted.promote()).await.unwrap();
    assert_eq!(second.told(&to_second), Some(Role::Replica), "nothing was asked yet");
    second.check(&mut to_second).await.unwrap();
    assert_eq!(second.told(&to_second), Some(Role::Primary));
    let probed = second.probe(&mut to_second).await.unwrap();
    assert_eq!((probed.role, probed.lag), (Role::Primary, None));
    assert_eq!(probed.epoch, Some(Epoch::new(&system, 2)));
}

// C-11
#[tokio::test]
async fn anybody_may_ask() {
    let primary = server().await;
    sql(&primary, "CREATE ROLE app LOGIN PASSWORD 'secret'").await;
    let standby = standby_of(&primary).await;
    for (server, role) in [(&primary, Role::Primary), (&standby, Role::Replica)] {
        let app = Postgres::from_url(&server.url_for("app", "secret", "postgres")).unwrap();
        let mut conn = app.connect().await.unwrap();
        let probed = app.probe(&mut conn).await.unwrap();
        assert_eq!((probed.role, probed.epoch.map(|epoch| epoch.number())), (role, Some(1)));
    }
    // What may not be asked is left out.
    sql(
        &primary,
        "REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() FROM PUBLIC",
    )
    .await;
    let app = Postgres::from_url(&primary.url_for("app", "secret", "postgres")).unwrap();
    let mut conn = app.connect().await.unwrap();
    let probed = app.probe(&mut conn).await.unwrap();
    assert_eq!((probed.role, probed.epoch), (Role::Primary, None));
}

// P-16
#[tokio::test]
async fn a_standbys_connections_are_reset_too() {
    let primary = server().await;
    let standby = standby_of(&primary).await;
    for reset in [Reset::Rollback, Reset::DiscardAll] {
        let pool = cenote::Pool::builder(postgres(&standby).reset(reset)).max_size(1);
        let pool = pool.build_ready().await.unwrap();
        let conn = pool.acquire().await.unwrap();
        conn.batch_execute("SET work_mem = '5MB'; BEGIN; SELECT 1").await.unwrap();
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        assert!(!conn.in_transaction());
        // A write is refused as a matter of the role.
        let error = conn.batch_execute("CREATE TABLE t ()").await.unwrap_err();
        assert_eq!(error.fault(), cenote::Fault::Role, "{error}");
        assert!(error.to_string().contains("write to the primary"), "{error}");
        drop(conn);
        assert_eq!(pool.stats().counts.connected, 1, "{reset:?}");
    }
}
