//! The models that policies are measured in.
//!
//! [`outcome`]: servers of 8, 4 and 2 workers, exponential service of 10 ms, Poisson arrivals, clients that give up
//! after 50 ms while the server works on. Only the second half counts.
//!
//! [`suffer`]: three servers of 4 workers at 70 % load for 25 s, one kind of [`Trouble`], and one policy switched off.

#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Node, Time};
use cenote_cluster::balance::{Balance, LeastLoaded, Pick, Scoring, Seat, Uniform};
use cenote_cluster::{AllDown, Cluster, ClusterBuilder, HealthRules, Random, RetryBudget, Route};
use cenote_testkit::{Handle, Remote};

use crate::common::{World, ms, secs, within};

/// A balancer that is shared with the test.
pub(crate) struct Shared(pub(crate) Arc<dyn Balance>);

impl Balance for Shared {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        self.0.choose(among, pick)
    }

    fn scoring(&self) -> Option<Scoring> {
        self.0.scoring()
    }

    fn times(&self) -> bool {
        self.0.times()
    }
}

/// What is sent to whom.
#[derive(Clone)]
pub(crate) struct Load {
    /// Part of what all servers together can do.
    pub(crate) at: f64,
    pub(crate) requests: usize,
    pub(crate) rules: HealthRules,
    /// Whether the balancer is told the capacities as weights.
    pub(crate) weighted: bool,
}

impl Default for Load {
    fn default() -> Load {
        // As in the model: slow servers are no failures.
        let rules = HealthRules::default().without_ejection();
        Load { at: 0.7, requests: 20_000, rules, weighted: true }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Which part of the requests timed out.
    pub(crate) late: f64,
    pub(crate) p99: Duration,
}

/// Runs the model.
pub(crate) fn outcome(balance: Arc<dyn Balance>, load: &Load) -> Outcome {
    let world = World::new(17);
    let servers = [("a", 8), ("b", 4), ("c", 2)];
    let nodes = servers.map(|(name, workers)| {
        world.host(name).workers(workers).service(ms(10));
        Node::new(name, name).weight(if load.weighted { workers as u32 } else { 1 })
    });
    // The pools are wide: it is the servers that have queues.
    let cluster = world
        .builder()
        .nodes(nodes)
        .balance(Shared(balance))
        .health(load.rules)
        .pool(|pool| pool.max_size(10_000).ramp(false).max_connecting(10_000))
        .build()
        .unwrap();
    world.sim.set_most_polls(u64::MAX);
    let random = Random::new(23);
    let handle = world.sim.handle();
    world.sim.run(async {
        world.warm(&cluster).await;
        let mut tasks = Vec::new();
        let gap = 10.0 / 14.0 / load.at;
        for _ in 0..load.requests {
            let pause = Duration::from_secs_f64(gap * -(1.0 - random.unit()).ln() / 1_000.0);
            world.sleep(pause).await;
            tasks.push(world.sim.spawn(request(cluster.clone(), handle.clone(), ms(50))));
        }
        let (mut late, mut times) = (0, Vec::new());
        for (n, task) in tasks.into_iter().enumerate() {
            let (_, good, took) = task.await.unwrap();
            if n >= load.requests / 2 {
                late += usize::from(!good);
                times.push(took);
            }
        }
        Outcome { late: late as f64 / times.len() as f64, p99: p99(&mut times) }
    })
}

/// One request: when it came, whether it was served, and how long that took.
async fn request(
    cluster: Cluster<Remote>,
    handle: Handle,
    limit: Duration,
) -> (Time, bool, Duration) {
    let began = handle.now();
    let clock = handle.clone();
    let result = cluster
        .with(Route::any(), async move |conn| within(&clock, limit, conn.read()).await)
        .await;
    (began, result.is_ok(), handle.now().since(began))
}

fn p99(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

/// A policy that is switched off.
pub(crate) struct Switch {
    pub(crate) name: &'static str,
    apply: fn(ClusterBuilder<Remote>) -> ClusterBuilder<Remote>,
}

/// Every policy, switched off alone.
pub(crate) const SWITCHES: &[Switch] = &[
    Switch { name: "nothing", apply: |builder| builder },
    Switch {
        name: "ejection",
        apply: |builder| builder.health(HealthRules::default().without_ejection()),
    },
    Switch {
        name: "slow start",
        apply: |builder| {
            builder.health(HealthRules { slow_start: Duration::ZERO, ..HealthRules::default() })
        },
    },
    Switch {
        name: "at most half",
        apply: |builder| {
            builder.health(HealthRules { at_most_half: false, ..HealthRules::default() })
        },
    },
    Switch { name: "load in the choice", apply: |builder| builder.balance(Uniform) },
    Switch {
        name: "retries in the acquire",
        apply: |builder| builder.retry_budget(RetryBudget::NONE),
    },
    Switch { name: "waiting when all are down", apply: |b| b.when_all_down(AllDown::Fail) },
    Switch {
        name: "fail fast of a node's pool",
        apply: |builder| builder.pool(|pool| pool.fail_fast(false)),
    },
    Switch {
        name: "ramp and back-off of connects",
        apply: |builder| {
            builder.pool(|pool| {
                pool.ramp(false).backoff_first(ms(1)).backoff_max(ms(1)).max_connecting(1_000)
            })
        },
    },
    Switch { name: "throttle", apply: |builder| builder.throttle(f64::INFINITY) },
];

/// What goes wrong with server "a", or with all, from 5 s on and until it is over.
pub(crate) struct Trouble {
    pub(crate) name: &'static str,
    over: u64,
    begin: fn(&World),
    end: fn(&World),
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Six kinds of trouble.
pub(crate) const TROUBLES: &[Trouble] = &[
    Trouble {
        name: "all fail six in ten",
        over: 15,
        begin: |world| {
            for name in NAMES {
                world.host(name).error_rate(0.6);
            }
        },
        end: |world| {
            for name in NAMES {
                world.host(name).error_rate(0.0);
            }
        },
    },
    Trouble {
        name: "one fails at once",
        over: 15,
        begin: |world| {
            world.host("a").sick(Fault::Connection);
        },
        end: |world| {
            world.host("a").sick(None);
        },
    },
    Trouble {
        name: "one crashes",
        over: 15,
        begin: |world| {
            world.host("a").crash();
        },
        end: |world| {
            world.host("a").start();
        },
    },
    Trouble {
        name: "all crash",
        over: 13,
        begin: |world| {
            for name in NAMES {
                world.host(name).crash();
            }
        },
        end: |world| {
            for name in NAMES {
                world.host(name).start();
            }
        },
    },
    Trouble {
        name: "one is 10 times as slow",
        over: 15,
        begin: |world| {
            world.host("a").slow(10.0);
        },
        end: |world| {
            world.host("a").slow(1.0);
        },
    },
    Trouble {
        name: "one takes one client",
        over: 15,
        begin: |world| {
            let host = world.host("a");
            host.max_clients(1).crash().start();
        },
        end: |world| {
            world.host("a").max_clients(usize::MAX);
        },
    },
];

/// What was suffered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Which part of all requests failed.
    pub(crate) failed: f64,
    /// Of the requests of the last 5 s.
    pub(crate) p99: Duration,
    /// The most connects to one server in a second.
    pub(crate) dials: usize,
}

/// Runs one kind of trouble with one policy switched off.
pub(crate) fn suffer(switch: &Switch, trouble: &Trouble) -> Seen {
    let world = World::new(29);
    for name in NAMES {
        world.host(name).workers(4).service(ms(10));
    }
    let builder = world
        .plain(&NAMES)
        .balance(LeastLoaded)
        .acquire_timeout(ms(500))
        .pool(|pool| pool.max_size(12));
    let cluster = (switch.apply)(builder).build().unwrap();
    world.sim.set_most_polls(u64::MAX);
    let handle = world.sim.handle();
    let random = Random::new(31);
    world.sim.run(async {
        world.warm(&cluster).await;
        let start = world.sim.now();
        let mut tasks = Vec::new();
        let (mut began, mut ended) = (false, false);
        while world.sim.now().since(start) < secs(25) {
            let now = world.sim.now().since(start);
            if !began && now >= secs(5) {
                began = true;
                (trouble.begin)(&world);
            }
            if !ended && now >= secs(trouble.over) {
                ended = true;
                (trouble.end)(&world);
            }
            tasks.push(world.sim.spawn(request(cluster.clone(), handle.clone(), ms(500))));
            // 840 a second: 70 % of what twelve workers can do.
            let pause = -(1.0 - random.unit()).ln() / 840.0;
            world.sleep(Duration::from_secs_f64(pause)).await;
        }
        let (mut failed, mut last, all) = (0, Vec::new(), tasks.len());
        for task in tasks {
            let (came, good, took) = task.await.unwrap();
            failed += usize::from(!good);
            if came.since(start) >= secs(20) {
                last.push(took);
            }
        }
        let dials = NAMES.map(|name| most_in_a_second(world.host(name).dialled()));
        Seen {
            failed: failed as f64 / all as f64,
            p99: p99(&mut last),
            dials: dials.into_iter().max().unwrap_or(0),
        }
    })
}

fn most_in_a_second(mut at: Vec<Time>) -> usize {
    at.sort();
    let mut from = 0;
    let window = |(n, time): (usize, &Time)| {
        while time.since(at[from]) >= secs(1) {
            from += 1;
        }
        n - from + 1
    };
    at.iter().enumerate().map(window).max().unwrap_or(0)
}
