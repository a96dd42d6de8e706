//! What happens when nodes fail: who is tried next, who waits, who is told what, and what comes back.

mod common;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cenote::{Fault, Manager, Node, Pooled, Probe, Probed, Role};
use cenote_cluster::balance::Ordered;
use cenote_cluster::{AllDown, Cluster, Condition, Error, RetryBudget, Route};
use cenote_testkit::{Remote, ScriptError, Wire};
use common::{World, ms, node, secs, turns};

// C-11, C-12
#[test]
fn of_two_primaries_only_the_one_with_the_higher_epoch_is_written_to() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        assert_eq!(node(&cluster.write().await.unwrap()), "p");
        // r is promoted while p goes on: both say that they are it, and both take writes.
        world.host("r").promote();
        let since = world.elapsed();
        while node(&cluster.write().await.unwrap()) == "p" {
            world.sleep(ms(10)).await;
        }
        assert!(world.elapsed() - since <= secs(6), "one sweep, without any suspicion");
        let before = world.host("p").traffic().writes;
        for _ in 0..100 {
            let mut writer = cluster.write().await.unwrap();
            assert_eq!(node(&writer), "r");
            writer.write().await.unwrap();
            world.sleep(ms(100)).await;
        }
        assert_eq!(world.host("p").traffic().writes, before);
        // The old one is not read from either: it has data of its own.
        assert_eq!(cluster.status().node("p").unwrap().role, None);
        assert_eq!(node(&cluster.read().await.unwrap()), "r");
    });
}

// C-11
#[test]
fn a_primary_that_comes_back_writable_after_a_failover_gets_nothing() {
    let world = World::new(1);
    let cluster = world.replicated(&["r", "s"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let mut writer = cluster.write().await.unwrap();
        world.host("p").crash();
        assert!(writer.write().await.is_err());
        Pooled::report_fault(&mut writer, Fault::Host);
        drop(writer);
        world.sleep(secs(1)).await;
        world.host("r").promote();
        let promoted = world.elapsed();
        assert_eq!(node(&cluster.write().await.unwrap()), "r");
        let took = world.elapsed() - promoted;
        assert!(took <= ms(300), "asked every 100 ms after a suspicion: {took:?}");
        assert_eq!(
            world.events.news(),
            [
                "p: offline: server p: connection refused",
                "p: was primary, is unknown",
                "r: was replica, is primary",
            ]
        );
        world.host("p").start();
        for _ in 0..50 {
            let mut writer = cluster.write().await.unwrap();
            assert_eq!(node(&writer), "r");
            writer.write().await.unwrap();
            world.sleep(ms(200)).await;
        }
        // Nor does it while the new one is away.
        world.host("r").crash();
        world.sleep(secs(1)).await;
        let error = cluster.write().timeout(secs(1)).await.unwrap_err();
        assert!(matches!(error, Error::NoPrimary { .. }), "{error}");
        assert_eq!(world.host("p").traffic().writes, 0);
        assert_eq!(cluster.status().node("p").unwrap().role, None);
    });
}

// C-6, C-11
#[test]
fn a_primary_of_the_past_that_becomes_a_replica_starts_slowly_as_any_other_does() {
    let world = World::new(1);
    let cluster = world.replicated(&["r", "s"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("p").crash();
        world.sleep(secs(1)).await;
        world.host("r").promote();
        assert_eq!(node(&cluster.write().await.unwrap()), "r");
        world.host("p").start();
        let stands = || cluster.status().node("p").map(|node| (node.role, node.condition)).unwrap();
        while stands() != (None, Condition::SlowStart) {
            world.sleep(ms(10)).await;
        }
        // For a while it is alone in saying what it says; then it follows like the others.
        world.sleep(ms(500)).await;
        world.host("p").role(Role::Replica);
        while stands().0 != Some(Role::Replica) {
            world.sleep(ms(10)).await;
        }
        let share = cluster.status().node("p").unwrap().share;
        assert!(share < 0.5, "{share} of it counts");
    });
}

// C-11, C-17
#[test]
fn who_cannot_be_connected_to_is_not_asked_and_no_failed_acquires_are_counted() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).probe_roles().build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("r").crash();
        let condition = || cluster.status().node("r").unwrap().condition;
        while condition() != Condition::Unreachable {
            world.sleep(ms(10)).await;
        }
        let failed = || cluster.pool("r").unwrap().stats().counts.failed;
        let before = failed();
        world.sleep(secs(20)).await;
        assert_eq!(failed() - before, 0, "asked every 100 ms, it would be two hundred");
        world.host("r").start();
        while condition() == Condition::Unreachable {
            world.sleep(ms(10)).await;
        }
        // And it is asked again at once: it was promoted meanwhile, say.
        world.host("r").promote();
        world.sleep(ms(300)).await;
        assert_eq!(cluster.status().node("r").unwrap().role, Some(Role::Primary));
    });
}

// C-11, C-12
#[test]
fn a_promotion_that_comes_late_is_seen_at_once_as_long_as_somebody_waits() {
    // At any moment between two of the sweeps that come every 5 s.
    (0..5).for_each(|n| promote_late(secs(60 + n) + ms(300)));
}

fn promote_late(after: Duration) {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).probe_roles().acquire_timeout(secs(90)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("p").crash();
        // The suspicion is over, and nobody wanted anything meanwhile; then one waits for long.
        world.sleep(secs(60)).await;
        let (handle, r) = (world.sim.handle(), world.host("r"));
        let promote = world.sim.spawn(async move {
            handle.sleep(after).await;
            r.promote();
            handle.now()
        });
        assert_eq!(node(&cluster.write().await.unwrap()), "r");
        let taken = world.sim.handle().now();
        let took = taken.since(promote.await.unwrap());
        assert!(took <= ms(300), "asked every 100 ms while somebody waits: {took:?}");
    });
}

// C-12
#[test]
fn a_refused_write_drops_the_role_and_writers_wait_for_the_next_primary() {
    let world = World::new(1);
    let cluster = world.replicated(&["r"]).probe_roles().acquire_timeout(secs(5)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("p").role(Role::Replica);
        let refused = cluster.with(Route::write(), async |conn| conn.write().await).await;
        assert!(matches!(refused, Err(Error::Run(error)) if error.fault == Fault::Role));
        assert_eq!(cluster.status().node("p").unwrap().role, Some(Role::Replica));
        // Reads go on; a writer waits, and its error says since when and why.
        drop(cluster.read().await.unwrap());
        let error = cluster.write().timeout(ms(500)).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::NoPrimary { .. }), "{text}");
        assert!(text.contains("no primary for") && text.contains("refused a write"), "{text}");
        // The next one is found while somebody waits.
        let handle = world.sim.handle();
        let r = world.host("r");
        let promote = world.sim.spawn(async move {
            handle.sleep(ms(700)).await;
            r.promote();
        });
        assert_eq!(node(&cluster.write().await.unwrap()), "r");
        promote.await.unwrap();
    });
}

// C-9, C-10
#[test]
fn when_everything_is_down_callers_wait_or_fail_as_they_are_told() {
    let world = World::new(1);
    let waits = world.plain(&["a", "b"]).build().unwrap();
    let fails = world.plain(&["a", "b"]).when_all_down(AllDown::Fail).build().unwrap();
    world.sim.run(async {
        world.warm(&waits).await;
        world.warm(&fails).await;
        for name in ["a", "b"] {
            world.host(name).crash();
        }
        world.sleep(secs(2)).await;
        for cluster in [&waits, &fails] {
            assert!(cluster.status().nodes.iter().all(|n| n.condition == Condition::Unreachable));
        }
        let before = world.elapsed();
        let error = fails.route(Route::any()).await.unwrap_err();
        assert_eq!(world.elapsed(), before, "at once");
        let text = error.to_string();
        assert!(matches!(error, Error::NoNodeOnline { .. }), "{text}");
        for name in ["a", "b"] {
            assert!(
                text.contains(&format!("{name} is offline: server {name}: connection refused")),
                "{text}"
            );
        }
        let error = waits.route(Route::any()).timeout(ms(300)).await.unwrap_err();
        assert_eq!(world.elapsed() - before, ms(300));
        assert!(matches!(error, Error::NoNodeOnline { .. }), "{error}");
        // Whoever waits is served when one is back, which its pool finds within a second.
        world.host("b").start();
        let before = world.elapsed();
        assert_eq!(node(&waits.route(Route::any()).await.unwrap()), "b");
        assert!(world.elapsed() - before <= ms(1_010), "{:?}", world.elapsed() - before);
    });
}

// C-9
#[test]
fn the_next_node_is_tried_inside_the_same_deadline_and_the_error_lists_what_each_answered() {
    let world = World::new(1);
    world.host("a").crash();
    world.host("b").crash();
    let cluster = world.plain(&["a", "b", "c"]).acquire_timeout(ms(400)).build().unwrap();
    world.sim.run(async {
        world.host("c").cut_off();
        let began = world.elapsed();
        // Nothing is known yet: the dead ones answer at once, the last one never does.
        let error = cluster.route(Route::any()).await.unwrap_err();
        assert_eq!(world.elapsed() - began, ms(400));
        let text = error.to_string();
        assert!(matches!(error, Error::Timeout { .. }), "{text}");
        let last = error.answers().last().unwrap();
        assert_eq!(&*last.node, "c", "{text}");
        world.host("c").heal();
        drop(cluster.route(Route::any()).await.unwrap());
    });
}

/// Looks at a future once, as a task does that is busy with something else until somebody looks again.
fn look<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

// C-9, C-10
#[test]
fn whoever_hears_late_that_a_node_failed_is_not_left_waiting_after_it_has_come_back() {
    let world = World::new(1);
    let cluster = world.plain(&["a"]).pool(|pool| pool.max_size(1)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any()).await.unwrap();
        let mut late = pin!(cluster.route(Route::any()));
        assert!(look(late.as_mut()).is_pending());
        // The pool answers that caller with an error, who does not look.
        world.host("a").crash();
        drop(held);
        world.sleep(ms(500)).await;
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Unreachable);
        world.host("a").start();
        world.sleep(secs(2)).await;
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::SlowStart);
        for _ in 0..3 {
            if let Poll::Ready(served) = look(late.as_mut()) {
                return assert_eq!(node(&served.unwrap()), "a");
            }
            world.settled().await;
        }
        panic!("it waits, and nobody will wake it");
    });
}

// C-6, C-9
#[test]
fn a_try_that_the_pool_turns_away_at_once_is_no_news_to_whoever_made_it() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).balance(Ordered).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.ejects(&cluster, "a").await;
        drop(cluster.pool("a").unwrap().close_now());
        world.sleep(secs(6)).await;
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::HalfOpen);
        // It looks at the node, is turned away, and waits: it neither fails nor goes round for ever.
        let mut only_a = pin!(cluster.route(Route::any().to("a")).timeout(secs(1)));
        assert!(look(only_a.as_mut()).is_pending());
        assert!(matches!(only_a.await, Err(Error::NoNodeOnline { .. })));
    });
}

// C-9, P-23
#[test]
fn waiters_of_a_node_that_goes_offline_return_to_routing_with_their_deadlines() {
    let world = World::new(3);
    let cluster = world
        .plain(&["a", "b"])
        .pool(|pool| pool.max_size(2))
        .retry_budget(RetryBudget::NONE)
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.pool("a").unwrap().acquire_many(2).await.unwrap();
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let cluster = cluster.clone();
                world.sim.spawn(async move {
                    let conn = cluster.route(Route::any().to("a")).timeout(secs(3)).await;
                    conn.map(|conn| node(&conn)).map_err(|error| error.to_string())
                })
            })
            .collect();
        let free: Vec<_> = (0..20)
            .map(|_| {
                let (cluster, handle) = (cluster.clone(), world.sim.handle());
                world.sim.spawn(async move {
                    let conn = cluster.route(Route::any()).timeout(secs(3)).await.unwrap();
                    handle.sleep(ms(10)).await;
                    node(&conn)
                })
            })
            .collect();
        world.sleep(ms(100)).await;
        assert!(cluster.status().node("a").unwrap().waiting >= 20);
        world.host("a").crash();
        drop(held);
        for task in free {
            assert_eq!(task.await.unwrap(), "b");
        }
        // Those who insist on a wait for it until their deadline.
        for task in waiting {
            let text = task.await.unwrap().unwrap_err();
            assert!(text.contains("a is offline"), "{text}");
        }
        assert_eq!(world.elapsed().as_secs(), 3);
        let status = cluster.status();
        assert!(status.nodes.iter().all(|node| node.waiting == 0 && node.in_use == 0), "{status}");
    });
}

// C-6, C-9
#[test]
fn whoever_waits_at_a_node_that_is_ejected_goes_elsewhere_at_once() {
    let world = World::new(1);
    let cluster = world
        .plain(&["a", "b"])
        .pool(|pool| pool.max_size(1))
        .balance(cenote_cluster::balance::Ordered)
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let mut held = cluster.route(Route::any()).await.unwrap();
        assert_eq!(node(&held), "a");
        let waits = {
            let cluster = cluster.clone();
            world.sim.spawn(async move { node(&cluster.route(Route::any()).await.unwrap()) })
        };
        world.settled().await;
        // Its connection works, so its pool has nothing to tell those who wait.
        let began = world.elapsed();
        for _ in 0..5 {
            Pooled::report_fault(&mut held, Fault::Timeout);
        }
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Ejected);
        assert_eq!(waits.await.unwrap(), "b");
        assert_eq!(world.elapsed(), began);
        drop(held);
    });
}

// C-9
#[test]
fn whoever_is_sent_on_keeps_the_deadline_of_the_first_wait() {
    let world = World::new(1);
    let cluster = world
        .plain(&["a", "b"])
        .pool(|pool| pool.max_size(1))
        .balance(cenote_cluster::balance::Ordered)
        .acquire_timeout(ms(400))
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let [at_a, at_b] = ["a", "b"].map(|name| cluster.route(Route::any().to(name)));
        let (at_a, at_b) = (at_a.await.unwrap(), at_b.await.unwrap());
        let (began, handle, a) = (world.elapsed(), world.sim.handle(), world.host("a"));
        // 300 ms in a's queue, the rest in b's.
        let dies = world.sim.spawn(async move {
            handle.sleep(ms(300)).await;
            a.crash();
            drop(at_a);
        });
        let error = cluster.route(Route::any()).await.unwrap_err();
        assert_eq!(world.elapsed() - began, ms(400), "{error}");
        assert_eq!(&*error.answers().last().unwrap().node, "b", "{error}");
        dies.await.unwrap();
        drop(at_b);
    });
}

// C-9
#[test]
fn the_retry_budget_bounds_second_attempts() {
    for (budget, served) in [(RetryBudget::NONE, false), (RetryBudget::default(), true)] {
        let world = World::new(1);
        // Ordered: a is asked first. It takes two failed connects to be out.
        let rules = cenote_cluster::HealthRules {
            connect_failures: 1_000,
            ..cenote_cluster::HealthRules::default()
        };
        let cluster = world
            .plain(&["a", "b"])
            .balance(cenote_cluster::balance::Ordered)
            .health(rules)
            .retry_budget(budget)
            .build()
            .unwrap();
        world.sim.run(async {
            world.host("a").crash();
            world.sleep(ms(100)).await;
            let result = cluster.route(Route::any()).await;
            match served {
                true => assert_eq!(node(&result.unwrap()), "b"),
                false => assert!(matches!(result, Err(Error::Node { .. }))),
            }
        });
    }
}

// C-6, C-9
#[test]
fn permanent_errors_everywhere_are_told_at_once() {
    let world = World::new(1);
    let cluster = cenote_cluster::Cluster::builder(|_: &cenote::Node| {
        let script = cenote_testkit::Script::new();
        script.connect_always(cenote_testkit::Step::Error(Fault::Permanent));
        Ok(script)
    })
    .env(world.sim.env())
    .node(cenote::Node::new("a", ""))
    .node(cenote::Node::new("b", ""))
    .build()
    .unwrap();
    world.sim.run(async {
        let before = world.elapsed();
        let error = cluster.route(Route::any()).await.unwrap_err();
        assert_eq!(world.elapsed(), before, "{error}");
    });
}

// C-9, C-13, C-15
#[test]
fn a_storm_of_five_thousand_callers_when_all_return_is_served_without_a_storm_of_connects() {
    let world = World::new(5);
    for name in ["a", "b", "c"] {
        world.host(name).workers(8).service(ms(1));
    }
    let cluster = world.plain(&["a", "b", "c"]).acquire_timeout(secs(60)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        for name in ["a", "b", "c"] {
            world.host(name).crash();
        }
        world.sleep(secs(1)).await;
        let served = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..5_000)
            .map(|_| {
                let (cluster, served) = (cluster.clone(), Arc::clone(&served));
                world.sim.spawn(async move {
                    cluster.with(Route::any(), async |conn| conn.read().await).await.unwrap();
                    served.fetch_add(1, SeqCst);
                })
            })
            .collect();
        world.sleep(secs(2)).await;
        assert_eq!(served.load(SeqCst), 0);
        let before: u64 = ["a", "b", "c"].map(|n| world.host(n).traffic().connects).iter().sum();
        for name in ["a", "b", "c"] {
            world.host(name).start();
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(served.load(SeqCst), 5_000);
        let connects: u64 = ["a", "b", "c"].map(|n| world.host(n).traffic().connects).iter().sum();
        assert!(
            connects - before <= 33,
            "ten for each node, and a few that failed: {}",
            connects - before
        );
        for name in ["a", "b", "c"] {
            assert!(world.host(name).traffic().peak_clients <= 10);
        }
    });
}

// C-10
#[test]
fn a_node_that_flaps_is_told_once_each_time_and_never_removed() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        for _ in 0..5 {
            world.host("a").crash();
            world.sleep(secs(3)).await;
            assert_eq!(turns(&cluster, &Route::any(), 10).await, ["b"; 10]);
            world.host("a").start();
            world.sleep(secs(3)).await;
            assert_eq!(
                world.events.news(),
                ["a: offline: server a: connection refused", "a: online"]
            );
        }
        assert_eq!(cluster.nodes().len(), 2);
    });
}

// C-6, C-10
#[test]
fn a_node_that_returns_starts_slowly_in_weight_and_size() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).pool(|pool| pool.max_size(10)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").crash();
        world.sleep(secs(3)).await;
        world.host("a").start();
        while cluster.status().node("a").unwrap().condition == Condition::Unreachable {
            world.sleep(ms(10)).await;
        }
        let seen = |cluster: &cenote_cluster::Cluster<_>| {
            let status = cluster.status();
            let node = status.node("a").unwrap();
            ((node.share * 100.0).round() as u32, node.pool.max)
        };
        assert_eq!(seen(&cluster), (10, 1));
        // A tenth of the weight: it gets nothing before b has nine times as much.
        let mut held = Vec::new();
        for _ in 0..9 {
            held.push(cluster.route(Route::any()).await.unwrap());
            assert_eq!(node(held.last().unwrap()), "b");
        }
        drop(held);
        world.sleep(ms(5_010)).await;
        assert_eq!(seen(&cluster), (55, 6));
        world.sleep(secs(5)).await;
        assert_eq!(seen(&cluster), (100, 10));
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Online);
    });
}

// C-6, C-9, C-10
#[test]
fn a_lent_connection_that_is_dead_hides_no_dead_node() {
    let world = World::new(1);
    let cluster =
        world.plain(&["a", "b"]).balance(cenote_cluster::balance::Ordered).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        // Somebody holds the only connection to a and does nothing with it.
        let held = cluster.route(Route::any()).await.unwrap();
        assert_eq!(node(&held), "a");
        world.host("a").crash();
        // The next one waits there, hears that connects are refused, and goes on to b.
        let began = world.elapsed();
        assert_eq!(node(&cluster.route(Route::any()).await.unwrap()), "b");
        let took = world.elapsed() - began;
        assert!(took <= ms(110), "two connects: {took:?}");
        assert_eq!(turns(&cluster, &Route::any(), 5).await, ["b"; 5]);
        // And its pool finds out when a is back, though nobody waits there.
        world.host("a").start();
        world.sleep(ms(1_100)).await;
        assert!(cluster.status().node("a").unwrap().serves);
        drop(held);
    });
}

// C-8, P-13
#[test]
fn connects_that_are_slow_while_others_work_are_no_death() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let a = cluster.pool("a").unwrap();
        // New connects take longer than they may; what is there goes on working.
        world.host("a").connect_time(secs(60));
        let mut held = a.acquire().await.unwrap();
        for _ in 0..60 {
            let waits = cluster.route(Route::any().to("a")).timeout(ms(900)).await;
            assert!(matches!(waits, Err(Error::Timeout { .. })), "{waits:?}");
            let result = held.read().await;
            Pooled::report(&mut held, &result);
        }
        assert!(cluster.status().node("a").unwrap().serves);
    });
}

// C-6
#[test]
fn nodes_that_come_back_one_after_the_other_close_no_healthy_connection() {
    let world = World::new(1);
    let quick =
        |pool: cenote::Builder<_>| pool.max_size(10).backoff_first(ms(10)).backoff_max(ms(10));
    let cluster = world.plain(&["a", "b"]).pool(quick).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").crash();
        world.host("b").crash();
        world.sleep(secs(3)).await;
        world.host("a").start();
        world.sleep(ms(300)).await;
        world.host("b").start();
        world.sleep(ms(50)).await;
        // Both have just come back: each may use its whole size at once, and does.
        for name in ["a", "b"] {
            drop(cluster.pool(name).unwrap().acquire_many(10).await.unwrap());
        }
        // a is always 300 ms ahead; that takes nothing away from b.
        world.sleep(secs(15)).await;
        for name in ["a", "b"] {
            let closes = cluster.pool(name).unwrap().stats().counts.closes;
            assert_eq!(closes.get(cenote::CloseReason::Shrunk), 0, "{name}: {closes:?}");
        }
        let status = cluster.status();
        assert!(status.nodes.iter().all(|node| node.share == 1.0 && node.pool.max == 10));
    });
}

/// A driver that panics when it is asked for its role.
struct Panics(Remote, Arc<AtomicBool>);

impl Manager for Panics {
    type Connection = Wire;
    type Error = ScriptError;

    async fn connect(&self) -> Result<Wire, ScriptError> {
        self.0.connect().await
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        self.0.classify(error)
    }
}

impl Probe for Panics {
    async fn probe(&self, conn: &mut Wire) -> Result<Probed, ScriptError> {
        assert!(!self.1.load(SeqCst), "a driver that panics on purpose");
        self.0.probe(conn).await
    }
}

// C-11, P-23
#[test]
fn a_driver_that_panics_when_it_is_asked_for_its_role_does_not_end_the_monitor() {
    let world = World::new(1);
    let panics = Arc::new(AtomicBool::new(true));
    let (driver, flag) = (world.net.driver(), Arc::clone(&panics));
    let cluster = Cluster::builder(move |node: &Node| Ok(Panics(driver(node)?, Arc::clone(&flag))))
        .env(world.sim.env())
        .node(Node::new("a", "a"))
        .probe_roles()
        .build()
        .unwrap();
    world.sim.run(async {
        world.host("a").role(Role::Primary).epoch(1);
        world.sleep(secs(20)).await;
        assert_eq!(cluster.status().node("a").unwrap().role, None);
        panics.store(false, SeqCst);
        world.sleep(secs(10)).await;
        assert_eq!(cluster.status().node("a").unwrap().role, Some(Role::Primary));
    });
}

// C-11
#[test]
fn who_is_to_be_asked_without_a_pause_is_asked_each_millisecond() {
    let world = World::new(1);
    let none = Duration::ZERO;
    let cluster =
        world.replicated(&["r"]).probe_roles().probe_times(none, secs(1), none, secs(1)).build();
    let cluster = cluster.unwrap();
    world.sim.run(async {
        world.sleep(ms(100)).await;
        let probes = world.host("p").traffic().probes;
        assert!((10..=101).contains(&probes), "{probes}");
        assert_eq!(turns(&cluster, &Route::write(), 1).await, ["p"]);
    });
}
