//! What somebody does to one node by hand, and what stands above it: nothing.

use std::sync::{Arc, Mutex};

use cenote::{Event as PoolEvent, Fault, Level, Node, Pool, Role};
use cenote_cluster::discovery::push;
use cenote_cluster::{
    ByHand, Cluster, Condition, Error, Event, HealthRules, Registry, Route, Watcher,
};
use cenote_testkit::{Remote, Script};

use crate::common::{World, ms, node, secs, turns};

// C-6
#[test]
fn an_ejected_node_gets_nothing_keeps_its_connections_and_comes_back_when_it_is_restored() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any().to("a")).await.unwrap();
        drop(cluster.route(Route::any().to("a")).await.unwrap());
        let closed = || cluster.pool("a").unwrap().stats().counts.closes.total();
        let change = cluster.eject("a").unwrap();
        assert_eq!((change.changed, change.warning), (true, None));
        assert!(!cluster.eject("a").unwrap().changed);
        assert_eq!(world.events.news(), ["a: ejected by hand"]);
        assert_eq!(turns(&cluster, &Route::any(), 20).await, ["b"; 20]);
        let status = cluster.status();
        let a = status.node("a").unwrap();
        assert_eq!((a.by_hand, a.serves), (Some(ByHand::Ejected), false));
        assert_eq!(a.condition, Condition::Online, "its health is another matter");
        assert_eq!((a.pool.using, a.pool.available), (1, 1));
        drop(held);
        // However long it takes: no time ends it.
        world.sleep(secs(500)).await;
        assert_eq!(turns(&cluster, &Route::any(), 20).await, ["b"; 20]);
        assert!(cluster.restore("a").unwrap().changed);
        assert!(!cluster.restore("a").unwrap().changed);
        assert_eq!(world.events.news(), ["a: restored"]);
        assert!(turns(&cluster, &Route::any(), 40).await.contains(&"a".to_owned()));
        assert_eq!(cluster.status().node("a").unwrap().share, 1.0, "it had not failed");
        assert_eq!(closed(), 0, "nothing was closed by it");
    });
}

// C-1, C-6, C-9
#[test]
fn whoever_waits_at_a_node_that_gets_nothing_more_goes_elsewhere_with_the_same_deadline() {
    goes_elsewhere(|cluster, at| drop(cluster.eject(at).unwrap()));
    goes_elsewhere(|cluster, at| drop(cluster.set_weight(at, 0).unwrap()));
    goes_elsewhere(|cluster, at| cluster.update(Node::new(at, at).weight(0)).unwrap());
}

fn goes_elsewhere(take_out: impl Fn(&Cluster<Remote>, &str)) {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).pool(|pool| pool.max_size(1)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any().to("a")).await.unwrap();
        let other = cluster.route(Route::any().to("b")).await.unwrap();
        let waits = {
            let cluster = cluster.clone();
            world.sim.spawn(async move { cluster.route(Route::any()).timeout(secs(1)).await })
        };
        let mut both = cluster.status();
        while both.total().waiting == 0 {
            world.sleep(ms(1)).await;
            both = cluster.status();
        }
        let at = if both.node("a").unwrap().waiting == 1 { "a" } else { "b" };
        take_out(&cluster, at);
        world.settled().await;
        let goes = if at == "a" { "b" } else { "a" };
        assert_eq!(cluster.status().node(goes).unwrap().waiting, 1);
        drop((held, other));
        assert_eq!(node(&waits.await.unwrap().unwrap()), goes);
    });
}

// C-6
#[test]
fn the_only_primary_can_be_ejected_by_hand_and_whoever_does_it_is_warned() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let change = cluster.eject("p").unwrap();
        let warning = change.warning.unwrap();
        assert!(warning.starts_with("it is the only primary: writers wait"), "{warning}");
        assert_eq!(world.events.news(), [format!("p: ejected by hand; {warning}")]);
        let error = cluster.write().timeout(ms(100)).await.unwrap_err();
        assert!(matches!(error, Error::NoPrimary { .. }), "{error}");
        assert!(error.to_string().contains("node \"p\" is ejected by hand"), "{error}");
        let why = cluster.status().no_primary.unwrap();
        assert!(why.contains("is ejected by hand"), "{why}");
        // A writer that waits is served as soon as it is restored.
        let writer = {
            let cluster = cluster.clone();
            world.sim.spawn(async move { node(&cluster.write().await.unwrap()) })
        };
        world.settled().await;
        cluster.restore("p").unwrap();
        assert_eq!(writer.await.unwrap(), "p");
        assert_eq!(cluster.status().no_primary, None);
        let change = cluster.eject("r").unwrap();
        assert_eq!(
            change.warning.as_deref(),
            Some("no other replica serves: reads go to the primary")
        );
        assert_eq!(node(&cluster.read().await.unwrap()), "p");
    });
}

// C-6
#[test]
fn by_hand_stands_above_the_bound_of_one_half_which_counts_the_others_only() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b", "c", "d"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        cluster.eject("a").unwrap();
        cluster.eject("b").unwrap();
        for name in ["c", "d"] {
            world.host(name).sick(Fault::Timeout);
        }
        for _ in 0..100 {
            let _ = cluster.with(Route::any(), async |conn| conn.read().await).await;
        }
        let status = cluster.status();
        let serve: Vec<&str> =
            status.nodes.iter().filter(|node| node.serves).map(|node| &*node.key).collect();
        assert_eq!(serve.len(), 1, "one of the two that are left: {status}");
        assert!(["c", "d"].contains(&serve[0]));
        assert_eq!(
            (world.host("a").traffic().requests, world.host("b").traffic().requests),
            (0, 0)
        );
    });
}

// C-6
#[test]
fn a_node_that_is_out_for_its_errors_is_let_in_early_and_starts_slowly() {
    let world = World::new(1);
    let rules = HealthRules { jitter: false, ..HealthRules::default() };
    let cluster = world.plain(&["a", "b"]).health(rules).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").sick(Fault::Timeout);
        while cluster.status().node("a").unwrap().condition != Condition::Ejected {
            let _ = cluster.with(Route::any(), async |conn| conn.read().await).await;
        }
        world.host("a").sick(None);
        assert!(cluster.restore("a").unwrap().changed);
        let condition = || cluster.status().node("a").unwrap().condition;
        assert_eq!(condition(), Condition::SlowStart);
        world.sleep(secs(60)).await;
        assert_eq!(condition(), Condition::Online, "the slow start is looked after");
        // One that cannot be connected to is not brought back by a word.
        world.host("a").crash();
        while condition() != Condition::Unreachable {
            world.sleep(ms(100)).await;
        }
        let change = cluster.restore("a").unwrap();
        assert!(!change.changed);
        let warning = change.warning.unwrap();
        assert!(warning.contains("cannot be connected to: server a"), "{warning}");
    });
}

// C-6, C-18
#[test]
fn a_drain_of_a_node_ends_when_its_last_connection_is_back_or_at_the_deadline() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any().to("a")).await.unwrap();
        let began = world.elapsed();
        let drain = cluster.drain_node("a", secs(10)).unwrap();
        assert!(drain.change().changed);
        assert_eq!(world.events.news(), ["a: drained by hand"]);
        assert_eq!(turns(&cluster, &Route::any(), 20).await, ["b"; 20], "at once");
        let drained = world.sim.spawn(drain);
        world.sleep(secs(3)).await;
        drop(held);
        let drained = drained.await.unwrap();
        assert!(drained.holders.is_empty() && !drained.undone, "{drained}");
        let took = world.elapsed() - began;
        assert!(took >= secs(3) && took <= ms(3_020), "{took:?}");
        // It stays listed, with its connection.
        let status = cluster.status();
        let a = status.node("a").unwrap();
        assert_eq!((a.by_hand, a.pool.available), (Some(ByHand::Drained), 1));
        cluster.restore("a").unwrap();

        let held = cluster.route(Route::any().to("a")).await.unwrap();
        let began = world.elapsed();
        let drained = cluster.drain_node("a", secs(2)).unwrap().await;
        assert_eq!(world.elapsed() - began, secs(2));
        assert_eq!(drained.holders.len(), 1);
        assert!(
            drained.to_string().starts_with("1 still lent; connection 1, held for"),
            "{drained}"
        );
        assert!(drained.holders[0].location.file().ends_with("by_hand/mod.rs"));
        drop(held);
    });
}

// C-6, P-32
#[test]
fn a_drain_of_a_node_waits_for_those_who_share_as_well() {
    let world = World::new(1);
    let script = Script::with_env(world.sim.env());
    let cluster = Cluster::builder(move |_: &Node| Ok(script.clone()))
        .env(world.sim.env())
        .nodes([Node::new("a", ""), Node::new("b", "")])
        .build()
        .unwrap();
    world.sim.run(async {
        let pool = cluster.pool("a").unwrap();
        let shares = [pool.share().await.unwrap(), pool.share().await.unwrap()];
        assert_eq!(cluster.status().node("a").unwrap().in_use, 2);
        let began = world.elapsed();
        let drain = world.sim.spawn(cluster.drain_node("a", secs(10)).unwrap());
        for share in shares {
            world.sleep(secs(2)).await;
            drop(share);
        }
        assert!(drain.await.unwrap().holders.is_empty());
        let took = world.elapsed() - began;
        assert!(took >= secs(4) && took <= ms(4_020), "{took:?}");
        assert_eq!(cluster.status().node("a").unwrap().in_use, 0);
    });
}

// C-6
#[test]
fn a_drain_ends_when_the_node_is_restored_or_removed_and_dropping_it_changes_nothing() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any().to("a")).await.unwrap();
        drop(cluster.drain_node("a", secs(10)).unwrap());
        assert_eq!(cluster.status().node("a").unwrap().by_hand, Some(ByHand::Drained));
        let drain = world.sim.spawn(cluster.drain_node("a", secs(100)).unwrap());
        world.sleep(secs(1)).await;
        cluster.restore("a").unwrap();
        assert!(drain.await.unwrap().undone);
        let drain = world.sim.spawn(cluster.drain_node("a", secs(100)).unwrap());
        world.sleep(secs(1)).await;
        drop(cluster.remove("a", secs(1)));
        assert!(drain.await.unwrap().undone);
        drop(held);
        let unknown = cluster.eject("a").unwrap_err();
        assert_eq!(unknown.to_string(), "cluster \"shop\" has no node \"a\": its only one is b");
    });
}

// C-1, D-2
#[test]
fn a_weight_set_by_hand_stands_until_a_source_says_another_than_it_said() {
    let world = World::new(1);
    let (push, pushed) = push();
    let cluster = world.builder().discover(pushed).build().unwrap();
    world.sim.run(async {
        let at = |weight, tag: &str| Node::new("a", "a").weight(weight).tag(tag);
        let said = async |node: Node| {
            push.all([node, Node::new("b", "b")]);
            world.settled().await;
        };
        said(at(2, "x")).await;
        world.warm(&cluster).await;
        let weight = || cluster.status().node("a").unwrap().weight;
        assert!(cluster.set_weight("a", 7).unwrap().changed);
        assert_eq!(world.events.news(), ["a: weight 2, now 7"]);
        said(at(2, "x")).await;
        assert_eq!(weight(), 7, "the source repeats itself");
        said(at(2, "y")).await;
        assert_eq!(weight(), 7, "the source changes something else");
        said(at(3, "y")).await;
        assert_eq!(weight(), 3, "the later word wins");
        assert_eq!(world.events.news(), ["a: weight 7, now 3"]);
        // Nothing, as configured 0 is.
        let change = cluster.set_weight("a", 0).unwrap();
        assert!(change.changed && change.warning.is_none());
        assert_eq!(turns(&cluster, &Route::any(), 10).await, ["b"; 10]);
        cluster.set_weight("a", 3).unwrap();
        said(at(4, "y")).await;
        assert_eq!(weight(), 4, "the configured one is no word by hand");
        // Another server under the same key: what was said of it by hand holds for it.
        cluster.eject("a").unwrap();
        said(Node::new("a", "c").weight(4).tag("y")).await;
        world.sleep(secs(1)).await;
        assert_eq!(turns(&cluster, &Route::any(), 10).await, ["b"; 10]);
        assert_eq!(cluster.status().node("a").unwrap().by_hand, Some(ByHand::Ejected));
    });
}

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Watcher for Told {
    fn pool(&self, event: &PoolEvent<'_>) {
        assert!(event.level() >= Level::Info, "{event}");
        self.0.lock().unwrap().push(format!("{}: {}", event.pool(), event.kind().name()));
    }

    fn cluster(&self, event: &Event) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

// P-29, C-17
#[test]
fn a_watcher_of_a_list_hears_of_all_that_is_there_and_that_comes_until_it_leaves() {
    let world = World::new(1);
    let registry = Registry::new();
    let pool = |name: &str| Pool::builder(Script::new()).name(name).env(world.sim.env());
    let (first, told) = (pool("first").build().unwrap(), Told::default());
    registry.pool(&first);
    let cluster = world.plain(&["a"]).register(&registry).build().unwrap();
    let watch = registry.watch(told.clone());
    let second = pool("second").build().unwrap();
    registry.pool(&second);
    world.sim.run(async {
        world.warm(&cluster).await;
        told.take();
        drop(first.acquire().await.unwrap());
        drop(second.acquire().await.unwrap());
        assert_eq!(
            told.take(),
            [
                "first: connection_ready",
                "first: pool_ready",
                "second: connection_ready",
                "second: pool_ready",
            ],
            "and nothing of acquires"
        );
        cluster.add(Node::new("b", "b")).unwrap();
        world.warm(&cluster).await;
        let heard = told.take();
        for line in ["cluster \"shop\", node \"b\": added", "shop:primary:b: connection_ready"] {
            assert!(heard.iter().any(|known| known == line), "{line}: {heard:?}");
        }
        // A node that is replaced has a new pool, which is watched as well.
        cluster.update(Node::new("b", "c").role(Role::Primary)).unwrap();
        world.sleep(secs(1)).await;
        assert!(told.take().contains(&"shop:primary:b: connection_ready".to_owned()));
        drop(watch);
        first.pause();
        cluster.eject("a").unwrap();
        assert_eq!(told.take(), [""; 0]);
        // Who comes later hears it.
        let later = Told::default();
        let _watch = registry.watch(later.clone());
        first.resume();
        assert_eq!((later.take(), told.take()), (vec!["first: pool_resumed".to_owned()], vec![]));
    });
}

// C-1
#[test]
fn a_list_keeps_nothing_alive_and_steers_what_is_there() {
    let world = World::new(1);
    let registry = Registry::new();
    let _watch = registry.watch(Told::default());
    let pool = Pool::builder(Script::new()).name("orders").env(world.sim.env()).build().unwrap();
    registry.pool(&pool);
    let cluster = world.plain(&["a", "b"]).register(&registry).build().unwrap();
    let (listed, shop) = (registry.pools().remove(0), registry.clusters().remove(0));
    world.sim.run(async {
        world.warm(&cluster).await;
        drop(pool.acquire().await.unwrap());
        listed.set_max_size(3.into()).unwrap();
        assert_eq!(listed.max_size().unwrap(), 3.into());
        let refused = listed.set_max_size(0.into()).unwrap_err();
        assert!(refused.to_string().contains("max_size"), "{refused}");
        let look = listed.look().unwrap();
        assert_eq!((look.status.max, look.stats.counts.acquired), (3, 1));
        assert_eq!(listed.clear().unwrap().await.closed, 1);
        shop.pause().unwrap();
        assert_eq!(shop.state(), Some(cenote::State::Paused));
        shop.resume().unwrap();
        let look = shop.look().unwrap();
        let pools = look.pools.iter().map(|pool| &*pool.as_ref().unwrap().name);
        assert_eq!(pools.collect::<Vec<_>>(), ["shop:primary:a", "shop:primary:b"]);
        assert!(shop.set_weight("nobody", 1).unwrap_err().to_string().contains("no node"));
        drop((pool, cluster));
        world.settled().await;
        assert!(registry.pools().is_empty() && registry.clusters().is_empty());
        assert!(listed.look().is_none() && shop.look().is_none());
        assert_eq!(
            listed.pause().unwrap_err().to_string(),
            "\"orders\" is gone: its last handle was dropped"
        );
    });
}
