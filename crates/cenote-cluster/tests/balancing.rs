//! Who is chosen: the golden sequences, the lecture's arithmetic, and what each balancer does with load and speed.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cenote::{Fault, Node};
use cenote_cluster::balance::{
    Balance, DynamicWeight, LeastLoaded, Ordered, PeakEwma, Pick, Rendezvous, RoundRobin, Seat,
    SmoothWeighted, StaticWeight, Uniform,
};
use cenote_cluster::{HealthRules, Route};
use common::{World, ms, secs, turns};

fn count(nodes: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for node in nodes {
        *counts.entry(node.as_str()).or_default() += 1;
    }
    counts
}

// C-3
#[test]
fn round_robin_goes_in_turn_and_keeps_its_place_when_a_node_leaves() {
    let world = World::new(1);
    let cluster = world.plain(&["s1", "s2", "s3"]).balance(RoundRobin::new()).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        assert_eq!(turns(&cluster, &Route::any(), 4).await, ["s1", "s2", "s3", "s1"]);
        cluster.remove("s1", secs(1)).await;
        assert_eq!(turns(&cluster, &Route::any(), 4).await, ["s2", "s3", "s2", "s3"]);
        cluster.add(Node::new("s4", "s4")).unwrap();
        world.warm(&cluster).await;
        assert_eq!(turns(&cluster, &Route::any(), 4).await, ["s4", "s2", "s3", "s4"]);
    });
}

// C-3
#[test]
fn smooth_weights_five_one_one_give_a_a_b_a_c_a_a() {
    let world = World::new(1);
    let weighted = [("a", 5), ("b", 1), ("c", 1)].map(|(name, n)| Node::new(name, name).weight(n));
    let cluster = world.builder().nodes(weighted).balance(SmoothWeighted::new()).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let twice = turns(&cluster, &Route::any(), 14).await;
        assert_eq!(twice[..7], ["a", "a", "b", "a", "c", "a", "a"]);
        assert_eq!(twice[7..], twice[..7]);
    });
}

// C-3, C-16
#[test]
fn turns_are_fair_for_each_of_several_routes_whatever_the_others_do() {
    let balancers: [Arc<dyn Balance>; 2] =
        [Arc::new(RoundRobin::new()), Arc::new(SmoothWeighted::new())];
    for balance in balancers {
        let world = World::new(1);
        let nodes = ["a1", "a2", "b1", "b2", "b3"].map(|key| Node::new(key, key).group(&key[..1]));
        let cluster = world.builder().nodes(nodes).build().unwrap();
        world.sim.run(async {
            world.warm(&cluster).await;
            let mut all = Vec::new();
            for _ in 0..60 {
                for group in ["a", "b"] {
                    let route = Route::any().group(group).balance(Arc::clone(&balance));
                    all.extend(turns(&cluster, &route, 1).await);
                }
            }
            let fair = [("a1", 30), ("a2", 30), ("b1", 20), ("b2", 20), ("b3", 20)];
            assert_eq!(count(&all), BTreeMap::from(fair));
        });
    }
}

// C-3
#[test]
fn ordered_takes_the_first_that_is_online_and_random_takes_all_alike() {
    let world = World::new(1);
    let ordered = world.plain(&["a", "b", "c"]).balance(Ordered).build().unwrap();
    let random = world.plain(&["a", "b", "c"]).balance(Uniform).build().unwrap();
    world.sim.run(async {
        world.warm(&ordered).await;
        world.warm(&random).await;
        let all = turns(&random, &Route::any(), 3_000).await;
        assert!(count(&all).values().all(|n| (900..1100).contains(n)), "{:?}", count(&all));
        assert_eq!(turns(&ordered, &Route::any(), 5).await, ["a"; 5]);
        world.host("a").crash();
        world.sleep(secs(2)).await;
        assert_eq!(turns(&ordered, &Route::any(), 5).await, ["b"; 5]);
    });
}

/// Looks at the seats once, with a test's eyes.
struct Spy(Arc<Mutex<Vec<usize>>>);

impl Balance for Spy {
    fn choose(&self, among: &[Seat<'_>], _: &Pick<'_>) -> usize {
        let mut seen = self.0.lock().unwrap();
        assert_eq!(StaticWeight::sum(among), 16);
        *seen = (1..=16).map(|r| StaticWeight::at(among, r)).collect();
        0
    }
}

fn lectures_servers() -> [Node; 3] {
    [("s1", 1), ("s2", 2), ("s3", 5)].map(|(name, weight)| Node::new(name, name).weight(weight))
}

// C-4
#[test]
fn weights_1_2_5_with_two_connections_each_fill_the_16_intervals() {
    let world = World::new(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let cluster = world
        .builder()
        .nodes(lectures_servers())
        .pool(|pool| pool.max_size(2))
        .balance(Spy(Arc::clone(&seen)))
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        turns(&cluster, &Route::any(), 1).await;
    });
    let draws = seen.lock().unwrap().clone();
    assert_eq!(draws, [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
}

// C-4
#[test]
fn of_160_000_draws_each_server_gets_its_share_within_one_percent() {
    let world = World::new(1);
    let cluster = world
        .builder()
        .nodes(lectures_servers())
        .pool(|pool| pool.max_size(2))
        .balance(StaticWeight)
        .build()
        .unwrap();
    world.sim.set_most_polls(u64::MAX);
    world.sim.run(async {
        world.warm(&cluster).await;
        let all = turns(&cluster, &Route::any(), 160_000).await;
        let counts = count(&all);
        for (name, due) in [("s1", 20_000), ("s2", 40_000), ("s3", 100_000)] {
            let off = (counts[name] as f64 - f64::from(due)).abs() / 160_000.0;
            assert!(off < 0.01, "{name}: {counts:?}");
        }
        // The size is part of it: with four connections s1 has as much as s2.
        cluster.pool("s1").unwrap().set_max_size(4).unwrap();
        cluster.status();
        let all = turns(&cluster, &Route::any(), 18_000).await;
        assert!((3_700..4_300).contains(&count(&all)["s1"]), "{:?}", count(&all));
    });
}

// C-5
#[test]
fn dynamic_weights_are_equal_at_first_and_then_follow_the_record() {
    let world = World::new(1);
    let rules = HealthRules::default().without_ejection();
    let cluster = world
        .plain(&["a", "b", "c"])
        .balance(DynamicWeight::default())
        .health(rules)
        .build()
        .unwrap();
    let share =
        |all: &[String]| ["a", "b", "c"].map(|name| count(all)[name] as f64 / all.len() as f64);
    world.sim.run(async {
        world.warm(&cluster).await;
        for share in share(&turns(&cluster, &Route::any(), 9_000).await) {
            assert!((share - 1.0 / 3.0).abs() < 0.02, "{share}");
        }
        let request = async |name: &str| {
            let _ = cluster.with(Route::any().to(name), async |conn| conn.read().await).await;
        };
        // 40 good ones take a from 60 to 100, two bad ones c to 40.
        for _ in 0..40 {
            request("a").await;
        }
        world.host("c").sick(Fault::Timeout);
        request("c").await;
        request("c").await;
        let shares = share(&turns(&cluster, &Route::any(), 20_000).await);
        for (share, due) in shares.into_iter().zip([100.0, 60.0, 40.0]) {
            assert!((share - due / 200.0).abs() < 0.02, "{shares:?}");
        }
    });
}

// C-5
#[test]
fn at_the_edge_a_short_rest_and_at_zero_a_long_one_that_ends_with_one_try() {
    let world = World::new(1);
    let rules = HealthRules::default().without_ejection();
    let cluster = world
        .plain(&["a", "b", "c"])
        .balance(DynamicWeight::default())
        .health(rules)
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").sick(Fault::Timeout);
        let request =
            async || cluster.with(Route::any().to("a"), async |conn| conn.read().await).await;
        for _ in 0..3 {
            assert!(request().await.is_err());
        }
        assert_eq!(world.events.news(), ["a: ejected for 1.0s"]);
        assert!(!turns(&cluster, &Route::any(), 50).await.contains(&"a".to_owned()));
        world.sleep(ms(1_001)).await;
        assert_eq!(world.events.news(), ["a: recovered"]);
        for _ in 0..3 {
            assert!(request().await.is_err());
        }
        assert_eq!(world.events.news(), ["a: ejected for 60.0s"]);
        world.sleep(secs(59)).await;
        assert!(!cluster.status().node("a").unwrap().serves);
        world.host("a").sick(None);
        world.sleep(ms(1_001)).await;
        request().await.unwrap();
        assert_eq!(world.events.news(), ["a: recovered"]);
        assert!(cluster.status().node("a").unwrap().share < 0.2, "then a slow start");
        world.sleep(secs(11)).await;
        let all = turns(&cluster, &Route::any(), 2_000).await;
        assert!(count(&all)["a"] > 50, "and it is not left at zero: {:?}", count(&all));
    });
}

// C-3
#[test]
fn least_loaded_sends_the_next_one_where_there_is_least_to_do_for_its_weight() {
    let world = World::new(1);
    let nodes = [("a", 2), ("b", 1)].map(|(name, weight)| Node::new(name, name).weight(weight));
    let cluster = world.builder().nodes(nodes).balance(LeastLoaded).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let mut held = Vec::new();
        for _ in 0..9 {
            held.push(cluster.route(Route::any()).await.unwrap());
        }
        let status = cluster.status();
        let in_use = |name| status.node(name).unwrap().in_use;
        assert_eq!((in_use("a"), in_use("b")), (6, 3));
        // Where nobody has anything to do the heavier one has least for its weight.
        drop(held);
        assert_eq!(turns(&cluster, &Route::any(), 20).await, ["a"; 20]);
    });
}

// C-3
#[test]
fn who_waits_at_a_node_is_load_as_who_is_served_there() {
    let world = World::new(1);
    let cluster = world
        .plain(&["a", "b"])
        .pool(|pool| pool.max_size(1))
        .balance(LeastLoaded)
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let mut held = vec![cluster.route(Route::any().to("a")).await.unwrap()];
        held.push(cluster.route(Route::any().to("b")).await.unwrap());
        let wait = |route: Route| {
            let cluster = cluster.clone();
            world.sim.spawn(async move { drop(cluster.route(route).await) })
        };
        let mut tasks: Vec<_> = (0..6).map(|_| wait(Route::any().to("a"))).collect();
        world.settled().await;
        for _ in 0..6 {
            tasks.push(wait(Route::any()));
            world.settled().await;
        }
        let status = cluster.status();
        let waiting = |name| status.node(name).unwrap().waiting;
        assert_eq!((waiting("a"), waiting("b")), (6, 6));
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
    });
}

// C-3
#[test]
fn peak_ewma_prefers_whoever_answers_fast() {
    let world = World::new(1);
    world.host("a").service(ms(1));
    world.host("b").service(ms(20));
    let cluster = world.plain(&["a", "b"]).balance(PeakEwma).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        for _ in 0..200 {
            cluster.with(Route::any(), async |conn| conn.read().await).await.unwrap();
        }
        let (fast, slow) = (world.host("a").traffic().reads, world.host("b").traffic().reads);
        assert!(fast > 10 * slow && slow > 0, "{fast} {slow}");
    });
}

// C-3
#[test]
fn peak_ewma_does_not_take_who_fails_fast_for_fast() {
    let world = World::new(1);
    world.host("a").service(ms(1)).error_rate(1.0);
    world.host("b").service(ms(10));
    let rules = HealthRules::default().without_ejection();
    let cluster = world.plain(&["a", "b"]).balance(PeakEwma).health(rules).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        for _ in 0..1_000 {
            let _ = cluster.with(Route::any(), async |conn| conn.read().await).await;
        }
        let (failed, good) = (world.host("a").traffic().failures, world.host("b").traffic().reads);
        assert!(4 * failed < good && failed > 0, "{failed} {good}");
    });
}

// C-3
#[test]
fn rendezvous_keeps_a_key_on_its_node_and_moves_only_those_of_a_node_that_is_out() {
    let world = World::new(1);
    let names = ["a", "b", "c", "d"];
    let cluster = world.plain(&names).balance(Rendezvous).build().unwrap();
    let places = async || {
        let mut nodes = Vec::new();
        for key in 0..400_u32 {
            nodes.extend(turns(&cluster, &Route::any().key(key.to_be_bytes()), 1).await);
        }
        nodes
    };
    world.sim.run(async {
        world.warm(&cluster).await;
        let before = places().await;
        assert_eq!(before, places().await);
        assert!(count(&before).values().all(|n| (70..130).contains(n)), "{:?}", count(&before));
        world.host("b").crash();
        world.sleep(secs(2)).await;
        let after = places().await;
        for (before, after) in before.iter().zip(&after) {
            assert!(before == after || before == "b", "{before} {after}");
        }
        world.host("b").start();
        world.sleep(secs(15)).await;
        assert_eq!(before, places().await);
    });
}
