//! What is done of what a source says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cenote::{Env, Node, Role, State};
use cenote_cluster::discovery::{Discovery, SafetyRules, Update, fixed, push};
use cenote_cluster::{Error, Route};

use crate::common::{World, ms, secs, turns};
use crate::{followed, keys, nodes};

// D-1, D-2
#[test]
fn a_node_that_comes_serves_and_one_that_goes_gets_nothing_new_and_drains() {
    let world = World::new(1);
    let (push, cluster) = followed(&world);
    world.sim.run(async {
        push.all(nodes(&["a", "b", "c"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["a", "b", "c"]);
        world.warm(&cluster).await;
        let held = cluster.route(Route::any().to("a")).await.unwrap();
        push.all(nodes(&["b", "c", "d"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["b", "c", "d"]);
        world.warm(&cluster).await;
        let mut served = turns(&cluster, &Route::any(), 200).await;
        served.sort();
        served.dedup();
        assert_eq!(served, ["b", "c", "d"]);
        // Its borrower may finish.
        assert_eq!(world.host("a").traffic().clients, 1);
        drop(held);
        world.settled().await;
        assert_eq!(world.host("a").traffic().clients, 0);
    });
}

// D-2
#[test]
fn a_borrower_of_a_node_that_is_gone_has_time_until_the_deadline() {
    let world = World::new(1);
    let (push, pushed) = push();
    let rules = SafetyRules::default().drain(secs(5));
    let cluster = world.builder().discover(pushed).safety(rules).build().unwrap();
    world.sim.run(async {
        push.all(nodes(&["a", "b", "c"]));
        world.settled().await;
        world.warm(&cluster).await;
        let pool = cluster.pool("a").unwrap();
        let held = cluster.route(Route::any().to("a")).await.unwrap();
        push.change(["a".to_owned()], []);
        world.sleep(ms(4_999)).await;
        assert_eq!((pool.status().state, pool.status().using), (State::Closed, 1));
        world.sleep(ms(2)).await;
        assert_eq!(pool.status().size, 0, "it has left the books");
        drop(held);
        world.settled().await;
        assert_eq!(world.host("a").traffic().clients, 0);
    });
}

// D-2, C-1
#[test]
fn weight_role_zone_and_tags_change_live_and_no_connection_is_closed() {
    let world = World::new(1);
    let (push, cluster) = followed(&world);
    world.sim.run(async {
        push.all(nodes(&["a", "b"]));
        world.settled().await;
        world.warm(&cluster).await;
        let made = || ["a", "b"].map(|key| cluster.pool(key).unwrap().stats().counts.connected);
        let (before, held) = (made(), cluster.route(Route::any().to("a")).await.unwrap());
        push.change([], [Node::new("a", "a").weight(3).role(Role::Replica).zone("eu").tag("ssd")]);
        world.settled().await;
        assert_eq!(world.events.news(), ["a: weight 1, now 3", "a: was primary, is replica"]);
        drop(held);
        assert_eq!(turns(&cluster, &Route::read().tagged("ssd"), 1).await, ["a"]);
        world.sleep(secs(60)).await;
        assert_eq!((made(), world.host("a").traffic().clients), (before, 1));
        // Another address is another server.
        push.change([], [Node::new("a", "elsewhere")]);
        world.settled().await;
        world.warm(&cluster).await;
        assert_eq!(world.host("a").traffic().clients, 0);
        assert_eq!(world.host("elsewhere").traffic().clients, 1);
    });
}

// D-2
#[test]
fn a_new_node_serves_from_its_first_connection_on_and_one_that_does_not_answer_costs_nobody_anything()
 {
    let world = World::new(1);
    let (push, cluster) = followed(&world);
    world.host("slow").connect_time(secs(2));
    world.host("dead").crash();
    world.sim.run(async {
        push.all(nodes(&["a"]));
        world.settled().await;
        world.warm(&cluster).await;
        push.all(nodes(&["a", "slow", "dead"]));
        world.settled().await;
        let before = world.elapsed();
        assert_eq!(turns(&cluster, &Route::any(), 100).await, ["a"; 100]);
        assert_eq!(world.elapsed(), before, "nobody waits for a connect");
        world.sleep(ms(2_001)).await;
        assert!(turns(&cluster, &Route::any(), 50).await.contains(&"slow".to_owned()));
        assert_eq!(cluster.status().node("dead").unwrap().in_use, 0);
        // Who asks for it alone waits for it.
        let asks = cluster.route(Route::any().to("dead")).timeout(ms(100)).await;
        assert!(matches!(asks, Err(Error::NoNodeOnline { .. })));
    });
}

// D-1
#[test]
fn callers_who_come_before_the_first_node_wait_for_it_and_are_told_why_there_is_none() {
    let world = World::new(1);
    let (push, cluster) = followed(&world);
    world.sim.run(async {
        let early = cluster.write().timeout(secs(1)).await.unwrap_err().to_string();
        assert!(
            early.contains("source \"what is pushed\": lists 0, 0 there; has said nothing yet"),
            "{early}"
        );
        push.failed("the registry is away");
        let early = cluster.write().timeout(secs(1)).await.unwrap_err().to_string();
        assert!(early.contains("not followed for 1.0s: the registry is away"), "{early}");
        let waits = {
            let cluster = cluster.clone();
            world
                .sim
                .spawn(async move { cluster.write().await.map(|conn| crate::common::node(&conn)) })
        };
        world.sleep(secs(10)).await;
        push.all(nodes(&["a"]));
        assert_eq!(waits.await.unwrap().unwrap(), "a");
        // There are nodes now, and none of this name.
        let nobody = cluster.route(Route::any().to("b")).await;
        assert!(matches!(nobody, Err(Error::NoSuchNode { .. })));
    });
}

// D-1, S
#[test]
fn what_makes_no_sense_is_told_at_once_while_there_are_no_nodes() {
    let world = World::new(1);
    let (push, pushed) = push();
    push.send(Update::invalid("line 3: no"));
    world.sim.run(async {
        let ready = world.builder().discover(pushed).build_ready().await.unwrap_err().to_string();
        assert!(ready.contains("not followed for 0.0ns: line 3: no"), "{ready}");
        assert_eq!(world.elapsed(), ms(0));
    });
    let (push, cluster) = followed(&world);
    world.sim.run(async {
        let waits = {
            let cluster = cluster.clone();
            world.sim.spawn(async move { cluster.read().await.map(drop).unwrap_err().to_string() })
        };
        world.sleep(ms(10)).await;
        push.all([Node::new("a", "")]);
        let error = waits.await.unwrap();
        assert!(
            error.contains("node \"a\" cannot be used: node \"a\": the address is empty"),
            "{error}"
        );
        assert_eq!(world.elapsed(), ms(10));
        push.all(nodes(&["a"]));
        world.settled().await;
        drop(cluster.read().await.unwrap());
    });
}

// D-1
#[test]
fn a_fixed_list_is_a_source_and_several_sources_do_not_disturb_each_other() {
    let world = World::new(1);
    let (push, pushed) = push();
    let cluster = world
        .builder()
        .node(Node::new("mine", "mine"))
        .discover(fixed(nodes(&["a", "b"])))
        .discover(pushed)
        .build()
        .unwrap();
    world.sim.run(async {
        world.settled().await;
        assert_eq!(keys(&cluster), ["mine", "a", "b"]);
        push.all(nodes(&["mine", "a", "c"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["mine", "a", "b", "c"]);
        let reasons = cluster.status().sources[1].reasons();
        let twice = "is in the cluster already: give each node a key of its own, or update it";
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(reasons.iter().all(|reason| reason.ends_with(twice)), "{reasons:?}");
        push.all(nodes(&["c"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["mine", "a", "b", "c"], "what is another's stays");
        assert!(cluster.status().sources.iter().all(|source| source.is_followed()));
    });
}

// D-1, D-3
#[test]
fn what_one_source_takes_away_stays_while_another_lists_it() {
    let world = World::new(1);
    let ((old, from_old), (new, from_new)) = (push(), push());
    let cluster = world
        .builder()
        .node(Node::new("mine", "mine"))
        .discover(from_old)
        .discover(from_new)
        .build()
        .unwrap();
    world.sim.run(async {
        // As when one registry takes the place of another.
        old.all(nodes(&["a", "b"]));
        world.settled().await;
        new.all(nodes(&["mine", "a", "b", "c"]));
        world.settled().await;
        assert_eq!(cluster.status().sources[1].refused.len(), 3);
        old.all(nodes(&["b"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["mine", "b", "c", "a"]);
        let refused = &cluster.status().sources[1].refused;
        assert_eq!(refused.len(), 2, "{refused:?}");
        // What is removed by hand stays so.
        cluster.remove("mine", secs(1)).await;
        world.settled().await;
        assert_eq!(keys(&cluster), ["b", "c", "a"]);
    });
}

// D-2, P-23
#[test]
fn a_closure_that_panics_for_one_node_costs_that_node_and_nothing_else() {
    let world = World::new(1);
    let (push, pushed) = push();
    let driver = world.net.driver();
    let make = move |node: &Node| {
        assert_ne!(node.key(), "bad", "a closure that panics on purpose");
        driver(node)
    };
    let cluster = cenote_cluster::Cluster::builder(make)
        .env(world.sim.env())
        .discover(pushed)
        .build()
        .unwrap();
    world.sim.run(async {
        push.all(nodes(&["a", "bad"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["a"]);
        let reasons = cluster.status().sources[0].reasons();
        assert!(reasons[0].contains("panicked"), "{reasons:?}");
        // Its source is followed on.
        push.all(nodes(&["a", "b"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["a", "b"]);
        assert!(cluster.add(Node::new("bad", "x")).unwrap_err().to_string().contains("panicked"));
    });
}

// C-1, D-2
#[test]
fn a_total_is_for_those_who_are_there_after_the_change() {
    let world = World::new(1);
    let (push, pushed) = push();
    let cluster = world.builder().max_total(3).discover(pushed).build().unwrap();
    world.sim.run(async {
        push.all(nodes(&["a", "b", "c"]));
        world.settled().await;
        push.all(nodes(&["a", "b", "d"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["a", "b", "d"]);
        push.all(nodes(&["a", "b", "d", "e"]));
        world.settled().await;
        let reasons = cluster.status().sources[0].reasons();
        assert!(
            reasons[0].contains("max_total of the cluster is 3, but there are 4 nodes"),
            "{reasons:?}"
        );
        push.all(nodes(&["a", "b", "e"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["a", "b", "e"]);
    });
}

/// Says something each time it is asked, without ever waiting.
struct Chatter(Arc<AtomicUsize>);

impl Discovery for Chatter {
    fn name(&self) -> String {
        "chatter".to_owned()
    }

    async fn next(&mut self, _: &dyn Env) -> Option<Update> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Some(Update::all(nodes(&["a"]))),
            1..=500 => Some(Update::failed("again")),
            _ => panic!("a source that panics on purpose"),
        }
    }
}

// D-1, P-23
#[test]
fn a_source_that_never_waits_is_slowed_down_and_one_that_panics_ends_alone() {
    let world = World::new(1);
    let asked = Arc::new(AtomicUsize::new(0));
    let cluster = world.builder().discover(Chatter(Arc::clone(&asked))).build().unwrap();
    world.sim.run(async {
        world.sleep(secs(10)).await;
        let asked = asked.load(Ordering::Relaxed);
        assert!((90..=102).contains(&asked), "{asked}");
        world.sleep(secs(60)).await;
        let reasons = cluster.status().sources[0].reasons();
        assert!(
            reasons[0].ends_with("the source panicked, and is not asked any more"),
            "{reasons:?}"
        );
        assert_eq!(turns(&cluster, &Route::any(), 1).await, ["a"]);
    });
}

// D-1, P-33
#[test]
fn the_task_of_a_source_ends_with_its_cluster() {
    for closes in [true, false] {
        let world = World::new(1);
        let (push, cluster) = followed(&world);
        world.sim.run(async {
            push.all(nodes(&["a", "b"]));
            world.settled().await;
            if closes {
                cluster.close_now().await;
                push.all(nodes(&["a", "b", "c"]));
                world.settled().await;
            }
            drop(cluster);
            world.sleep(secs(60)).await;
        });
        assert_eq!(world.sim.tasks(), 0);
    }
}

// D-1
#[test]
fn what_is_pushed_faster_than_it_is_followed_is_put_together() {
    let world = World::new(1);
    let (push, pushed) = push();
    push.failed("not yet");
    push.all(nodes(&["a", "b", "c"]));
    push.change(["b".to_owned()], nodes(&["d"]));
    push.failed("a moment");
    push.change(["a".to_owned()], [Node::new("c", "c").weight(2)]);
    push.change(["d".to_owned()], nodes(&["e"]));
    let mut pushed = pushed;
    let env = world.sim.env();
    world.sim.run(async {
        let update = pushed.next(&*env).await.unwrap();
        let keys: Vec<&str> = update.nodes().unwrap().iter().map(Node::key).collect();
        assert_eq!(keys, ["c", "e"]);
        push.change(["c".to_owned()], nodes(&["f"]));
        push.change(["f".to_owned()], nodes(&["g"]));
        assert_eq!(
            pushed.next(&*env).await,
            Some(Update::change(["c", "f"].map(str::to_owned), nodes(&["g"])))
        );
        drop(push);
        assert_eq!(pushed.next(&*env).await, None);
    });
}
