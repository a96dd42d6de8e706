//! What a change costs: what changed, whatever the number of nodes and of their connections (D-2).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cenote::{Node, TestOnAcquire};
use cenote_cluster::Cluster;
use cenote_cluster::discovery::push;

use crate::common::{World, ms, secs};

/// Polls of tasks, tasks spawned, managers made, connects and closes for one kind of change.
#[derive(Debug, PartialEq)]
struct Work {
    polls: u64,
    spawns: u64,
    managers: usize,
    connects: u64,
    closes: u64,
}

/// What these changes cost in a cluster of so many nodes with four connections each.
fn work(nodes: usize) -> Vec<Work> {
    let world = World::new(1);
    let managers = Arc::new(AtomicUsize::new(0));
    let (made, driver) = (Arc::clone(&managers), world.net.driver());
    let (push, pushed) = push();
    let cluster = Cluster::builder(move |node: &Node| {
        made.fetch_add(1, Ordering::Relaxed);
        driver(node)
    })
    .env(world.sim.env())
    .pool(|pool| {
        // Nothing of its own accord, so that what is counted is the change's.
        let pool = pool.min_size(4).max_size(4).upkeep_interval(secs(3600));
        pool.test_on_acquire(TestOnAcquire::Never)
    })
    .discover(pushed)
    .build()
    .unwrap();
    let all: Vec<Node> =
        (0..nodes).map(|n| Node::new(format!("n{n:04}"), format!("n{n:04}"))).collect();
    world.sim.run(async {
        push.all(all.clone());
        world.sleep(secs(5)).await;
        assert_eq!(cluster.status().total().available, 4 * nodes);
    });
    let count = |change: &dyn Fn()| {
        let hosts = || {
            let traffic = all.iter().map(|node| world.host(node.key()).traffic());
            traffic
                .fold((0, 0), |(connects, clients), t| (connects + t.connects, clients + t.clients))
        };
        let before = (
            world.sim.polls(),
            world.sim.usage().spawns,
            managers.load(Ordering::Relaxed),
            hosts(),
        );
        change();
        world.sim.run_for(ms(100));
        let (connects, clients) = hosts();
        Work {
            polls: world.sim.polls() - before.0,
            spawns: world.sim.usage().spawns - before.1,
            managers: managers.load(Ordering::Relaxed) - before.2,
            connects: connects - before.3.0,
            closes: (before.3.1 + (connects - before.3.0) as usize - clients) as u64,
        }
    };
    let weight = |n: usize, weight| all[n].clone().weight(weight);
    vec![
        // A whole list in which three are otherwise.
        count(&|| {
            let changed = all
                .iter()
                .enumerate()
                .map(|(n, node)| if n < 3 { weight(n, 2) } else { node.clone() });
            push.all(changed.collect::<Vec<_>>());
        }),
        // The same as a change.
        count(&|| push.change([], (0..3).map(|n| weight(n, 3)))),
        // A list that says nothing new.
        count(&|| {
            let same = all.iter().enumerate().map(
                |(n, node)| {
                    if n < 3 { weight(n, 3) } else { node.clone() }
                },
            );
            push.all(same.collect::<Vec<_>>());
        }),
        // One goes, and comes back.
        count(&|| push.change(["n0007".to_owned()], [])),
        count(&|| push.change([], [all[7].clone()])),
    ]
}

// D-2
#[test]
fn a_change_costs_what_changed_and_not_what_is_there() {
    let (few, many) = (work(20), work(400));
    assert_eq!(few, many);
    let [list, change, same, gone, back] = &many[..] else { panic!("five changes") };
    for quiet in [list, change, same] {
        assert_eq!((quiet.spawns, quiet.managers, quiet.connects, quiet.closes), (0, 0, 0, 0));
    }
    assert_eq!((gone.managers, gone.connects, gone.closes), (0, 0, 4));
    assert_eq!((back.managers, back.connects, back.closes), (1, 4, 0));
}
