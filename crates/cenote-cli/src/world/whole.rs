//! The whole: three servers, an operator, a cluster of pools over them, and a load. From its beginning, in which nobody has
//! failed yet, to its end, after which nothing is left.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cenote::{Node, Pooled};
use cenote_cluster::discovery::{Push, SafetyRules, push};
use cenote_cluster::{Closed, Cluster, HealthRules, Registry};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::lines::Lines;
use super::load::Load;
use super::news::News;
use super::operator::Operator;
use super::plant::Plant;
use super::register::Register;
use super::server::Server;
use super::servers::Servers;
use crate::failure::Failure;

/// The cluster's name.
pub(crate) const NAME: &str = "shop";
/// How long a request may wait for a connection.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);
/// Connections to each server.
pub(crate) const SIZE: usize = 8;
/// Callers that may wait for each server; the others are turned away.
const WAITING: usize = 32;
/// Replicas that are further behind are not read from.
pub(crate) const MAX_LAG: Duration = Duration::from_secs(1);
/// How long anybody may take to end.
const GRACE: Duration = Duration::from_secs(7);

pub(crate) struct World {
    pub(crate) servers: Arc<Servers>,
    pub(crate) register: Arc<Register>,
    pub(crate) news: Arc<News>,
    pub(crate) cluster: Cluster<Lines>,
    pub(crate) registry: Registry,
    pub(crate) load: Load,
    push: Push,
    operator: JoinHandle<()>,
    /// A connection that somebody keeps: what a check must notice.
    kept: Mutex<Option<Pooled<Lines>>>,
}

/// What was left of it when it had ended.
pub(crate) struct Ended {
    pub(crate) closed: Vec<Closed>,
    /// Connections and callers that the pools still count.
    pub(crate) counted: usize,
    /// Sessions that the servers still have.
    pub(crate) sessions: u64,
}

impl World {
    /// Begins with `a` as the primary, in this folder, and waits until everybody has a role.
    pub(crate) async fn begin(
        folder: &Path,
        news: Arc<News>,
        plant: Option<Plant>,
    ) -> Result<World, Failure> {
        let register = Arc::new(Register::default());
        let servers = Arc::new(Servers::new(folder, Arc::clone(&register), plant));
        for _ in 0..3 {
            if let Some(made) = servers.make() {
                made.map_err(cannot_begin)?.revive().await.map_err(cannot_begin)?;
            }
        }
        let all = servers.all();
        all[0].promote().await.map_err(cannot_begin)?;
        for replica in &all[1..] {
            replica.follow(&all[0]).await.map_err(cannot_begin)?;
        }
        let (registry, (push, pushed)) = (Registry::new(), push());
        push.all(all.iter().map(|server| node(server)));
        let told = Arc::clone(&news);
        let cluster = Cluster::builder(Lines::to)
            .name(NAME)
            .discover(pushed)
            .safety(SafetyRules::default().drain(Duration::from_secs(2)))
            .pool(|pool| {
                let pool = pool.max_size(SIZE).min_size(2).max_waiting(WAITING);
                pool.connect_timeout(Duration::from_secs(1))
                    .backoff_max(Duration::from_millis(500))
                    .measure_hold(true)
            })
            // Shorter times than a service would choose: whoever watches wants to see the end of it.
            .health(HealthRules {
                hold: Duration::from_secs(1),
                hold_max: Duration::from_secs(8),
                slow_start: Duration::from_secs(3),
                ..HealthRules::default()
            })
            .probe_roles()
            .probe_times(
                Duration::from_millis(500),
                Duration::from_secs(1),
                Duration::from_millis(100),
                Duration::from_secs(10),
            )
            .max_lag(MAX_LAG)
            .acquire_timeout(DEADLINE)
            .register(&registry)
            .observe(move |event| told.event(event))
            .build_ready()
            .await
            .map_err(cannot_begin)?;
        let operator =
            Operator::new(Arc::clone(&servers), Arc::clone(&register), Arc::clone(&news));
        let operator = tokio::spawn(operator.go_on());
        let load = Load::begin(&cluster, plant == Some(Plant::FailingReads));
        let world = World {
            servers,
            register,
            news,
            cluster,
            registry,
            load,
            push,
            operator,
            kept: Mutex::default(),
        };
        let stands = || world.cluster.status().nodes.iter().all(|node| node.role.is_some());
        if !within(DEADLINE, stands).await {
            return Err(cannot_begin("the servers did not say what they are"));
        }
        if plant == Some(Plant::Leak) {
            let kept = world.cluster.read().await.map_err(cannot_begin)?;
            *world.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        }
        Ok(world)
    }

    /// The cluster is told that these are all nodes.
    pub(crate) fn list(&self, servers: &[Arc<Server>]) {
        self.push.all(servers.iter().map(|server| node(server)));
    }

    /// No more requests come. False: somebody has not ended.
    pub(crate) async fn rest(&self) -> bool {
        self.load.end(GRACE).await
    }

    /// Everything ends. What somebody does to it later finds nobody.
    pub(crate) async fn end(&self) -> Ended {
        let _order = self.servers.order().await;
        let closed = self.registry.close_all(Duration::from_secs(2)).await;
        let total = self.cluster.status().total();
        self.operator.abort();
        within(GRACE, || self.operator.is_finished()).await;
        let all = self.servers.all();
        let sessions = || all.iter().map(|server| server.sessions()).sum::<u64>();
        // The servers hear of it a little later.
        within(Duration::from_secs(2), || sessions() == 0).await;
        let ended = Ended { closed, counted: total.size + total.waiting, sessions: sessions() };
        for server in &all {
            // Some are dead already.
            _ = server.kill().await;
        }
        ended
    }
}

fn node(server: &Server) -> Node {
    Node::new(&*server.name, server.address.to_string())
}

fn cannot_begin(why: impl Display) -> Failure {
    Failure::new(format!("the little world could not begin: {why}"))
}

/// Waits until it is so, and not longer than this. Returns whether it is.
pub(crate) async fn within(time: Duration, mut so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    while !so() {
        if Instant::now() >= end {
            return false;
        }
        sleep(Duration::from_millis(2)).await;
    }
    true
}
