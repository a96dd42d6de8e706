//! A cluster's life: how it is built, how nodes come, change and go, and how all of it ends.

mod by_hand;
mod common;

use std::sync::{Arc, Mutex};

use cenote::{Lend, Manager, Node, Pool, Role, State, TestOnAcquire};
use cenote_cluster::{BuildError, Cluster, Error, Registry, Route};
use cenote_testkit::{Remote, Script, Sim};
use common::{World, ms, node, secs, turns};

// C-1
#[test]
fn every_node_has_a_pool_with_a_name_and_limits_of_its_own() {
    let world = World::new(1);
    let cluster = world
        .replicated(&["r1", "r2"])
        .pool(|pool| pool.max_size(20))
        .pool_of(Role::Primary, |pool| pool.max_size(5))
        .pool_with(|node, pool| if node.key() == "r2" { pool.max_size(7) } else { pool })
        .build()
        .unwrap();
    let pools = ["p", "r1", "r2"].map(|key| cluster.pool(key).unwrap());
    assert_eq!(pools.each_ref().map(|pool| pool.status().max), [5, 20, 7]);
    let names = pools.each_ref().map(|pool| pool.name().to_owned());
    assert_eq!(names, ["shop:primary:p", "shop:replica:r1", "shop:replica:r2"]);
    assert!(cluster.pool("nobody").is_none());
}

// C-1
#[test]
fn a_total_is_divided_over_the_nodes_of_a_role_and_of_the_cluster() {
    let world = World::new(1);
    let cluster = world
        .replicated(&["r1", "r2"])
        .max_total_of(Role::Replica, 6)
        .max_total(9)
        .build()
        .unwrap();
    let max = |key: &str| cluster.pool(key).unwrap().status().max;
    assert_eq!((max("p"), max("r1"), max("r2")), (3, 3, 3));
    cluster.add(Node::new("r3", "r3").role(Role::Replica)).unwrap();
    assert_eq!((max("r1"), max("r2"), max("r3")), (2, 2, 2));
    cluster.update(Node::new("r3", "r3").role(Role::Replica).weight(4)).unwrap();
    assert_eq!((max("r1"), max("r2"), max("r3")), (2, 1, 3));
    let error = world.plain(&["a", "b"]).max_total(1).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_total of the cluster is 1, but there are 2 nodes and each needs a connection: raise it"
    );
}

// C-1
#[test]
fn a_new_weight_role_zone_or_tag_closes_no_connection() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let made = || ["a", "b"].map(|key| cluster.pool(key).unwrap().stats().counts.connected);
        let before = made();
        let new = Node::new("a", "a").weight(3).role(Role::Replica).zone("eu").tag("ssd");
        cluster.update(new).unwrap();
        assert_eq!(world.events.news(), ["a: weight 1, now 3", "a: was primary, is replica"]);
        assert_eq!(turns(&cluster, &Route::read().tagged("ssd"), 1).await, ["a"]);
        world.sleep(secs(1)).await;
        assert_eq!(made(), before);
        // Weight 0: it gets nothing, and stays.
        cluster.update(Node::new("a", "a").weight(0)).unwrap();
        assert_eq!(turns(&cluster, &Route::any(), 4).await, ["b"; 4]);
        // Another address is another server.
        cluster.update(Node::new("a", "c")).unwrap();
        world.sleep(secs(1)).await;
        assert_eq!(world.host("c").traffic().connects, 1);
        assert_eq!(world.host("a").traffic().clients, 0);
    });
}

// C-1, C-17, C-18
#[test]
fn a_node_that_is_removed_gets_nothing_new_and_its_borrowers_may_finish() {
    let world = World::new(1);
    let cluster = world.plain(&["a-1", "a-2", "b"]).pool(|pool| pool.max_size(1)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any().to("a-1")).await.unwrap();
        let waiter = {
            let cluster = cluster.clone();
            world.sim.spawn(async move {
                let conn = cluster.route(Route::any().to("a-1")).timeout(secs(2)).await;
                conn.map(|conn| node(&conn)).unwrap_err().to_string()
            })
        };
        world.settled().await;
        let removing = cluster.remove("a-*", secs(5));
        assert_eq!(removing.removed(), 2);
        // Who waited there goes back to routing at once, and finds that there is no such node.
        assert!(waiter.await.unwrap().contains("no node is any node named \"a-1\""));
        assert_eq!(turns(&cluster, &Route::any(), 3).await, ["b"; 3]);
        let handle = world.sim.handle();
        let ends = world.sim.spawn(async move {
            handle.sleep(secs(1)).await;
            drop(held);
        });
        let before = world.elapsed();
        let report = removing.await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(world.elapsed() - before, secs(1));
        ends.await.unwrap();
        assert_eq!(world.events.news(), ["a-1: removed", "a-2: removed"]);
        assert_eq!(cluster.remove("a-*", secs(5)).removed(), 0);
    });
}

// C-1, S
#[test]
fn bad_nodes_are_named() {
    let world = World::new(1);
    let empty = world.builder().node(Node::new("a", "")).build().unwrap_err();
    assert_eq!(empty.to_string(), "node \"a\": the address is empty");
    let twice = world.plain(&["a", "a"]).build().unwrap_err();
    assert!(matches!(twice, BuildError::Twice { .. }));
    assert_eq!(
        twice.to_string(),
        "node \"a\" is in the cluster already: give each node a key of its own, or update it"
    );
    let cluster = world.plain(&["a"]).build().unwrap();
    assert!(matches!(cluster.add(Node::new("a", "b")), Err(BuildError::Twice { .. })));
    let options = world.plain(&["a"]).pool(|pool| pool.min_size(99)).build().unwrap_err();
    assert!(options.to_string().contains("node \"a\": min_size is 99"), "{options}");
    let nowhere = Cluster::builder(world.net.driver()).node(Node::new("a", "a")).build();
    assert!(matches!(nowhere, Err(BuildError::NoRuntime)));
    world.sim.run(async {
        world.host("a").crash();
        let ready = world.plain(&["a"]).acquire_timeout(ms(100)).build_ready().await;
        let text = ready.unwrap_err().to_string();
        assert!(text.contains("a is offline: server a: connection refused"), "{text}");
        drop(cluster);
    });
}

// C-18
#[test]
fn lifecycle_calls_act_on_all_nodes_at_once_and_report_for_all() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b", "c"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        // Pause: callers queue, and go on when it is over.
        cluster.pause().await;
        assert_eq!(cluster.status().state, State::Paused);
        let waits = cluster.route(Route::any()).timeout(ms(10)).await;
        assert!(matches!(waits, Err(Error::Timeout { .. })));
        // Who joins meanwhile is paused, too.
        cluster.add(Node::new("late", "late")).unwrap();
        world.sleep(ms(10)).await;
        let waits = cluster.route(Route::any().to("late")).timeout(ms(10)).await;
        assert!(matches!(waits, Err(Error::Timeout { .. })));
        cluster.remove("late", secs(1)).await;
        cluster.resume().await;
        drop(cluster.route(Route::any()).await.unwrap());
        // Clear: every connection is a new one.
        let report = cluster.clear().await;
        assert_eq!((report.closed, report.is_clean()), (3, true));
        world.warm(&cluster).await;
        // Drain: nobody new; who holds one is named when it takes too long.
        let held = [Route::any().to("a"), Route::any().to("b")];
        let mut conns = Vec::new();
        for route in held {
            conns.push(cluster.route(route).await.unwrap());
        }
        let before = world.elapsed();
        let drained = cluster.drain(ms(500)).await;
        assert_eq!((world.elapsed() - before, drained.holders.len()), (ms(500), 2));
        assert!(matches!(cluster.route(Route::any()).await, Err(Error::Draining { .. })));
        assert!(matches!(cluster.add(Node::new("d", "d")), Err(BuildError::Closed)));
        // Close: all at once, the holders of all.
        let closed = cluster.close(ms(500)).await;
        assert_eq!(closed.holders.len(), 2);
        assert!(closed.holders.iter().all(|holder| holder.location.file().ends_with("living.rs")));
        assert!(matches!(cluster.read().await, Err(Error::Closed { .. })));
        assert_eq!(Lend::status(&cluster).size, 0);
        assert_eq!(cluster.status().state, State::Closed);
        drop(conns);
        world.settled().await;
        for name in ["a", "b", "c"] {
            assert_eq!(world.host(name).traffic().clients, 0);
        }
    });
}

// C-18, P-33
#[test]
fn a_close_ends_those_who_wait_for_nobody_and_the_last_handle_ends_everything() {
    let world = World::new(1);
    let cluster = world.plain(&["a"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").crash();
        world.sleep(secs(2)).await;
        let lurks = {
            let cluster = cluster.clone();
            world.sim.spawn(async move { cluster.read().await.map(drop).unwrap_err().to_string() })
        };
        world.sleep(secs(1)).await;
        cluster.close_now().await;
        assert_eq!(lurks.await.unwrap(), "cluster \"shop\" is closed");
    });
    let other = world.replicated(&["r"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&other).await;
        drop(other);
        drop(cluster);
        world.sleep(secs(20)).await;
    });
    assert_eq!(world.host("r").traffic().clients, 0);
    assert_eq!(world.sim.tasks(), 0, "no task of a pool, a steward or a monitor is left");
}

// C-17
#[test]
fn status_and_events_tell_of_every_node_and_role() {
    let world = World::new(1);
    let cluster = world.replicated(&["r1", "r2"]).build().unwrap();
    world.sim.run(async {
        assert_eq!(world.events.take(), ["p: added", "r1: added", "r2: added"]);
        while cluster.status().nodes.iter().any(|node| node.pool.available == 0) {
            world.sleep(ms(1)).await;
        }
        let mut online = world.events.take();
        online.sort();
        assert_eq!(online, ["p: online", "r1: online", "r2: online"]);
        let held = (cluster.read().await.unwrap(), cluster.write().await.unwrap());
        let status = cluster.status();
        let (primary, replicas) = (status.of(Role::Primary), status.of(Role::Replica));
        assert_eq!((primary.using, replicas.using, replicas.available), (1, 1, 1));
        assert_eq!(status.total().using, 2);
        let text = status.to_string();
        assert!(text.contains("p (primary, online): running, size 1 of 10, using 1"), "{text}");
        drop(held);
        // An observer that panics, or calls back, hurts nobody; one that has left is told nothing.
        let seen = Arc::new(Mutex::new(0));
        let (counter, again) = (Arc::clone(&seen), cluster.clone());
        let counted = cluster.observe(move |_| {
            *counter.lock().unwrap() += 1;
            let _ = again.status();
        });
        cluster.observe(|_| panic!("an observer that panics on purpose")).forget();
        cluster.update(Node::new("r1", "r1").role(Role::Replica).weight(2)).unwrap();
        drop(counted);
        cluster.update(Node::new("r1", "r1").role(Role::Replica).weight(3)).unwrap();
        assert_eq!(*seen.lock().unwrap(), 1);
        assert_eq!(world.events.take(), ["r1: weight 1, now 2", "r1: weight 2, now 3"]);
    });
}

/// One function for a pool and for a cluster.
async fn report<L: Lend>(
    db: &L,
    using: impl Fn(&<L::Manager as Manager>::Connection) -> String,
) -> String {
    let (reader, writer) = (db.read().await.unwrap(), db.write().await.unwrap());
    format!("{} {} {}", using(&reader), using(&writer), db.status().using)
}

// C-19
#[test]
fn code_written_against_lend_takes_a_pool_and_a_cluster() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).build().unwrap();
    let driver = world.net.driver();
    let pool = Pool::builder(driver(&Node::new("x", "x")).unwrap())
        .env(world.sim.env())
        .test_on_acquire(TestOnAcquire::Never)
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let host = |wire: &cenote_testkit::Wire| wire.host().to_owned();
        assert_eq!(report(&cluster, host).await, "r p 2");
        assert_eq!(report(&pool, host).await, "x x 2");
        assert_eq!(node(&Lend::acquire(&cluster).await.unwrap()), "p");
        let _ = Lend::pause(&cluster).await;
        let _ = Lend::resume(&cluster).await;
        let _ = Lend::close(&cluster, secs(1)).await;
    });
}

// C-1, C-18
#[test]
fn a_registry_lists_pools_and_clusters_and_closes_all() {
    let world = World::new(1);
    let registry = Registry::new();
    let cluster = world.plain(&["a", "b"]).register(&registry).build().unwrap();
    let pool: Pool<Remote> = Pool::builder(world.net.driver()(&Node::new("x", "x")).unwrap())
        .name("alone")
        .env(world.sim.env())
        .build()
        .unwrap();
    registry.pool(&pool);
    let gone = world.plain(&["c"]).name("gone").register(&registry).build().unwrap();
    drop(gone);
    world.sim.run(async {
        world.warm(&cluster).await;
        let names: Vec<_> =
            registry.status().into_iter().map(|(name, status)| (name, status.size)).collect();
        assert_eq!(names, [("shop".to_owned(), 2), ("alone".to_owned(), 0)]);
        let _held = cluster.read().await.unwrap();
        let before = world.elapsed();
        let closed = registry.close_all(ms(300)).await;
        assert_eq!(world.elapsed() - before, ms(300), "side by side");
        let holders: Vec<_> = closed.iter().map(|c| (c.name.as_str(), c.holders.len())).collect();
        assert_eq!(holders, [("shop", 1), ("alone", 0)]);
        assert_eq!(pool.status().state, State::Closed);
    });
}

/// A future of the cluster's can be sent to another thread.
#[test]
// C-9
fn acquires_are_send() {
    fn send(_: impl Send) {}
    let sim = Sim::new(1);
    let net = cenote_testkit::Net::new(&sim);
    let cluster =
        Cluster::builder(net.driver()).env(sim.env()).node(Node::new("a", "a")).build().unwrap();
    send(cluster.read());
    send(cluster.with(Route::read(), async |conn| conn.read().await));
}

// C-17
#[test]
fn threads_that_look_at_the_status_do_not_wait_for_each_other_for_ever() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    // The more nodes, the more moments at which two can meet.
    let nodes = (0..32).map(|n| Node::new(n.to_string(), ""));
    let cluster = Cluster::builder(|_: &Node| Ok(Script::new())).nodes(nodes).build().unwrap();
    let (done, all) = std::sync::mpsc::channel();
    for _ in 0..4 {
        let (cluster, done) = (cluster.clone(), done.clone());
        std::thread::spawn(move || {
            (0..10_000).for_each(|_| assert_eq!(cluster.status().nodes.len(), 32));
            done.send(()).unwrap();
        });
    }
    for _ in 0..4 {
        let looked = all.recv_timeout(secs(60));
        assert!(looked.is_ok(), "they wait for each other, or one has panicked");
    }
}

// C-1
#[test]
fn of_two_words_on_a_pools_part_of_a_total_the_later_one_stands() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).max_total(12).build().unwrap();
    let limits = || ["a", "b"].map(|key| cluster.pool(key).unwrap().status().max);
    world.sim.run(async {
        world.warm(&cluster).await;
        assert_eq!(limits(), [6, 6]);
        drop(cluster.pool("a").unwrap().acquire_many(6).await.unwrap());
        // While the parts are given out that this asks for, somebody asks for others.
        let asked = Mutex::new(false);
        let again = cluster.clone();
        let pool = cluster.pool("a").unwrap();
        let watching = pool.observe(move |event: &cenote::Event<'_>| {
            if event.kind().name() == "connection_closing"
                && !std::mem::replace(&mut *asked.lock().unwrap(), true)
            {
                again.set_weight("b", 1).unwrap();
            }
        });
        cluster.set_weight("b", 5).unwrap();
        world.settled().await;
        assert_eq!(limits(), [6, 6]);
        drop(watching);
    });
}
