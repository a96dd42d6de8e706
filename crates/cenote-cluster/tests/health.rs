//! What takes a node out, what does not, and how it comes back.

mod common;

use std::sync::Arc;

use cenote::{Ended, Fault, Node, Pooled};
use cenote_cluster::balance::{
    Balance, DynamicWeight, LeastLoaded, Ordered, PeakEwma, Rendezvous, RoundRobin, SmoothWeighted,
    StaticWeight, Uniform,
};
use cenote_cluster::{Cluster, Condition, Error, HealthRules, Route};
use cenote_testkit::{Script, Step};
use common::{World, ms, node, secs, turns, within};

/// Every balancer, by name.
fn balancers() -> Vec<(&'static str, Arc<dyn Balance>)> {
    vec![
        ("round robin", Arc::new(RoundRobin::new())),
        ("random", Arc::new(Uniform)),
        ("ordered", Arc::new(Ordered)),
        ("static weight", Arc::new(StaticWeight)),
        ("smooth weighted", Arc::new(SmoothWeighted::new())),
        ("dynamic weight", Arc::new(DynamicWeight::default())),
        ("least loaded", Arc::new(LeastLoaded)),
        ("peak ewma", Arc::new(PeakEwma)),
        ("rendezvous", Arc::new(Rendezvous)),
    ]
}

/// A balancer that is shared with the test.
struct Shared(Arc<dyn Balance>);

impl Balance for Shared {
    fn choose(
        &self,
        among: &[cenote_cluster::balance::Seat<'_>],
        pick: &cenote_cluster::balance::Pick<'_>,
    ) -> usize {
        self.0.choose(among, pick)
    }

    fn scoring(&self) -> Option<cenote_cluster::balance::Scoring> {
        self.0.scoring()
    }

    fn times(&self) -> bool {
        self.0.times()
    }
}

/// Which part of 4,000 requests, after the first 50, the node got that fails everything at once.
fn share_of_the_sick(balance: Arc<dyn Balance>, background: f64, rules: HealthRules) -> f64 {
    let world = World::new(11);
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        world.host(name).workers(4).service(ms(10)).error_rate(background);
    }
    world.host("a").sick(Fault::Connection);
    let cluster = world.plain(&names).balance(Shared(balance)).health(rules).build().unwrap();
    let sick = world.sim.run(async {
        let mut tasks = Vec::new();
        let mut before = 0;
        for n in 0..4_050_u32 {
            if n == 50 {
                before = world.host("a").traffic().requests;
            }
            // 60 % of what five servers can do.
            world.sleep(ms(1).mul_f64(10.0 / 12.0)).await;
            let cluster = cluster.clone();
            tasks.push(world.sim.spawn(async move {
                let route = Route::any().key(n.to_be_bytes());
                let _ = cluster.with(route, async |conn| conn.read().await).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        world.host("a").traffic().requests - before
    });
    sick as f64 / 4_000.0
}

// C-7
#[test]
fn a_fast_failing_node_gets_less_than_one_in_a_hundred_whatever_the_balancer() {
    for background in [0.0, 0.005, 0.02] {
        for (name, balance) in balancers() {
            let share = share_of_the_sick(balance, background, HealthRules::default());
            assert!(share < 0.01, "{name}, {background} in the background: {share}");
        }
    }
}

// C-7
#[test]
fn without_ejection_it_would_attract_traffic() {
    // So the test above can fail. Loads alone: what fails at once is never busy.
    let rules = HealthRules::default().without_ejection();
    let share = share_of_the_sick(Arc::new(LeastLoaded), 0.02, rules);
    assert!(share > 0.25, "{share}");
}

// C-6
#[test]
fn failures_in_a_row_eject_one_request_tries_and_the_node_comes_back_slowly() {
    let world = World::new(1);
    let rules = HealthRules { jitter: false, ..HealthRules::default() };
    let cluster = world.plain(&["a", "b", "c"]).balance(Ordered).health(rules).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").sick(Fault::Timeout);
        let fail = async || cluster.with(Route::any(), async |conn| conn.read().await).await;
        for _ in 0..5 {
            assert!(fail().await.is_err());
        }
        assert_eq!(world.events.news(), ["a: ejected for 5.0s"]);
        assert_eq!(turns(&cluster, &Route::any(), 20).await, ["b"; 20]);
        // Its time is over: five come at once, one of them tries, and the answer is bad.
        world.sleep(ms(5_001)).await;
        let before = world.host("a").traffic().requests;
        let five: Vec<_> = (0..5)
            .map(|_| {
                let cluster = cluster.clone();
                world.sim.spawn(async move {
                    cluster.with(Route::any(), async |conn| conn.read().await).await.is_ok()
                })
            })
            .collect();
        let mut good = 0;
        for one in five {
            good += usize::from(one.await.unwrap());
        }
        assert_eq!((good, world.host("a").traffic().requests - before), (4, 1));
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Ejected);
        // Twice as long, and it is well again.
        world.host("a").sick(None);
        world.sleep(ms(9_900)).await;
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Ejected);
        world.sleep(ms(200)).await;
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::HalfOpen);
        fail().await.unwrap();
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::SlowStart);
        assert_eq!(world.events.news(), ["a: recovered"]);
        // No healthy connection was closed meanwhile.
        assert_eq!(cluster.pool("b").unwrap().stats().counts.connected, 1);
    });
}

// C-6
#[test]
fn a_try_that_ends_without_an_answer_lets_the_next_one_try() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).balance(Ordered).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.ejects(&cluster, "a").await;
        world.host("a").sick(None);
        world.sleep(secs(6)).await;
        // The one that tries is cancelled in the middle of it.
        world.host("a").cut_off();
        let handle = world.sim.handle();
        let tries = cluster.with(Route::any(), async |conn| conn.read().await);
        let cut =
            within(&handle, ms(10), async { tries.await.map_err(common::as_script_error) }).await;
        assert!(cut.is_err());
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::HalfOpen);
        world.host("a").heal();
        cluster.with(Route::any(), async |conn| conn.read().await).await.unwrap();
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::SlowStart);
    });
}

// C-6
#[test]
fn errors_take_out_half_at_most_and_never_the_only_primary() {
    let world = World::new(1);
    let names = ["a", "b", "c", "d", "e"];
    let cluster = world.plain(&names).build().unwrap();
    let alone = world.replicated(&["r", "s"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.warm(&alone).await;
        for name in names.iter().chain(&["p"]) {
            world.host(name).sick(Fault::Timeout);
        }
        for _ in 0..200 {
            let _ = cluster.with(Route::any(), async |conn| conn.read().await).await;
            let _ = alone.with(Route::write(), async |conn| conn.write().await).await;
        }
        let status = cluster.status();
        assert_eq!(status.nodes.iter().filter(|node| node.serves).count(), 3, "{status}");
        let status = alone.status();
        assert!(status.node("p").unwrap().serves, "{status}");
        assert_eq!(node(&alone.write().await.unwrap()), "p");
        // A node that cannot be connected to is no candidate, only primary or not.
        world.host("p").crash();
        world.sleep(secs(2)).await;
        assert!(!alone.status().node("p").unwrap().serves);
    });
}

// C-6
#[test]
fn who_stays_in_despite_its_errors_is_well_again_by_anybodys_success() {
    for reported in [true, false] {
        let world = World::new(1);
        let cluster = world.replicated(&["r"]).build().unwrap();
        world.sim.run(async {
            world.warm(&cluster).await;
            let write =
                async || cluster.with(Route::write(), async |conn| conn.write().await).await;
            world.host("p").sick(Fault::Timeout);
            for _ in 0..10 {
                assert!(write().await.is_err());
            }
            let stands = || {
                let status = cluster.status();
                let node = status.node("p").unwrap();
                (node.condition, node.serves, node.share)
            };
            assert_eq!(stands(), (Condition::Ejected, true, 1.0), "the only primary stays in");
            world.host("p").sick(None);
            let early = cluster.route(Route::write()).await.unwrap();
            write().await.unwrap();
            assert_eq!(stands().0, Condition::Ejected, "the time is not over");
            world.sleep(secs(10)).await;
            assert_eq!(stands(), (Condition::HalfOpen, true, 1.0));
            drop(early);
            assert_eq!(stands().0, Condition::HalfOpen, "it was lent before");
            match reported {
                true => write().await.unwrap(),
                false => drop(cluster.route(Route::write()).await.unwrap()),
            }
            assert_eq!(stands(), (Condition::Online, true, 1.0));
        });
    }
}

// C-6
#[test]
fn of_those_that_fail_the_least_bad_stay_in() {
    let world = World::new(1);
    let names = ["a", "b", "c", "d"];
    let cluster = world.plain(&names).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let request = async |name: &str| {
            let _ = cluster.with(Route::any().to(name), async |conn| conn.read().await).await;
        };
        // All but d fail five times in a row, after more or less that was good.
        for (name, good) in [("a", 12), ("b", 0), ("c", 3)] {
            for _ in 0..good {
                request(name).await;
            }
            world.host(name).sick(Fault::Timeout);
            for _ in 0..5 {
                request(name).await;
            }
        }
        let status = cluster.status();
        let serves = names.map(|name| status.node(name).unwrap().serves);
        assert_eq!(serves, [true, false, false, true], "{status}");
    });
}

// C-6
#[test]
fn who_cannot_be_connected_to_is_not_of_those_of_whom_half_stay() {
    let world = World::new(1);
    let names = ["a", "b", "c", "d", "e"];
    let cluster = world.plain(&names).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        for name in ["d", "e"] {
            world.host(name).crash();
        }
        world.sleep(secs(2)).await;
        for name in ["a", "b", "c"] {
            world.host(name).sick(Fault::Timeout);
        }
        for _ in 0..100 {
            let _ = cluster.with(Route::any(), async |conn| conn.read().await).await;
        }
        let status = cluster.status();
        assert_eq!(status.nodes.iter().filter(|node| node.serves).count(), 2, "{status}");
    });
}

// C-8
#[test]
fn what_is_not_the_nodes_fault_is_never_held_against_it() {
    let world = World::new(1);
    let cluster = world
        .plain(&["a"])
        .pool(|pool| pool.max_size(1).max_waiting(1))
        .health(HealthRules { consecutive: 1, connect_failures: 1, ..HealthRules::default() })
        .build()
        .unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let held = cluster.route(Route::any()).await.unwrap();
        for _ in 0..50 {
            // A wait that is too long, one that is cancelled, a full queue.
            let late = cluster.route(Route::any()).timeout(ms(5)).await;
            assert!(matches!(late, Err(Error::Timeout { .. })));
            let handle = world.sim.handle();
            let wait = cluster.route(Route::any());
            assert!(
                within(&handle, ms(5), async {
                    wait.await.map(drop).map_err(common::as_script_error)
                })
                .await
                .is_err()
            );
            let first = {
                let cluster = cluster.clone();
                world
                    .sim
                    .spawn(async move { drop(cluster.route(Route::any()).timeout(ms(5)).await) })
            };
            world.settled().await;
            assert!(matches!(cluster.route(Route::any()).await, Err(Error::Overloaded { .. })));
            first.await.unwrap();
        }
        drop(held);
        // The server answers, and says that the request is wrong.
        world.host("a").sick(Fault::Query);
        for _ in 0..50 {
            let wrong = cluster.with(Route::any(), async |conn| conn.read().await).await;
            assert!(matches!(wrong, Err(Error::Run(_))));
        }
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Online);
        // Too many clients is about size.
        world.host("a").sick(Fault::Overload);
        for _ in 0..50 {
            let _ = cluster.with(Route::any(), async |conn| conn.read().await).await;
        }
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Online);
        // So is a connect that is turned away, and be it the only one.
        world.host("a").sick(None);
        let last = cluster.route(Route::any()).await.unwrap();
        world.host("a").max_clients(0);
        Pooled::discard(last);
        assert!(cluster.route(Route::any()).timeout(ms(200)).await.is_err());
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Online);
        assert_eq!(world.events.news(), Vec::<String>::new());
    });
}

// C-6, P-15
#[test]
fn one_connection_that_dies_is_no_dead_node_and_the_last_that_cannot_be_replaced_is() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).pool(|pool| pool.max_size(2)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let a = cluster.pool("a").unwrap();
        drop(a.acquire_many(2).await.unwrap());
        // One is lost, and new ones cannot be made, but the other works.
        let kept = a.acquire().await.unwrap();
        world.host("a").max_clients(0);
        Pooled::discard(a.acquire().await.unwrap());
        world.sleep(secs(1)).await;
        assert!(cluster.status().node("a").unwrap().serves);
        drop(kept);
        world.host("a").crash();
        world.sleep(secs(2)).await;
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Unreachable);
    });
}

// C-6
#[test]
fn one_refused_connect_is_no_dead_node_while_another_connection_works() {
    let world = World::new(1);
    let script = Script::new();
    let driver = script.clone();
    let cluster = Cluster::builder(move |_: &Node| Ok(driver.clone()))
        .env(world.sim.env())
        .node(Node::new("a", ""))
        .build()
        .unwrap();
    world.sim.run(async {
        let held = cluster.route(Route::any()).await.unwrap();
        script.connect_always(Step::Error(Fault::Host));
        let next = {
            let cluster = cluster.clone();
            world.sim.spawn(async move { cluster.route(Route::any()).await.map(drop) })
        };
        world.settled().await;
        assert!(cluster.pool("a").unwrap().stats().counts.connect_failures.total() > 0);
        assert!(cluster.status().node("a").unwrap().serves);
        drop(held);
        next.await.unwrap().unwrap();
    });
}

// C-14
#[test]
fn a_release_says_nothing_and_a_connection_found_dead_is_a_failure() {
    let world = World::new(1);
    let rules = HealthRules { consecutive: 2, ..HealthRules::default() };
    let cluster = world.plain(&["a", "b"]).balance(Ordered).health(rules).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        for _ in 0..10 {
            drop(cluster.route(Route::any()).await.unwrap());
        }
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Online);
        for n in 0..2 {
            assert_ne!(cluster.status().node("a").unwrap().condition, Condition::Ejected, "{n}");
            let conn = cluster.route(Route::any().to("a")).await.unwrap();
            let host = world.host("a");
            host.crash();
            host.start();
            drop(conn);
            world.sleep(ms(5)).await;
        }
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Ejected);
    });
}

// C-14
#[test]
fn what_is_reported_by_hand_counts_as_what_with_reports() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).balance(Ordered).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").sick(Fault::Connection);
        for _ in 0..5 {
            let mut conn = cluster.route(Route::any()).await.unwrap();
            let result = conn.read().await;
            Pooled::report(&mut conn, &result);
        }
        assert_eq!(cluster.status().node("a").unwrap().condition, Condition::Ejected);
    });
}

// C-14, P-32
#[test]
fn what_is_reported_of_shares_counts_as_what_is_reported_of_loans() {
    let world = World::new(1);
    let script = Script::with_env(world.sim.env());
    let rules = HealthRules { jitter: false, slow_start: secs(0), ..HealthRules::default() };
    let cluster = Cluster::builder(move |_: &Node| Ok(script.clone()))
        .env(world.sim.env())
        .nodes([Node::new("a", ""), Node::new("b", "")])
        .balance(Ordered)
        .health(rules)
        .build()
        .unwrap();
    let condition = || cluster.status().node("a").unwrap().condition;
    world.sim.run(async {
        let pool = cluster.pool("a").unwrap();
        // Side by side on one connection.
        let mut shares = Vec::new();
        for _ in 0..6 {
            shares.push(pool.share().await.unwrap());
        }
        let mut report = |fault| {
            for share in &mut shares {
                cenote::Shared::report_fault(share, fault);
            }
        };
        report(Fault::Overload);
        report(Fault::Query);
        assert_eq!(condition(), Condition::Online);
        report(Fault::Timeout);
        assert_eq!(condition(), Condition::Ejected);
        report(Fault::Timeout);
        drop(shares);
        // Its time is over, one request is let in, and a share that is given up shows nothing.
        world.sleep(ms(5_001)).await;
        let tries = cluster.route(Route::any().to("a")).await.unwrap();
        let mut given_up = pool.share().await.unwrap();
        cenote::Shared::set_ended(&mut given_up, Ended::Cancelled);
        drop(given_up);
        assert_eq!(condition(), Condition::HalfOpen);
        Pooled::discard(tries);
        let tries = cluster.route(Route::any().to("a")).await.unwrap();
        let mut answered = pool.share().await.unwrap();
        cenote::Shared::report(&mut answered, &Ok(()));
        assert_eq!(condition(), Condition::Online);
        drop((tries, answered));
    });
}

// C-9, C-14
#[test]
fn where_there_is_no_other_node_it_is_done_again_on_the_same_one_soon_and_not_too_often() {
    let world = World::new(1);
    let cluster = world.plain(&["a"]).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").sick(Fault::Timeout);
        let before = (world.elapsed(), world.host("a").traffic().requests);
        let (handle, host) = (world.sim.handle(), world.host("a"));
        let healing = world.sim.spawn(async move {
            handle.sleep(ms(100)).await;
            host.sick(None);
        });
        cluster.with_retry(Route::write(), async |conn| conn.read().await).await.unwrap();
        healing.await.unwrap();
        let took = world.elapsed() - before.0;
        assert!(took >= ms(100) && took < ms(300), "{took:?}");
        let requests = world.host("a").traffic().requests - before.1;
        assert!((4..=7).contains(&requests), "{requests}");
    });
}

// C-14, C-9
#[test]
fn only_what_may_be_done_twice_is_done_twice() {
    let world = World::new(1);
    let cluster = world.plain(&["a", "b"]).balance(Ordered).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        world.host("a").sick(Fault::Connection);
        let once = cluster.with(Route::any(), async |conn| conn.read().await).await;
        assert!(matches!(once, Err(Error::Run(error)) if error.fault == Fault::Connection));
        assert_eq!(world.host("b").traffic().requests, 0);
        cluster.with_retry(Route::any(), async |conn| conn.read().await).await.unwrap();
        assert_eq!(world.host("b").traffic().requests, 1);
        // What is the request's own fault is not tried again.
        world.host("a").sick(Fault::Query);
        let wrong = cluster.with_retry(Route::any(), async |conn| conn.read().await).await;
        assert!(matches!(wrong, Err(Error::Run(error)) if error.fault == Fault::Query));
        assert_eq!(world.host("b").traffic().requests, 1);
        // An error of the caller's own, with the driver's in it.
        struct Mine(Option<cenote_testkit::ScriptError>);
        let before = cluster.pool("a").unwrap().stats().counts.connected;
        let mine = cluster
            .with_map(
                Route::any(),
                async |conn: &mut cenote_testkit::Wire| {
                    conn.read().await.map_err(|error| Mine(Some(error)))
                },
                |Mine(error)| error.as_ref(),
            )
            .await;
        assert!(matches!(mine, Ok(Err(Mine(Some(_))))));
        assert_eq!(
            cluster.pool("a").unwrap().stats().counts.connected,
            before,
            "a query error keeps it"
        );
    });
}
