//! A thousand nodes that come and go all the time.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use cenote::{Node, Pool, State, Time};
use cenote_cluster::discovery::{SafetyRules, push};
use cenote_cluster::{Random, Route};

use crate::common::{World, ms, node, secs};

const NODES: usize = 1_000;

// D-1, D-2, D-3
#[test]
fn a_thousand_nodes_that_flap_for_a_minute_leak_nothing_and_whoever_picks_never_waits() {
    let world = World::new(1);
    let (push, pushed) = push();
    let rules = SafetyRules::default().together(ms(0));
    let cluster = world.builder().discover(pushed).safety(rules).build().unwrap();
    let all: Vec<Node> = (0..NODES).map(|n| Node::new(format!("n{n}"), format!("n{n}"))).collect();
    let random = Random::new(1);
    let mut listed: BTreeSet<usize> = (0..NODES).collect();
    let list = |listed: &BTreeSet<usize>| -> Vec<Node> {
        listed.iter().map(|n| all[*n].clone()).collect()
    };
    let (mut came, mut went, mut served) = (0, 0, 0);
    let mut pools: Vec<Pool<_>> = Vec::new();
    world.sim.run(async {
        push.all(list(&listed));
        world.sleep(secs(2)).await;
        assert_eq!(cluster.status().total().available, NODES);
        let ends = world.sim.now() + secs(60);
        while world.sim.now() < ends {
            // Twenty of them are the other way now.
            for _ in 0..20 {
                let n = random.below(NODES);
                if listed.remove(&n) {
                    went += 1;
                    pools.extend(cluster.pool(all[n].key()));
                } else {
                    listed.insert(n);
                    came += 1;
                }
            }
            push.all(list(&listed));
            let until: Time = world.sim.now() + ms(250);
            while world.sim.now() < until {
                // Whoever picks has its connection at the first poll.
                let mut acquire = pin!(cluster.route(Route::any()));
                let first = poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))).await;
                let Poll::Ready(conn) = first else {
                    panic!("it waits at {}", world.elapsed().as_millis())
                };
                let conn = conn.unwrap();
                assert!(!node(&conn).is_empty());
                served += 1;
                world.sleep(ms(random.below(4) as u64)).await;
            }
        }
        world.sleep(secs(40)).await;
        let wanted: BTreeSet<&str> = listed.iter().map(|n| all[*n].key()).collect();
        let nodes = cluster.nodes();
        assert_eq!(nodes.iter().map(|node| node.key()).collect::<BTreeSet<_>>(), wanted);
        // What was removed is closed, and what is there has one connection each.
        let closed: Vec<_> =
            pools.iter().map(Pool::status).filter(|pool| pool.state == State::Closed).collect();
        assert!(closed.len() > 1_500 && closed.iter().all(|pool| pool.size == 0));
        for (n, node) in all.iter().enumerate() {
            let clients = world.host(node.key()).traffic().clients;
            assert_eq!(clients, usize::from(listed.contains(&n)), "{}", node.key());
        }
        assert_eq!(cluster.status().total().using, 0);
        assert!(came > 1_500 && went > 1_500 && served > 10_000, "{came}, {went}, {served}");
        drop(pools);
        cluster.close_now().await;
        drop(cluster);
        world.sleep(secs(60)).await;
    });
    assert_eq!(world.sim.tasks(), 0, "no task is left");
}
