//! The cases that Sequelize tests replication with, by their names, and lessons of other pools that are about nodes.

mod common;

use cenote::{Fault, Pooled, Role};
use cenote_cluster::balance::RoundRobin;
use cenote_cluster::{Error, Route};
use common::{World, ms, node, secs, turns};

// C-2, C-3
#[test]
fn round_robins_calls_to_the_read_pool() {
    let world = World::new(1);
    let cluster = world.replicated(&["r1", "r2"]).balance(RoundRobin::new()).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let selects = Route::for_query("SELECT", false);
        assert_eq!(turns(&cluster, &selects, 3).await, ["r1", "r2", "r1"]);
        // Writes in between do not disturb the turn.
        assert_eq!(turns(&cluster, &Route::write(), 1).await, ["p"]);
        assert_eq!(turns(&cluster, &selects, 2).await, ["r2", "r1"]);
    });
}

// C-2
#[test]
fn should_allow_forced_reads_from_the_write_pool() {
    let world = World::new(1);
    let cluster = world.replicated(&["r1"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let conn = cluster.route(Route::for_query("SELECT", true)).await.unwrap();
        assert_eq!((node(&conn), Pooled::role(&conn)), ("p".to_owned(), Some(Role::Primary)));
    });
}

// C-2
#[test]
fn without_replicas_reads_and_writes_are_one_pool() {
    let world = World::new(1);
    let cluster = world.replicated(&[]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        drop((cluster.read().await.unwrap(), cluster.write().await.unwrap()));
        assert_eq!(cluster.status().nodes.len(), 1);
        assert_eq!(cluster.status().of(Role::Replica).size, 0);
    });
}

// C-2, C-9
#[test]
fn a_primary_that_is_down_does_not_make_reads_fail() {
    // Sequelize asks the primary for its version before anything else, so reads fail with it.
    let world = World::new(1);
    world.host("p").crash();
    let cluster = world.replicated(&["r1", "r2"]).build().unwrap();
    world.sim.run(async {
        world.sleep(ms(10)).await;
        for _ in 0..10 {
            drop(cluster.read().await.unwrap());
        }
        let none = cluster.write().timeout(ms(10)).await.unwrap_err();
        assert!(matches!(none, Error::NoPrimary { .. }), "{none}");
        assert!(
            none.to_string().contains("the last one: node \"p\": server p: connection refused")
        );
    });
}

// C-9
#[test]
fn a_replica_that_dies_fails_no_read() {
    // There, one in n connects of the read pool fails, and a caller hears of it.
    let world = World::new(1);
    let cluster = world.replicated(&["r1", "r2"]).balance(RoundRobin::new()).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("r1").crash();
        for _ in 0..50 {
            let conn = cluster.read().await.unwrap();
            assert_eq!(node(&conn), "r2");
            world.sleep(ms(20)).await;
        }
    });
}

// lesson 13
// C-11, C-12
#[test]
fn a_role_that_changed_is_seen_by_asking_and_by_a_refused_write_not_by_a_ping() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        // A quiet switch: everything answers, a ping would find nothing.
        world.host("p").role(Role::Replica).epoch(2);
        world.host("r").role(Role::Primary).epoch(2);
        let refused = cluster.with(Route::write(), async |conn| conn.write().await).await;
        assert!(matches!(refused, Err(Error::Run(error)) if error.fault == Fault::Role));
        let began = world.elapsed();
        cluster.with(Route::write(), async |conn| conn.write().await).await.unwrap();
        assert!(world.elapsed() - began <= ms(300), "{:?}", world.elapsed() - began);
        assert_eq!((world.host("r").traffic().writes, world.host("p").traffic().writes), (1, 0));
    });
}

// lesson 14
// C-11
#[test]
fn a_report_that_comes_late_does_not_bring_the_old_primary_back() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        // The old primary is cut off while it is being asked; meanwhile r is promoted.
        world.host("p").cut_off();
        let mut writer = cluster.write().await.unwrap();
        Pooled::report_fault(&mut writer, Fault::Timeout);
        drop(writer);
        world.host("r").promote();
        world.sleep(ms(700)).await;
        assert_eq!(node(&cluster.write().await.unwrap()), "r");
        // Now its answer comes through: it says that it is the primary.
        world.host("p").heal();
        for _ in 0..100 {
            assert_eq!(node(&cluster.write().await.unwrap()), "r");
            world.sleep(ms(50)).await;
        }
    });
}

// lesson 17
// C-8
#[test]
fn exhaustion_of_one_node_does_not_take_down_the_next() {
    let world = World::new(1);
    let cluster = world
        .replicated(&["r1", "r2"])
        .pool(|pool| pool.max_size(1))
        .acquire_timeout(ms(20))
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = (cluster.read().await.unwrap(), cluster.read().await.unwrap());
        for _ in 0..100 {
            assert!(matches!(cluster.read().await, Err(Error::Timeout { .. })));
        }
        let status = cluster.status();
        assert!(status.nodes.iter().all(|node| node.serves), "{status}");
        drop(held);
        drop(cluster.read().await.unwrap());
        world.sleep(secs(1)).await;
        assert_eq!(world.events.news(), Vec::<String>::new());
    });
}
