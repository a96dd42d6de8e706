//! Load: unequal servers, one that is slow, all that are slow, a server with too many clients, and what comes after an
//! outage.

mod common;
mod model;

use std::sync::Arc;

use cenote::{Fault, Node};
use cenote_cluster::balance::{DynamicWeight, LeastLoaded, Uniform};
use cenote_cluster::{Error, Route};
use common::{World, ms, secs, within};
use model::{Load, outcome};

// C-3
#[test]
fn on_unequal_servers_least_loaded_times_out_on_few_where_others_do_on_many() {
    let load = Load { at: 0.9, requests: 40_000, ..Load::default() };
    let [random, dynamic, least] = [
        outcome(Arc::new(Uniform), &load),
        outcome(Arc::new(DynamicWeight::default()), &load),
        outcome(Arc::new(LeastLoaded), &load),
    ];
    assert!(least.late <= 0.025, "{least:?}");
    assert!(random.late >= 0.5, "{random:?}");
    assert!(dynamic.late >= 0.1, "{dynamic:?}");
}

// C-15
#[test]
fn one_slow_node_gets_less_and_recovers_by_itself() {
    let world = World::new(1);
    let names = ["a", "b", "c"];
    for name in names {
        world.host(name).workers(4).service(ms(10));
    }
    let cluster = world.plain(&names).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let share = async |seconds: u64| {
            let before = world.host("a").traffic().requests;
            let mut tasks = Vec::new();
            for _ in 0..seconds * 500 {
                world.sleep(ms(2)).await;
                let cluster = cluster.clone();
                tasks.push(world.sim.spawn(async move {
                    cluster.with(Route::any(), async |conn| conn.read().await).await.unwrap();
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            (world.host("a").traffic().requests - before) as f64 / (seconds * 500) as f64
        };
        let normal = share(4).await;
        assert!((0.28..0.38).contains(&normal), "{normal}");
        world.host("a").slow(10.0);
        let slow = share(4).await;
        assert!(slow < 0.15, "{slow}");
        assert_eq!(world.events.news(), Vec::<String>::new(), "nobody was ejected for being slow");
        world.host("a").slow(1.0);
        let again = share(4).await;
        assert!((0.28..0.38).contains(&again), "{again}");
    });
}

// C-15
#[test]
fn when_all_have_too_much_to_do_the_rest_is_turned_away_at_once() {
    let world = World::new(1);
    for name in ["a", "b"] {
        world.host(name).workers(2).service(secs(1));
    }
    let cluster =
        world.plain(&["a", "b"]).pool(|pool| pool.max_size(2).max_waiting(2)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (cluster, handle) = (cluster.clone(), world.sim.handle());
                world.sim.spawn(async move {
                    let began = handle.now();
                    let result = cluster.with(Route::any(), async |conn| conn.read().await).await;
                    (result, handle.now().since(began))
                })
            })
            .collect();
        let (mut served, mut shed) = (0, 0);
        for task in tasks {
            match task.await.unwrap() {
                (Ok(()), _) => served += 1,
                (Err(Error::Overloaded { answers, .. }), waited) => {
                    assert_eq!((waited, answers.len()), (ms(0), 2));
                    shed += 1;
                }
                (other, _) => panic!("{other:?}"),
            }
        }
        // Two at work and two in line at each of the two.
        assert_eq!((served, shed), (8, 12));
    });
}

// C-15, C-8
#[test]
fn a_server_with_too_many_clients_sheds_and_is_not_taken_for_dead() {
    let world = World::new(1);
    world.host("a").max_clients(1).workers(1).service(ms(10));
    let cluster = world.plain(&["a"]).acquire_timeout(ms(200)).build().unwrap();
    world.sim.run(async {
        world.warm(&cluster).await;
        let handle = world.sim.handle();
        let mut tasks = Vec::new();
        // Three times what it can do, for 20 s.
        for _ in 0..6_000 {
            world.sleep(ms(10) / 3).await;
            let (cluster, handle) = (cluster.clone(), handle.clone());
            tasks.push(world.sim.spawn(async move {
                let work = cluster.with(Route::any(), async |conn| conn.read().await);
                let _ = &handle;
                match work.await {
                    Ok(()) => "served",
                    Err(Error::Overloaded { .. }) => "shed",
                    Err(Error::Timeout { .. }) => "late",
                    Err(_) => "else",
                }
            }));
        }
        let mut counts = std::collections::BTreeMap::new();
        for task in tasks {
            *counts.entry(task.await.unwrap()).or_insert(0) += 1;
        }
        assert!(counts["served"] > 1_800, "it works on: {counts:?}");
        assert!(counts["shed"] > 1_000, "a part is turned away at once: {counts:?}");
        assert!(!counts.contains_key("else"), "{counts:?}");
        assert!(cluster.status().node("a").unwrap().serves);
        assert_eq!(world.events.news(), Vec::<String>::new());
        assert_eq!(world.host("a").traffic().peak_clients, 1);
    });
}

// C-15, C-10, P-13
#[test]
fn after_an_outage_of_8_s_at_70_percent_load_latency_is_back_within_5_s() {
    let world = World::new(1);
    let names = ["a", "b", "c"];
    for name in names {
        world.host(name).workers(8).service(ms(10));
    }
    let cluster = world
        .plain(&names)
        .pool(|pool| pool.max_size(16))
        .acquire_timeout(ms(500))
        .build()
        .unwrap();
    world.sim.set_most_polls(u64::MAX);
    world.sim.run(async {
        world.warm(&cluster).await;
        let handle = world.sim.handle();
        // 24 workers do 2,400 requests a second; 1,680 of them come, whatever happens.
        let began = world.elapsed();
        let mut tasks = Vec::new();
        for n in 0..1_680 * 25_u64 {
            let at = secs(1).mul_f64(n as f64 / 1_680.0);
            let now = world.elapsed() - began;
            if at > now {
                world.sleep(at - now).await;
            }
            match n {
                16_800 => names.iter().for_each(|name| {
                    world.host(name).crash();
                }),
                30_240 => names.iter().for_each(|name| {
                    world.host(name).start();
                }),
                _ => {}
            }
            let (cluster, handle) = (cluster.clone(), handle.clone());
            tasks.push(world.sim.spawn(async move {
                let came = handle.now();
                let work = async {
                    let work = cluster.with(Route::any(), async |conn| conn.read().await);
                    work.await.map_err(|error| {
                        cenote_testkit::ScriptError::new(Fault::Timeout, error.to_string())
                    })
                };
                let good = within(&handle, secs(1), work).await.is_ok();
                (came, good, handle.now().since(came))
            }));
        }
        let (mut base, mut after, mut good) = (Vec::new(), Vec::new(), 0);
        for task in tasks {
            let (came, fine, took) = task.await.unwrap();
            let at = (came - began).as_nanos() / 1_000_000;
            match at {
                2_000..9_000 => base.push(took),
                23_000.. => {
                    after.push(took);
                    good += usize::from(fine);
                }
                _ => {}
            }
        }
        let p99 = |times: &mut Vec<std::time::Duration>| {
            times.sort();
            times[times.len() * 99 / 100]
        };
        let (before, now) = (p99(&mut base), p99(&mut after));
        assert!(now <= before.mul_f64(1.5), "p99 was {before:?}, is {now:?}");
        assert!(good as f64 >= 0.999 * after.len() as f64, "{good} of {}", after.len());
        for name in names {
            let mut dialled = world.host(name).dialled();
            dialled.sort();
            let most = dialled.windows(33).filter(|w| w[32].since(w[0]) < secs(1)).count();
            assert_eq!(most, 0, "{name}: more than 32 connects within a second");
        }
    });
}

// C-1
#[test]
fn a_node_of_weight_0_is_no_candidate() {
    let world = World::new(1);
    let cluster = world.builder().node(Node::new("a", "a").weight(0)).build().unwrap();
    world.sim.run(async {
        let error = cluster.read().timeout(ms(5)).await.unwrap_err();
        assert!(error.to_string().contains("a has weight 0"), "{error}");
    });
}
