//! A registration outlives what happens to etcd, and ends with its value.

use std::time::Duration;

use cenote::Node;
use cenote_testkit::servers::etcd::Server;

use super::{Followed, etcd, put};
use crate::world::until;

fn value(server: &Server) -> String {
    server.run(&["get", "--print-value-only", "/n/a"]).unwrap()
}

// D-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_outlives_a_restart_and_the_loss_of_everything_and_ends_with_its_value() {
    let server = Server::start().unwrap();
    let node = Node::new("a", "10.0.0.1").weight(3).tag("ssd");
    let register = || etcd(&server).register("/n/", &node).ttl(Duration::from_secs(1));
    let registration = register().keep_alive().await.unwrap();
    let there = r#"{"key": "a", "address": "10.0.0.1", "weight": 3, "backup": 0, "tags": ["ssd"]}"#;
    assert_eq!(value(&server), there);
    put(&server, "b", 1);
    let followed = Followed::start(etcd(&server).nodes("/n/"), "a3 b1").await;
    let revision = server.revision().unwrap();

    server.kill();
    until("it is told", || registration.error().is_some()).await;
    let error = registration.error().unwrap();
    assert!(error.starts_with("/n/a may not be listed: no server of etcd answers: "), "{error}");
    server.start_again().unwrap();
    until("it is well again", || registration.error().is_none()).await;
    // The lease was on the disk: nothing had to be put there again.
    assert_eq!((value(&server).as_str(), server.revision().unwrap()), (there, revision));

    server.kill();
    server.forget().unwrap();
    server.start_again().unwrap();
    put(&server, "b", 1);
    until("it is there again", || value(&server) == there).await;
    followed.well().await;
    followed.until("a3 b1").await;

    // Somebody takes the lease away.
    let lease = server.run(&["lease", "list"]).unwrap().lines().last().unwrap().to_owned();
    server.run(&["lease", "revoke", &lease]).unwrap();
    until("it is there once more", || value(&server) == there).await;

    registration.revoke().await.unwrap();
    assert_eq!(value(&server), "");
    assert_eq!(server.run(&["lease", "list"]).unwrap(), "found 0 leases");
    followed.until("b1").await;
    drop(register().keep_alive().await.unwrap());
    until("it is gone", || value(&server).is_empty()).await;
    followed.end().await;
}

// D-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_dies_without_a_word_is_gone_when_its_lease_has_run_out() {
    let server = Server::start().unwrap();
    put(&server, "b", 1);
    // A runtime of its own, which ends with all that it does.
    let service = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ttl = Duration::from_secs(1);
    let registering = etcd(&server).register("/n/", &Node::new("a", "x")).ttl(ttl).keep_alive();
    let registration = service.spawn(registering).await.unwrap().unwrap();
    let followed = Followed::start(etcd(&server).nodes("/n/"), "a1 b1").await;
    service.shutdown_background();
    followed.until("b1").await;
    let error = registration.revoke().await.unwrap_err().to_string();
    assert!(error.starts_with("the runtime ended before the node was taken away"), "{error}");
    followed.end().await;
}

// D-1, D-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_services_are_listed_page_by_page_and_nobody_believes_that_all_are_gone() {
    const MANY: usize = 300;
    let server = Server::start().unwrap();
    let etcd = etcd(&server);
    let mut registering = tokio::task::JoinSet::new();
    for n in 0..MANY {
        let node = Node::new(format!("n{n:03}"), "x");
        registering.spawn(etcd.register("/n/", &node).keep_alive());
    }
    let registrations: Vec<_> =
        registering.join_all().await.into_iter().map(Result::unwrap).collect();
    let all: Vec<String> = (0..MANY).map(|n| format!("n{n:03}1")).collect();
    let followed = Followed::start(etcd.nodes("/n/"), &all.join(" ")).await;
    drop(registrations);
    followed.told("lists no node, which is taken for a mistake").await;
    assert!(followed.log().contains("takes away more than half of"), "{}", followed.log());
    assert!(followed.nodes().len() >= all.join(" ").len() / 2);
    followed.end().await;
}
