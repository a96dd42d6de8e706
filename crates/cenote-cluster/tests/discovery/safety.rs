//! What is not done of what a source says, at the public face: the rules themselves are the stabilizer's tables.

use std::sync::{Arc, Mutex};

use cenote::{Level, Node};
use cenote_cluster::Route;
use cenote_cluster::discovery::push;

use crate::common::{World, secs, turns};
use crate::{followed, keys, nodes};

// D-3, C-17
#[test]
fn nothing_healthy_is_lost_and_the_reason_is_in_status_events_and_log() {
    let world = World::new(1);
    let (push, pushed) = push();
    let log: Arc<Mutex<Vec<(Level, String)>>> = Arc::default();
    let lines = Arc::clone(&log);
    let cluster = world
        .builder()
        .discover(pushed)
        .log_with(move |level, line| lines.lock().unwrap().push((level, line.to_owned())))
        .build()
        .unwrap();
    world.sim.run(async {
        push.all(nodes(&["a", "b", "c", "d"]));
        world.settled().await;
        world.warm(&cluster).await;
        log.lock().unwrap().clear();
        let told = |told: &str| {
            let events: Vec<_> = world.events.take();
            let source = "cluster shop, source what is pushed: ";
            let matching = events.iter().any(|event| event == &format!("{source}{told}"));
            assert!(matching, "{told}: {events:?}");
            let log = std::mem::take(&mut *log.lock().unwrap());
            let matching = |(_, line): &&(Level, String)| line.replace('"', "").contains(told);
            log.iter().find(matching).unwrap_or_else(|| panic!("{told}: {log:?}")).0
        };
        let reasons = || cluster.status().sources[0].reasons().join("; ");
        let serves = async |names: &[&str]| {
            let mut served = turns(&cluster, &Route::any(), 300).await;
            served.sort();
            served.dedup();
            assert_eq!(served, names);
        };

        // It dies.
        push.failed("etcd at 127.0.0.1:2379: connection refused");
        world.sleep(secs(600)).await;
        serves(&["a", "b", "c", "d"]).await;
        let level =
            told("etcd at 127.0.0.1:2379: connection refused; the nodes stay as they are");
        assert_eq!(level, Level::Warn);
        assert_eq!(reasons(), "not followed for 600.0s: etcd at 127.0.0.1:2379: connection refused");

        // It empties.
        push.all([]);
        world.sleep(secs(600)).await;
        serves(&["a", "b", "c", "d"]).await;
        told("lists no node, which is taken for a mistake: 4 stay as they are (allow an empty list if it is meant)");
        assert_eq!(reasons(), "lists no node, which is taken for a mistake");

        // It loses more than half.
        push.all(nodes(&["a"]));
        world.sleep(secs(20)).await;
        serves(&["a", "b", "c", "d"]).await;
        told("takes away more than half of 4 nodes at once: 3 that work stay for 30s, unless it lists them again");
        assert_eq!(
            reasons(),
            "b is held for another 10.0s; c is held for another 10.0s; d is held for another 10.0s"
        );
        assert!(!cluster.status().sources[0].is_followed());

        // It has them again.
        push.all(nodes(&["a", "b", "c", "d"]));
        world.sleep(secs(60)).await;
        serves(&["a", "b", "c", "d"]).await;
        assert_eq!(reasons(), "");
        assert!(cluster.status().sources[0].is_followed());
        assert!(
            cluster.status().to_string().ends_with("\nsource \"what is pushed\": lists 4, 4 there")
        );

        // It lists one twice, and an address that is none.
        push.all([nodes(&["a", "b", "c", "d", "a"]), vec![Node::new("e", "")]].concat());
        world.sleep(secs(1)).await;
        serves(&["a", "b", "c", "d"]).await;
        told("node e cannot be used: node e: the address is empty");
        assert_eq!(
            reasons(),
            "node \"e\" cannot be used: node \"e\": the address is empty; \
             node \"a\" is listed twice: the first entry counts"
        );

        // A change that cannot be made leaves what works.
        push.all([nodes(&["a", "b", "c"]), vec![Node::new("d", "")]].concat());
        world.sleep(secs(1)).await;
        serves(&["a", "b", "c", "d"]).await;
        told("node d cannot be used: node d: the address is empty");
        let closed = ["a", "b", "c", "d"].map(|key| cluster.pool(key).unwrap().stats().counts.closes.total());
        assert_eq!(closed, [0; 4], "no connection was closed in all this");
    });
}

// D-3
#[test]
fn of_a_mass_removal_those_go_that_do_not_work_and_the_others_after_the_grace_time() {
    let world = World::new(1);
    let (push, cluster) = followed(&world);
    world.sim.run(async {
        push.all(nodes(&["a", "b", "c", "d"]));
        world.settled().await;
        world.warm(&cluster).await;
        world.host("b").crash();
        world.sleep(secs(3)).await;
        push.all(nodes(&["a"]));
        world.settled().await;
        assert_eq!(keys(&cluster), ["a", "c", "d"]);
        world.sleep(secs(10)).await;
        world.host("c").crash();
        world.sleep(secs(5)).await;
        assert_eq!(keys(&cluster), ["a", "d"]);
        let until = |n| secs(33) + crate::common::ms(n);
        world.sleep(until(0) - world.elapsed()).await;
        assert_eq!(keys(&cluster), ["a", "d"]);
        world.sleep(crate::common::ms(100)).await;
        assert_eq!(keys(&cluster), ["a"]);
        assert_eq!(world.host("d").traffic().clients, 0);
    });
}
