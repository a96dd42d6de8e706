//! Simulated servers and the network to them: what a cluster is tested against without one. A [`Host`] has workers,
//! service times, a role and an epoch; it can crash, be cut off, be slow, fail everything at once, be promoted, fall
//! behind, or turn clients away. [`Remote`] is the manager that connects to it.
//!
//! Work is done in the order in which it comes by so many workers at a time, and it is done to its end, whether or not
//! the client still waits for it: that is what overloads servers.

mod wire;

pub use wire::{Remote, Wire};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use cenote::{Env, Epoch, Fault, Node, Role, Time};

use crate::sim::Sim;
use crate::step::ScriptError;

/// Servers by name, in one [`Sim`]'s time, or in [another](Net::in_env).
///
/// ```
/// use cenote::{Manager, Node};
/// use cenote_testkit::{Net, Sim};
/// use std::time::Duration;
///
/// let sim = Sim::new(1);
/// let net = Net::new(&sim);
/// net.host("a").workers(1).service(Duration::from_millis(10));
///
/// let driver = net.driver();
/// let remote = driver(&Node::new("the first", "a")).unwrap();
/// sim.run(async {
///     let mut wire = remote.connect().await.unwrap();
///     wire.read().await.unwrap();
///     net.host("a").crash();
///     assert!(wire.read().await.is_err());
/// });
/// ```
#[derive(Clone)]
pub struct Net {
    env: Arc<dyn Env>,
    hosts: Arc<Mutex<BTreeMap<String, Host>>>,
}

impl Net {
    /// A network without servers.
    pub fn new(sim: &Sim) -> Net {
        Net::in_env(sim.env())
    }

    /// The same in another time than a simulator's, such as that of a runtime: for what looks on from outside, as a browser
    /// does.
    pub fn in_env(env: Arc<dyn Env>) -> Net {
        Net { env, hosts: Arc::default() }
    }

    /// The server with this name; it is there from the first call on.
    pub fn host(&self, name: &str) -> Host {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let seed = hosts.len() as u64 + 1;
        let new = || Host::new(name, seed, Arc::clone(&self.env));
        hosts.entry(name.to_owned()).or_insert_with(new).clone()
    }

    /// Makes managers for nodes: a node's address is the name of its server.
    pub fn driver(&self) -> impl Fn(&Node) -> Result<Remote, ScriptError> + Send + Sync + 'static {
        let net = self.clone();
        move |node| match node.address() {
            "" => Err(ScriptError::new(Fault::Permanent, "the address is empty")),
            name => Ok(Remote::new(net.host(name))),
        }
    }
}

/// What a server has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Connects that came to it, or to where it was.
    pub connects: u64,
    /// Connections that exist now.
    pub clients: usize,
    /// The most that ever existed at once.
    pub peak_clients: usize,
    /// Requests that came to it.
    pub requests: u64,
    /// Reads that it answered well.
    pub reads: u64,
    /// Writes that it took.
    pub writes: u64,
    /// Requests that it failed.
    pub failures: u64,
    /// Questions about its role.
    pub probes: u64,
}

/// The state of a server and of the way to it.
pub(crate) struct World {
    pub(crate) up: bool,
    pub(crate) cut_off: bool,
    /// Counts crashes: a connection of an earlier life is dead.
    pub(crate) life: u64,
    pub(crate) role: Role,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) lag: Option<Duration>,
    pub(crate) connect_time: Duration,
    pub(crate) service: Duration,
    pub(crate) slowness: f64,
    pub(crate) sick: Option<Fault>,
    pub(crate) error_rate: f64,
    pub(crate) max_clients: usize,
    /// When each worker has done what it has to do.
    pub(crate) free_at: Vec<Time>,
    pub(crate) traffic: Traffic,
    pub(crate) dialled: Vec<Time>,
    pub(crate) watchers: Vec<Waker>,
    random: u64,
}

impl World {
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Takes a request in; returns when it will be done and whether it will have gone wrong.
    pub(crate) fn work(&mut self, now: Time) -> (Time, bool) {
        let failed = self.draw() < self.error_rate;
        // Exponential: most requests are short, some are long.
        let unit = 1.0 - self.draw();
        let took = self.service.mul_f64(-unit.ln() * self.slowness);
        let soonest = self.free_at.iter_mut().min().expect("a server has a worker");
        *soonest = (*soonest).max(now) + took;
        (*soonest, failed)
    }
}

/// A handle of one server.
#[derive(Clone)]
pub struct Host {
    pub(crate) name: Arc<str>,
    pub(crate) env: Arc<dyn Env>,
    world: Arc<Mutex<World>>,
}

impl Host {
    fn new(name: &str, seed: u64, env: Arc<dyn Env>) -> Host {
        let world = World {
            up: true,
            cut_off: false,
            life: 1,
            role: Role::Primary,
            epoch: None,
            lag: None,
            connect_time: Duration::from_millis(1),
            service: Duration::ZERO,
            slowness: 1.0,
            sick: None,
            error_rate: 0.0,
            max_clients: usize::MAX,
            free_at: vec![Time::ZERO; 1024],
            traffic: Traffic::default(),
            dialled: Vec::new(),
            watchers: Vec::new(),
            random: seed,
        };
        Host { name: name.into(), env, world: Arc::new(Mutex::new(world)) }
    }

    pub(crate) fn with<R>(&self, run: impl FnOnce(&mut World) -> R) -> R {
        run(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes something and lets everybody look who waits for an answer.
    fn change(&self, change: impl FnOnce(&mut World)) -> &Self {
        let wakers = self.with(|world| {
            change(world);
            std::mem::take(&mut world.watchers)
        });
        wakers.into_iter().for_each(Waker::wake);
        self
    }

    /// So many requests are worked on at a time. Default 1024.
    pub fn workers(&self, n: usize) -> &Self {
        self.change(|world| world.free_at = vec![Time::ZERO; n.max(1)])
    }

    /// How long a request takes on average, exponentially distributed. Default: no time.
    pub fn service(&self, mean: Duration) -> &Self {
        self.change(|world| world.service = mean)
    }

    /// Everything takes so many times as long. Default 1.
    pub fn slow(&self, factor: f64) -> &Self {
        self.change(|world| world.slowness = factor)
    }

    /// How long a connect takes. Default 1 ms.
    pub fn connect_time(&self, time: Duration) -> &Self {
        self.change(|world| world.connect_time = time)
    }

    /// Every request fails at once with an error of this class, or no longer.
    pub fn sick(&self, fault: impl Into<Option<Fault>>) -> &Self {
        let fault = fault.into();
        self.change(|world| world.sick = fault)
    }

    /// This share of the requests ends in a timeout of the server's. Default 0.
    pub fn error_rate(&self, rate: f64) -> &Self {
        self.change(|world| world.error_rate = rate)
    }

    /// So many clients at most; others are turned away with [`Fault::Overload`]. Default: no limit.
    pub fn max_clients(&self, n: usize) -> &Self {
        self.change(|world| world.max_clients = n)
    }

    /// It dies: connections break, connects are refused.
    pub fn crash(&self) -> &Self {
        self.change(|world| {
            world.up = false;
            world.life += 1;
        })
    }

    /// It is there again, with nothing to do.
    pub fn start(&self) -> &Self {
        self.change(|world| {
            world.up = true;
            world.free_at.fill(Time::ZERO);
        })
    }

    /// Nothing comes through to it any more, and nobody is told.
    pub fn cut_off(&self) -> &Self {
        self.change(|world| world.cut_off = true)
    }

    /// What was sent comes through.
    pub fn heal(&self) -> &Self {
        self.change(|world| world.cut_off = false)
    }

    /// What it is. Default: a primary.
    pub fn role(&self, role: Role) -> &Self {
        self.change(|world| world.role = role)
    }

    /// Its epoch in the system "sim". Default: it knows none.
    pub fn epoch(&self, number: u64) -> &Self {
        self.change(|world| world.epoch = Some(Epoch::new("sim", number)))
    }

    /// It becomes the primary, one epoch on if it knows epochs.
    pub fn promote(&self) -> &Self {
        self.change(|world| {
            world.role = Role::Primary;
            let next = |epoch: &Epoch| Epoch::new(epoch.system(), epoch.number() + 1);
            world.epoch = world.epoch.as_ref().map(next);
        })
    }

    /// How far it is behind. Default: it does not know.
    pub fn lag(&self, lag: impl Into<Option<Duration>>) -> &Self {
        let lag = lag.into();
        self.change(|world| world.lag = lag)
    }

    /// What it has seen so far.
    pub fn traffic(&self) -> Traffic {
        self.with(|world| world.traffic)
    }

    /// When connects came, to it or to where it was.
    pub fn dialled(&self) -> Vec<Time> {
        self.with(|world| world.dialled.clone())
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}
