//! Real servers that register themselves in etcd, under load: they come, change and go, and nobody fails.

use std::time::Duration;

use cenote::Node;
use cenote_cluster::Cluster;
use cenote_postgres::Postgres;
use cenote_testkit::servers::etcd::Server as Etcd;
use cenote_testkit::servers::postgres::Server;

use super::etcd;
use crate::world::{Load, until};

const SOON: Duration = Duration::from_secs(2);

// D-1, D-2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_register_serve_within_two_seconds_and_who_goes_fails_nobody() {
    let (registry, a, b) =
        (Etcd::start().unwrap(), Server::start().unwrap(), Server::start().unwrap());
    let etcd = etcd(&registry);
    let register = |key: &str, server: &Server, weight| {
        let node = Node::new(key, server.url()).weight(weight);
        etcd.register("/shop/", &node).keep_alive()
    };
    let first = register("a", &a, 1).await.unwrap();
    let cluster = Cluster::builder(Postgres::to)
        .name("shop")
        .discover(etcd.nodes("/shop/"))
        .pool(|pool| pool.max_size(4).min_size(1))
        .build_ready()
        .await
        .unwrap();
    let load = Load::begin(&cluster);
    load.more(&["a"], 20).await;

    let second = register("b", &b, 1).await.unwrap();
    let took = until("the new server serves", || load.served_by("b") > 0).await;
    assert!(took < SOON, "it served after {took:?}");
    load.more(&["a", "b"], 20).await;

    // The same key by somebody else: its weight is changed, and no connection is closed.
    let closed = || cluster.pool("b").unwrap().stats().counts.closes.total();
    let before = closed();
    let third = register("b", &b, 5).await.unwrap();
    let weight =
        || cluster.nodes().iter().find(|node| node.key() == "b").unwrap().configured_weight();
    let took = until("the weight holds", || weight() == 5).await;
    assert!(took < SOON && closed() == before, "it held after {took:?}");
    // Whoever registered it first goes without taking it along.
    second.revoke().await.unwrap();
    load.more(&["b"], 20).await;

    first.revoke().await.unwrap();
    let took = until("it is gone", || cluster.nodes().len() == 1).await;
    assert!(took < SOON, "it went after {took:?}");
    load.more(&["b"], 50).await;
    assert_eq!(load.end().await, Vec::<String>::new(), "nobody failed in all this");
    cluster.close(Duration::from_secs(5)).await;
    third.revoke().await.unwrap();
}
