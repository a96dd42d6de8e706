//! The cases that mysqljs tests its PoolCluster with, by their names, through our face: what is kept, and what differs
//! on purpose.

mod common;

use std::sync::Arc;

use cenote::{Fault, Node};
use cenote_cluster::balance::{Balance, Ordered, RoundRobin, Uniform};
use cenote_cluster::{
    AllDown, BuildError, Cluster, ClusterBuilder, Condition, Error, HealthRules, RetryBudget, Route,
};
use cenote_testkit::Remote;
use common::{ClusterError, World, ms, node, secs, turns};

/// `canRetry: true`, `removeNodeErrorCount: 5`, `restoreNodeTimeout: 100`.
fn theirs(world: &World, names: &[&str]) -> ClusterBuilder<Remote> {
    world
        .plain(names)
        .health(HealthRules::pool_cluster(5, ms(100)))
        .when_all_down(AllDown::Fail)
        .acquire_timeout(secs(10))
}

/// `of(pattern, selector)`.
fn of(pattern: &str, selector: impl Balance) -> Route {
    Route::any().to(pattern).balance(Arc::new(selector))
}

async fn fails(cluster: &Cluster<Remote>, route: &Route) -> ClusterError {
    cluster.route(route.clone()).await.unwrap_err()
}

// C-1, C-18
#[test]
fn add_after_end() {
    let world = World::new(1);
    let cluster = theirs(&world, &["SLAVE1"]).build().unwrap();
    world.sim.run(async {
        cluster.close_now().await;
        assert!(matches!(cluster.add(Node::new("SLAVE2", "x")), Err(BuildError::Closed)));
        let error = cluster.route(Route::any()).await.unwrap_err();
        assert!(matches!(error, Error::Closed { .. }));
    });
}

// C-1
#[test]
fn add_same_id() {
    let world = World::new(1);
    let cluster = theirs(&world, &["SLAVE1"]).build().unwrap();
    let error = cluster.add(Node::new("SLAVE1", "elsewhere")).unwrap_err();
    assert!(error.to_string().contains("node \"SLAVE1\" is in the cluster already"), "{error}");
}

// C-3
#[test]
fn connection_rr_and_order_and_random() {
    let world = World::new(1);
    let cluster = theirs(&world, &["SLAVE1", "SLAVE2"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let rr = of("*", RoundRobin::new());
        let five = ["SLAVE1", "SLAVE2", "SLAVE1", "SLAVE2", "SLAVE1"];
        assert_eq!(turns(&cluster, &rr, 5).await, five);
        assert_eq!(turns(&cluster, &of("SLAVE*", Ordered), 3).await, ["SLAVE1"; 3]);
        let random = turns(&cluster, &of("*", Uniform), 50).await;
        assert!(random.contains(&"SLAVE1".into()) && random.contains(&"SLAVE2".into()));
        // Two namespaces have turns of their own.
        let other = of("*", RoundRobin::new());
        assert_eq!(turns(&cluster, &other, 1).await, ["SLAVE1"]);
        assert_eq!(turns(&cluster, &rr, 1).await, ["SLAVE2"]);
    });
}

// C-3
#[test]
fn connection_rr_error() {
    let world = World::new(1);
    world.host("SLAVE2").crash();
    let cluster = theirs(&world, &["SLAVE1", "SLAVE2"]).build().unwrap();
    world.sim.run(async {
        world.sleep(ms(10)).await;
        // One of two is down: every request is served, by the other.
        assert_eq!(turns(&cluster, &of("*", RoundRobin::new()), 6).await, ["SLAVE1"; 6]);
    });
}

// C-9
#[test]
fn connection_retry_and_no_retry() {
    for (budget, served) in [(RetryBudget::default(), true), (RetryBudget::NONE, false)] {
        let world = World::new(1);
        world.host("SLAVE1").crash();
        let cluster = theirs(&world, &["SLAVE1", "SLAVE2"]).retry_budget(budget).build().unwrap();
        world.sim.run(async {
            world.sleep(ms(10)).await;
            let result = cluster.route(of("*", Ordered)).await;
            match (served, result) {
                (true, Ok(conn)) => assert_eq!(node(&conn), "SLAVE2"),
                // Theirs loses the last error when retries run out; ours has what each answered.
                (false, Err(error)) => {
                    assert_eq!(error.answers().len(), 1);
                    assert!(error.to_string().contains("SLAVE1 answered"), "{error}");
                }
                (served, other) => panic!("{served} {other:?}"),
            }
        });
    }
}

// C-9, C-10
#[test]
fn connection_error_remove() {
    let world = World::new(1);
    world.host("SLAVE1").crash();
    let cluster = theirs(&world, &["SLAVE1", "SLAVE2"]).build().unwrap();
    world.sim.run(async {
        // Differs: five failed connects take it offline, and nothing removes it.
        world.sleep(secs(4)).await;
        assert_eq!(cluster.status().node("SLAVE1").unwrap().condition, Condition::Unreachable);
        assert_eq!(turns(&cluster, &of("*", Ordered), 3).await, ["SLAVE2"; 3]);
        assert_eq!(cluster.nodes().len(), 2);
        world.host("SLAVE1").start();
        world.sleep(ms(1_100)).await;
        assert_eq!(turns(&cluster, &of("*", Ordered), 1).await, ["SLAVE1"]);
    });
}

// C-2
#[test]
fn pattern() {
    let world = World::new(1);
    let cluster = theirs(&world, &["SLAVE1"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let none = fails(&cluster, &of("SLAVE2", RoundRobin::new())).await;
        assert!(matches!(none, Error::NoSuchNode { .. }), "POOL_NOEXIST: {none}");
        let by_rule = Route::any().matching(|key| key.ends_with('1'));
        assert_eq!(turns(&cluster, &by_rule, 1).await, ["SLAVE1"]);
    });
}

// C-1
#[test]
fn remove_by_name_and_by_pattern() {
    let world = World::new(1);
    let cluster = theirs(&world, &["MASTER", "SLAVE1", "SLAVE2"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        cluster.remove("SLAVE1", secs(1)).await;
        assert_eq!(turns(&cluster, &of("SLAVE*", RoundRobin::new()), 2).await, ["SLAVE2"; 2]);
        cluster.remove("SLAVE*", secs(1)).await;
        let none = fails(&cluster, &of("SLAVE*", RoundRobin::new())).await;
        assert!(matches!(none, Error::NoSuchNode { .. }));
        assert_eq!(world.events.news(), ["SLAVE1: removed", "SLAVE2: removed"]);
        assert_eq!(world.host("SLAVE1").traffic().clients, 0);
    });
}

// C-6, C-17
#[test]
fn restore_and_restore_events() {
    let world = World::new(1);
    let cluster = theirs(&world, &["MASTER"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("MASTER").crash();
        world.sleep(secs(4)).await;
        for _ in 0..6 {
            let none = fails(&cluster, &of("*", RoundRobin::new())).await;
            assert!(matches!(none, Error::NoNodeOnline { .. }), "POOL_NONEONLINE: {none}");
        }
        world.host("MASTER").start();
        world.sleep(ms(1_100)).await;
        assert_eq!(turns(&cluster, &of("*", RoundRobin::new()), 1).await, ["MASTER"]);
        // Theirs tells offline again for every failure.
        assert_eq!(
            world.events.news(),
            ["MASTER: offline: server MASTER: connection refused", "MASTER: online"]
        );
    });
}

// C-6
#[test]
fn five_callers_after_the_restore_time_make_one_probe() {
    let world = World::new(1);
    let cluster = theirs(&world, &["MASTER", "SLAVE"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("MASTER").sick(Fault::Connection);
        let route = of("*", Ordered);
        for _ in 0..5 {
            let _ = cluster.with(route.clone(), async |conn| conn.read().await).await;
        }
        world.sleep(ms(101)).await;
        let before = world.host("MASTER").traffic().requests;
        let five: Vec<_> = (0..5)
            .map(|_| {
                let (cluster, route) = (cluster.clone(), route.clone());
                world.sim.spawn(async move {
                    cluster.with(route, async |conn| conn.read().await).await.is_ok()
                })
            })
            .collect();
        for one in five {
            one.await.unwrap();
        }
        assert_eq!(world.host("MASTER").traffic().requests - before, 1);
    });
}

// C-8
#[test]
fn a_full_healthy_node_is_not_a_dead_node() {
    let world = World::new(1);
    let cluster =
        theirs(&world, &["MASTER"]).pool(|pool| pool.max_size(1).max_waiting(0)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any()).await.unwrap();
        for _ in 0..20 {
            let full = fails(&cluster, &Route::any()).await;
            assert!(matches!(full, Error::Overloaded { .. }), "{full}");
        }
        drop(held);
        assert_eq!(turns(&cluster, &Route::any(), 2).await, ["MASTER"; 2]);
        assert_eq!(world.events.news(), Vec::<String>::new());
    });
}

// C-18
#[test]
fn end_empty() {
    let world = World::new(1);
    let cluster = theirs(&world, &[]).build().unwrap();
    world.sim.run(async {
        let report = cluster.close(secs(1)).await;
        assert_eq!((report.closed, report.is_clean()), (0, true));
    });
}
