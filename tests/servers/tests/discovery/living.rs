//! A node comes, weights change, a node goes; nobody fails.

use std::collections::BTreeMap;
use std::time::Duration;

use cenote::Pooled;
use cenote_cluster::Route;

use crate::world::{Load, SIZE, World, until};

const SOON: Duration = Duration::from_secs(2);

// D-1, D-2, C-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_in_the_file_serves_within_two_seconds_weights_follow_and_who_goes_fails_nobody() {
    let world = World::start("a1 b1").await;
    let load = Load::begin(&world.cluster);
    load.more(&["a", "b"], 50).await;

    world.list("a1 b1 c1");
    let took = until("the new node serves", || load.served_by("c") > 0).await;
    assert!(took < SOON, "it served after {took:?}");
    load.more(&["a", "b", "c"], 50).await;
    let full = || {
        ["a", "b", "c"]
            .iter()
            .all(|key| world.cluster.pool(key).is_some_and(|pool| pool.status().size == SIZE))
    };
    until("all pools are full", full).await;

    // Weights times connections: 8, 16 and 40 of 64.
    let closed = world.closed(&["a", "b", "c"]);
    world.list("a1 b2 c5");
    let took = until("the weights hold", || world.nodes() == "a1 b2 c5").await;
    assert!(took < SOON, "they held after {took:?}");
    let mut picks: BTreeMap<String, u32> = BTreeMap::new();
    const PICKS: u32 = 20_000;
    for _ in 0..PICKS {
        let conn = world.cluster.route(Route::any()).await.unwrap();
        *picks.entry(Pooled::node(&conn).unwrap().to_owned()).or_default() += 1;
    }
    for (key, weight) in [("a", 1.0), ("b", 2.0), ("c", 5.0)] {
        let share = f64::from(picks[key]) / f64::from(PICKS);
        assert!((share - weight / 8.0).abs() < 0.03, "{key} has {share}: {picks:?}");
    }
    assert_eq!(world.closed(&["a", "b", "c"]), closed, "no connection was closed for a weight");

    world.list("b2 c5");
    let took = until("it is gone", || world.nodes() == "b2 c5").await;
    assert!(took < SOON, "it went after {took:?}");
    until("it has drained", || world.sessions("a") == 0).await;
    let last = load.served_by("a");
    load.more(&["b", "c"], 100).await;
    assert_eq!(load.served_by("a"), last, "nothing new is lent from it");
    assert_eq!(load.end().await, Vec::<String>::new(), "nobody failed in all this");
    world.end().await;
}
