//! Where a request may go: roles, names, tags, zones, lag and shards.

mod common;

use std::collections::BTreeMap;

use cenote::{Fault, Node, Pooled, Role};
use cenote_cluster::balance::{Ordered, RoundRobin};
use cenote_cluster::{Error, Route};
use common::{World, ms, node, secs, turns};

// C-2
#[test]
fn reads_go_to_replicas_and_to_the_primary_when_there_is_none() {
    let world = World::new(1);
    let cluster = world.replicated(&["r1", "r2"]).balance(RoundRobin::new()).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        assert_eq!(turns(&cluster, &Route::read(), 3).await, ["r1", "r2", "r1"]);
        assert_eq!(turns(&cluster, &Route::write(), 2).await, ["p", "p"]);
        assert_eq!(turns(&cluster, &Route::read().primary(), 1).await, ["p"]);
        assert_eq!(turns(&cluster, &Route::for_query("SELECT", false), 1).await, ["r2"]);
        assert_eq!(turns(&cluster, &Route::for_query("SELECT", true), 1).await, ["p"]);
        assert_eq!(turns(&cluster, &Route::for_query("UPDATE", false), 1).await, ["p"]);
        let conn = cluster.read().await.unwrap();
        assert_eq!(Pooled::role(&conn), Some(Role::Replica));
        assert_eq!(Pooled::role(&cluster.write().await.unwrap()), Some(Role::Primary));
        for name in ["r1", "r2"] {
            world.host(name).crash();
        }
        world.sleep(secs(2)).await;
        assert_eq!(turns(&cluster, &Route::read(), 2).await, ["p", "p"]);
        let none = cluster.route(Route::replica()).timeout(ms(10)).await;
        assert!(matches!(none, Err(Error::NoNodeOnline { .. })));
    });
}

// C-2
#[test]
fn a_route_can_ask_for_a_name_a_rule_a_tag_a_balancer_and_a_zone() {
    let world = World::new(1);
    let cluster = world
        .builder()
        .node(Node::new("db-1", "db-1").zone("eu"))
        .node(Node::new("db-2", "db-2").zone("us").tag("ssd"))
        .node(Node::new("cache-1", "cache-1").zone("us"))
        .zone("us")
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let always = async |route: Route, expected: &str| {
            for node in turns(&cluster, &route, 10).await {
                assert_eq!(node, expected, "{route}");
            }
        };
        always(Route::any().to("db-*"), "db-2").await;
        always(Route::any().to("db-*").zone("eu"), "db-1").await;
        always(Route::any().to("db-1"), "db-1").await;
        always(Route::any().tagged("ssd"), "db-2").await;
        always(Route::any().matching(|key| key.len() > 5), "cache-1").await;
        let ordered = std::sync::Arc::new(Ordered);
        always(Route::any().zone("nowhere").balance(ordered), "db-1").await;
        let text = cluster.route(Route::any().to("nobody")).await.unwrap_err().to_string();
        assert_eq!(
            text,
            "cluster \"shop\": no node is any node named \"nobody\": add one, or correct the route"
        );
        // The zone is a preference, not a condition.
        world.host("db-2").crash();
        world.sleep(secs(2)).await;
        always(Route::any().to("db-*"), "db-1").await;
    });
}

// C-13
#[test]
fn reads_skip_a_replica_that_is_too_far_behind_until_it_has_caught_up() {
    let world = World::new(1);
    let cluster = world
        .replicated(&["r1", "r2"])
        .probe_roles()
        .max_lag(secs(1))
        .balance(RoundRobin::new())
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("r1").lag(secs(10));
        world.sleep(secs(6)).await;
        assert_eq!(turns(&cluster, &Route::read(), 4).await, ["r2"; 4]);
        assert_eq!(cluster.status().node("r1").unwrap().lag, Some(secs(10)));
        let lagging = || ["r1", "r2"].map(|node| cluster.status().node(node).unwrap().lagging);
        assert_eq!(lagging(), [true, false]);
        assert_eq!(world.events.news(), ["r1: behind by 10.0s"]);
        world.host("r1").lag(ms(900));
        world.sleep(secs(6)).await;
        assert!(turns(&cluster, &Route::read(), 4).await.contains(&"r1".to_owned()));
        assert_eq!(world.events.news(), ["r1: caught up"]);
        assert_eq!(lagging(), [false, false]);
        // All of them behind: the primary serves.
        world.host("r1").lag(secs(10));
        world.host("r2").lag(secs(10));
        world.sleep(secs(6)).await;
        assert_eq!(turns(&cluster, &Route::read(), 2).await, ["p", "p"]);
    });
}

// C-11
#[test]
fn roles_that_nobody_configured_are_found() {
    let world = World::new(1);
    world.host("a").role(Role::Replica).epoch(3);
    world.host("b").role(Role::Primary).epoch(3);
    world.sim.run(async {
        let cluster = world.plain(&["a", "b"]).probe_roles().build_ready().await.unwrap();
        assert!(world.elapsed() < ms(500), "{:?}", world.elapsed());
        assert_eq!(node(&cluster.write().await.unwrap()), "b");
        assert_eq!(node(&cluster.read().await.unwrap()), "a");
        assert_eq!(cluster.pool("a").unwrap().name(), "shop:any:a");
    });
}

// C-11
#[test]
fn a_node_that_hangs_does_not_delay_what_the_others_say() {
    let world = World::new(1);
    let cluster = world.replicated(&["r", "s"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        // The primary hangs: nothing is refused, nothing is answered.
        world.host("p").cut_off();
        world.host("r").promote();
        let mut writer = cluster.write().await.unwrap();
        Pooled::report_fault(&mut writer, Fault::Timeout);
        drop(writer);
        let promoted = world.elapsed();
        while node(&cluster.write().await.unwrap()) != "r" {
            world.sleep(ms(10)).await;
        }
        assert!(world.elapsed() - promoted <= ms(400), "{:?}", world.elapsed() - promoted);
    });
}

// C-11
#[test]
fn the_monitor_asks_quickly_after_a_suspicion_and_rarely_else() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        // The first connects are news, too.
        world.sleep(secs(40)).await;
        let probes = || world.host("p").traffic().probes;
        let before = probes();
        world.sleep(secs(60)).await;
        let rarely = probes() - before;
        assert!((11..=13).contains(&rarely), "{rarely}");
        let mut reader = cluster.read().await.unwrap();
        Pooled::report_fault(&mut reader, Fault::Timeout);
        drop(reader);
        let before = probes();
        world.sleep(secs(10)).await;
        let quickly = probes() - before;
        assert!((95..=102).contains(&quickly), "{quickly}");
        world.sleep(secs(30)).await;
        let before = probes();
        world.sleep(secs(60)).await;
        assert!(probes() - before <= 13);
        // It is counted, so that nobody takes it for traffic.
        assert_eq!(cluster.status().node("p").unwrap().asked, probes());
    });
}

// C-16
#[test]
fn one_more_group_moves_its_share_of_the_keys_and_no_more() {
    let world = World::new(1);
    for groups in [1, 2, 4, 8, 15] {
        let nodes = (0..groups).map(|n| Node::new(format!("n{n}"), "x").group(format!("g{n}")));
        let cluster = world.builder().nodes(nodes).build().unwrap();
        world.sim.run(async {
            let place = || -> Vec<String> {
                (0..10_000_u32)
                    .map(|key| cluster.shard(key.to_be_bytes()).group().to_owned())
                    .collect()
            };
            let before = place();
            let mut sizes = BTreeMap::new();
            for group in &before {
                *sizes.entry(group.clone()).or_insert(0_usize) += 1;
            }
            let due = 10_000 / groups;
            assert!(sizes.values().all(|n| n.abs_diff(due) < due / 5), "{sizes:?}");
            cluster.add(Node::new("new", "x").group("new")).unwrap();
            let after = place();
            let moved = before.iter().zip(&after).filter(|(a, b)| a != b).count();
            let most = (1.2 * 10_000.0 / (groups + 1) as f64) as usize;
            assert!(moved <= most, "{groups} groups: {moved} of at most {most}");
            let stray = before.iter().zip(&after).filter(|(a, b)| a != b && *b != "new").count();
            assert_eq!(stray, 0, "no key moves between the old groups");
        });
    }
}

// C-16, C-11
#[test]
fn each_group_has_a_primary_of_its_own() {
    let world = World::new(1);
    for (name, role) in
        [("a1", Role::Primary), ("a2", Role::Replica), ("b1", Role::Replica), ("b2", Role::Primary)]
    {
        world.host(name).role(role).epoch(1);
    }
    let nodes = ["a1", "a2", "b1", "b2"].map(|name| Node::new(name, name).group(&name[..1]));
    let cluster = world.builder().nodes(nodes).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.sleep(secs(1)).await;
        assert_eq!(node(&cluster.group("a").write().await.unwrap()), "a1");
        assert_eq!(node(&cluster.group("b").write().await.unwrap()), "b2");
        assert_eq!(node(&cluster.group("b").read().await.unwrap()), "b1");
        let shard = cluster.shard("a customer");
        let writer = shard.write().await.unwrap();
        assert!(node(&writer).starts_with(shard.group()));
        shard.with(Route::write(), async |conn| conn.write().await).await.unwrap();
        // A failover in one group is nobody else's business.
        world.host("a1").crash();
        world.host("a2").promote();
        world.sleep(secs(6)).await;
        assert_eq!(node(&cluster.group("a").write().await.unwrap()), "a2");
        assert_eq!(node(&cluster.group("b").write().await.unwrap()), "b2");
    });
}

// D-1, C-2
#[test]
fn a_backup_serves_only_while_no_better_rank_can() {
    let world = World::new(1);
    let nodes = [("a", 0), ("b", 0), ("c", 1), ("d", 2)];
    let nodes = nodes.map(|(name, rank)| Node::new(name, name).backup(rank));
    let cluster = world.builder().nodes(nodes).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let served = async || {
            let mut served = turns(&cluster, &Route::any(), 60).await;
            served.sort();
            served.dedup();
            served
        };
        assert_eq!(served().await, ["a", "b"]);
        world.host("a").crash();
        world.sleep(secs(2)).await;
        assert_eq!(served().await, ["b"]);
        world.host("b").crash();
        world.sleep(secs(2)).await;
        assert_eq!(served().await, ["c"]);
        world.host("c").crash();
        world.sleep(secs(2)).await;
        assert_eq!(served().await, ["d"]);
        world.host("b").start();
        world.sleep(secs(30)).await;
        assert_eq!(served().await, ["b"]);
        // Who is asked for by name serves, whatever its rank.
        assert_eq!(turns(&cluster, &Route::any().to("d"), 1).await, ["d"]);
    });
}
