//! Standbys stream, follow a primary that comes back, and take its place.

use cenote_testkit::servers::postgres::{Server, Settings};

use crate::{said, until};

#[test]
fn a_standby_has_what_its_primary_has_and_takes_no_writes() {
    let primary = Settings::new().max_connections(20).start().unwrap();
    primary.run_sql("CREATE TABLE item AS SELECT 1 AS id").unwrap();
    let standby = primary.standby().unwrap();
    assert_eq!(standby.run_sql("SELECT pg_is_in_recovery(), id FROM item").unwrap(), "t|1");
    primary.run_sql("INSERT INTO item VALUES (2)").unwrap();
    standby.catch_up(&primary).unwrap();
    assert_eq!(standby.run_sql("SELECT sum(id) FROM item").unwrap(), "3");
    assert!(said(standby.run_sql("INSERT INTO item VALUES (3)")).contains("read-only transaction"));
    assert_eq!(standby.run_sql("SHOW max_connections").unwrap(), "20");
    assert_ne!(standby.port(), primary.port());
}

#[test]
fn a_standby_follows_a_primary_that_comes_back() {
    let primary = Server::start().unwrap();
    let standby = primary.standby().unwrap();
    primary.kill();
    assert_eq!(standby.run_sql("SELECT pg_is_in_recovery()").unwrap(), "t");
    primary.start_again().unwrap();
    primary.run_sql("CREATE TABLE item AS SELECT 1 AS id").unwrap();
    until("the table arrives", || standby.run_sql("SELECT id FROM item").is_ok_and(|id| id == "1"));
}

#[test]
fn a_promoted_standby_is_a_primary_of_a_later_timeline() {
    let primary = Server::start().unwrap();
    primary.run_sql("CREATE TABLE item AS SELECT 1 AS id").unwrap();
    let standby = primary.standby().unwrap();
    primary.kill();
    standby.promote().unwrap();
    standby.run_sql("INSERT INTO item VALUES (2)").unwrap();
    let timeline = "SELECT pg_walfile_name(pg_current_wal_lsn())";
    assert!(standby.run_sql(timeline).unwrap().starts_with("00000002"));
    // It stays one, and has standbys of its own.
    standby.restart().unwrap();
    let second = standby.standby().unwrap();
    assert_eq!(second.run_sql("SELECT sum(id) FROM item").unwrap(), "3");
    assert!(said(standby.promote()).contains("recovery is not in progress"));
}

#[test]
fn a_primary_that_does_not_run_gets_no_standby() {
    let primary = Server::start().unwrap();
    primary.kill();
    assert_eq!(
        said(primary.standby()),
        "postgres does not run at the moment: start it again first"
    );
}

#[test]
fn after_a_failover_the_others_follow_the_new_primary() {
    let old = Server::start().unwrap();
    old.run_sql("CREATE TABLE item AS SELECT 1 AS id").unwrap();
    let (new, other) = (old.standby().unwrap(), old.standby().unwrap());
    old.kill();
    new.promote().unwrap();
    other.follow(&new).unwrap();
    let port = old.port();
    // It does not run; and once it has been a primary again, on its own timeline, what only it has is lost.
    old.start_again().unwrap();
    old.run_sql("INSERT INTO item VALUES (100)").unwrap();
    old.follow(&new).unwrap();
    assert_eq!(old.port(), port);
    new.run_sql("INSERT INTO item VALUES (2)").unwrap();
    for standby in [&other, &old] {
        standby.catch_up(&new).unwrap();
        assert_eq!(
            standby.run_sql("SELECT pg_is_in_recovery(), sum(id) FROM item GROUP BY 1").unwrap(),
            "t|3"
        );
    }
    // And back.
    new.kill();
    old.promote().unwrap();
    new.follow(&old).unwrap();
    old.kill();
    new.kill();
    assert!(said(new.follow(&old)).contains("does not run at the moment"));
}
