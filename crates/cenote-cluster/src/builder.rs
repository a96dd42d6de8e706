//! Building a cluster: its nodes, its policies and where its tasks run.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cenote::env::{Errand, Task, Tokio};
use cenote::{Builder, Env, Level, Manager, Node, Probe, Role, Timeout};

use crate::balance::{Balance, LeastLoaded};
use crate::cluster::Cluster;
use crate::core::{AllDown, Core, Settings, steward};
use crate::discovery::{Desk, Discovery, Order, SafetyRules, follow};
use crate::error::BuildError;
use crate::event::{Event, Observer};
use crate::health::HealthRules;
use crate::random::Random;
use crate::registry::Registry;
use crate::retry::{Purse, RetryBudget};
use crate::role::{Prober, prober, watch_roles};
use crate::totals::Totals;

type Make<M> = Box<dyn Fn(&Node) -> Result<M, <M as Manager>::Error> + Send + Sync>;
type Shape<M> = Box<dyn Fn(&Node, Builder<M>) -> Builder<M> + Send + Sync>;
/// Makes the task of a source.
type Follow<M> = Box<dyn FnOnce(Weak<Core<M>>, Arc<dyn Env>, Arc<Desk>) -> Task + Send>;
type Ask<M> = Box<dyn Fn(Arc<dyn Env>, Duration) -> Prober<M> + Send + Sync>;

/// Builds a [`Cluster`]. Made by [`Cluster::builder`].
#[must_use = "a builder does nothing until it builds"]
pub struct ClusterBuilder<M: Manager> {
    make: Make<M>,
    name: String,
    nodes: Vec<Node>,
    balance: Arc<dyn Balance>,
    rules: HealthRules,
    budget: RetryBudget,
    throttle: f64,
    max_lag: Option<Duration>,
    zone: Option<String>,
    all_down: AllDown,
    timeout: Timeout,
    totals: Totals,
    shapes: Vec<Shape<M>>,
    ask: Option<Ask<M>>,
    probe_every: Duration,
    probe_timeout: Duration,
    quick: Duration,
    quick_for: Duration,
    seed: Option<u64>,
    env: Option<Arc<dyn Env>>,
    observers: Vec<Observer>,
    registry: Option<Registry>,
    sources: Vec<(String, Follow<M>)>,
    safety: SafetyRules,
}

impl<M: Manager> ClusterBuilder<M> {
    pub(crate) fn new(
        make: impl Fn(&Node) -> Result<M, M::Error> + Send + Sync + 'static,
    ) -> ClusterBuilder<M> {
        ClusterBuilder {
            make: Box::new(make),
            name: "cluster".to_owned(),
            nodes: Vec::new(),
            balance: Arc::new(LeastLoaded),
            rules: HealthRules::default(),
            budget: RetryBudget::default(),
            throttle: 2.0,
            max_lag: None,
            zone: None,
            all_down: AllDown::default(),
            timeout: Timeout::After(Duration::from_secs(30)),
            totals: Totals::default(),
            shapes: Vec::new(),
            ask: None,
            probe_every: Duration::from_secs(5),
            probe_timeout: Duration::from_secs(1),
            quick: Duration::from_millis(100),
            quick_for: Duration::from_secs(30),
            seed: None,
            env: None,
            observers: Vec::new(),
            registry: None,
            sources: Vec::new(),
            safety: SafetyRules::default(),
        }
    }

    /// The cluster's name, the first part of its pools' names. Default "cluster".
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a node.
    pub fn node(mut self, node: Node) -> Self {
        self.nodes.push(node);
        self
    }

    /// Adds nodes.
    pub fn nodes(mut self, nodes: impl IntoIterator<Item = Node>) -> Self {
        self.nodes.extend(nodes);
        self
    }

    /// Follows this source while the cluster runs: nodes come, change and go as it says (D-1, D-2). Given several times,
    /// the nodes of all are there; what one source lists, another cannot take away.
    ///
    /// `build` does not wait for the source, [`build_ready`](ClusterBuilder::build_ready) waits for a first node.
    /// Callers who come before there is one wait for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use cenote_testkit::Script;
    /// use cenote::Node;
    /// use cenote_cluster::{Cluster, discovery};
    ///
    /// let (push, pushed) = discovery::push();
    /// push.all([Node::new("a", "10.0.0.1"), Node::new("b", "10.0.0.2")]);
    /// let cluster = Cluster::builder(|_: &Node| Ok(Script::new())).discover(pushed).build_ready().await?;
    /// assert_eq!(cluster.nodes().len(), 2);
    /// # Ok(()) }
    /// ```
    pub fn discover(mut self, source: impl Discovery) -> Self {
        let name = source.name();
        let task: Follow<M> =
            Box::new(move |core, env, desk| Box::pin(follow(core, env, desk, source)));
        self.sources.push((name, task));
        self
    }

    /// How careful the cluster is with what its sources say (D-3). Default: [`SafetyRules::default`].
    pub fn safety(mut self, rules: SafetyRules) -> Self {
        self.safety = rules;
        self
    }

    /// Who of the nodes that are online serves a request (C-3). Default: [`LeastLoaded`].
    pub fn balance(mut self, balance: impl Balance) -> Self {
        self.balance = Arc::new(balance);
        self
    }

    /// Changes the options of every node's pool. A node's pool keeps one connection at least, fails fast, and tries a
    /// server that is down once a second at the latest: `min_size(1).fail_fast(true).backoff_max(1s)` come first.
    /// Its name and `acquire_timeout` are the cluster's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::{Node, Role};
    /// # use cenote_cluster::Cluster;
    /// # use cenote_testkit::Script;
    /// let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
    ///     .pool(|p| p.max_size(20))
    ///     .pool_of(Role::Primary, |p| p.max_size(5))
    ///     .node(Node::new("a", "").role(Role::Primary))
    ///     .node(Node::new("b", "").role(Role::Replica))
    ///     .build()
    ///     .unwrap();
    /// assert_eq!(cluster.pool("a").unwrap().status().max, 5);
    /// assert_eq!(cluster.pool("b").unwrap().status().max, 20);
    /// # }
    /// ```
    pub fn pool(self, shape: impl Fn(Builder<M>) -> Builder<M> + Send + Sync + 'static) -> Self {
        self.pool_with(move |_, builder| shape(builder))
    }

    /// As [`pool`](ClusterBuilder::pool), for nodes that are configured with this role.
    pub fn pool_of(
        self,
        role: Role,
        shape: impl Fn(Builder<M>) -> Builder<M> + Send + Sync + 'static,
    ) -> Self {
        self.pool_with(
            move |node, builder| {
                if node.configured_role() == Some(role) { shape(builder) } else { builder }
            },
        )
    }

    /// As [`pool`](ClusterBuilder::pool), by node. Later calls come after earlier ones.
    pub fn pool_with(
        mut self,
        shape: impl Fn(&Node, Builder<M>) -> Builder<M> + Send + Sync + 'static,
    ) -> Self {
        self.shapes.push(Box::new(shape));
        self
    }

    /// The most connections of all nodes together; each gets its part by weight (C-1). Default: no such limit.
    pub fn max_total(mut self, max: usize) -> Self {
        self.totals.all = Some(max);
        self
    }

    /// The most connections of all nodes with this role together (C-1). Default: no such limit.
    pub fn max_total_of(mut self, role: Role, max: usize) -> Self {
        match role {
            Role::Primary => self.totals.primary = Some(max),
            Role::Replica => self.totals.replica = Some(max),
        }
        self
    }

    /// What takes a node out, and how it comes back (C-6).
    pub fn health(mut self, rules: HealthRules) -> Self {
        self.rules = rules;
        self
    }

    /// How many second attempts there may be (C-9). Default: a fifth of the first ones, and ten a second.
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// While a server turns connects away, so many times as many callers are let in as it accepts; the others are turned
    /// away at once (C-15). Infinity: none is turned away. Default 2.
    pub fn throttle(mut self, k: f64) -> Self {
        self.throttle = k;
        self
    }

    /// Reads skip replicas that are further behind than this (C-13). Default: none is skipped.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.max_lag = Some(max_lag);
        self
    }

    /// Where this process stands: nodes of this zone are preferred. Default: nowhere.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// What callers do when no node that could serve them is online. Default: they wait.
    pub fn when_all_down(mut self, all_down: AllDown) -> Self {
        self.all_down = all_down;
        self
    }

    /// How long an acquire may take in all, whatever nodes it tries. Default 30 s.
    pub fn acquire_timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Draws what is left to chance from this seed, for tests. Default: different each time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Runs the cluster and its pools in this environment. Default: the tokio runtime around the caller of `build`.
    pub fn env(mut self, env: Arc<dyn Env>) -> Self {
        self.env = Some(env);
        self
    }

    /// Tells somebody what happens to the nodes, from the first on (C-17).
    pub fn observe(mut self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Writes each event as a line to standard error. What happens inside a node's pool is that pool's log:
    /// `.pool(|p| p.log(true))`.
    pub fn log(self, log: bool) -> Self {
        if !log {
            return self;
        }
        // Whoever closed standard error wants no lines.
        self.observe(|event| {
            let _ = writeln!(std::io::stderr(), "{:5} {event}", event.kind.level());
        })
    }

    /// Gives each event as a line to this closure, which must not block.
    pub fn log_with(self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Self {
        self.observe(move |event| log(event.kind.level(), &event.to_string()))
    }

    /// Puts the cluster on a list of all of them.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// Builds the cluster; its pools start to fill.
    ///
    /// # Errors
    /// [`BuildError`] names the node that cannot be one, or says that there is no runtime.
    pub fn build(self) -> Result<Cluster<M>, BuildError<M::Error>> {
        let env = match self.env {
            Some(env) => env,
            None => Arc::new(Tokio::current().ok_or(BuildError::NoRuntime)?),
        };
        let desk = |(name, task)| (Desk::new(name, self.safety), task);
        let sources: Vec<_> = self.sources.into_iter().map(desk).collect();
        let settings = Settings {
            rules: self.rules,
            scoring: self.balance.scoring(),
            times: self.balance.times(),
            throttle: self.throttle,
            max_lag: self.max_lag,
            zone: self.zone.map(Into::into),
            all_down: self.all_down,
            timeout: self.timeout,
            totals: self.totals,
            probing: self.ask.is_some(),
            quick: self.quick,
            quick_for: self.quick_for,
            sources: sources.iter().map(|(desk, _)| Arc::clone(desk)).collect(),
        };
        let core = Core::new(
            self.name.into(),
            Arc::clone(&env),
            Random::new(self.seed.unwrap_or_else(|| env.seed())),
            self.balance,
            settings,
            Purse::new(self.budget),
            self.make,
            self.shapes,
        );
        for observer in self.observers {
            core.observe(observer);
        }
        let nodes = self.nodes.into_iter().map(Order::Add).collect();
        if let Some(refused) = core.apply(nodes, self.safety.drain).into_iter().next() {
            return Err(refused.error);
        }
        let task = steward(Arc::downgrade(&core), Arc::clone(&env), Arc::clone(&core.steward));
        env.spawn_for(Errand::Upkeep, Box::pin(task));
        if let Some(ask) = self.ask {
            let ask = ask(Arc::clone(&env), self.probe_timeout);
            let (weak, bell) = (Arc::downgrade(&core), Arc::clone(&core.monitor));
            let task = watch_roles(weak, Arc::clone(&env), bell, ask, self.probe_every);
            env.spawn_for(Errand::Upkeep, Box::pin(task));
        }
        for (desk, follow) in sources {
            let task = follow(Arc::downgrade(&core), Arc::clone(&env), desk);
            env.spawn_for(Errand::Upkeep, task);
        }
        let cluster = Cluster { core };
        if let Some(registry) = &self.registry {
            registry.cluster(&cluster);
        }
        Ok(cluster)
    }

    /// Builds the cluster and waits until it can be used: until one node is there, and a primary, if one is configured
    /// or looked for. Waits for `acquire_timeout` at most.
    ///
    /// # Errors
    /// Those of [`build`](ClusterBuilder::build), and [`BuildError::Ready`].
    pub async fn build_ready(self) -> Result<Cluster<M>, BuildError<M::Error>> {
        let cluster = self.build()?;
        cluster.ready().await.map_err(|error| BuildError::Ready(Box::new(error)))?;
        Ok(cluster)
    }
}

impl<M: Probe> ClusterBuilder<M> {
    /// Asks the nodes what they are (C-11): every 5 s, and every 100 ms for 30 s after something went wrong and as long as
    /// somebody waits for a node. What is configured is believed until they have answered.
    pub fn probe_roles(mut self) -> Self {
        self.ask = Some(Box::new(prober::<M>));
        self
    }

    /// How often the nodes are asked, how long one may take to answer, and how often and for how long they are asked
    /// after a suspicion. Default: 5 s, 1 s, 100 ms, 30 s. Nobody is asked more often than each millisecond.
    pub fn probe_times(
        mut self,
        every: Duration,
        timeout: Duration,
        quick: Duration,
        quick_for: Duration,
    ) -> Self {
        (self.probe_every, self.probe_timeout) = (every, timeout);
        (self.quick, self.quick_for) = (quick, quick_for);
        self
    }
}

impl<M: Manager> fmt::Debug for ClusterBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBuilder")
            .field("name", &self.name)
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}
