//! A simulator, simulated servers and a cluster of them in one hand. Everything runs in virtual time.

#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use cenote::{Fault, Node, Pooled, Role, TestOnAcquire, Time};
use cenote_cluster::{Cluster, ClusterBuilder, Condition, Error, Event, Route};
use cenote_testkit::{Handle, Host, Net, Remote, ScriptError, Sim};

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) type ClusterError = Error<ScriptError>;

/// A simulation with servers.
pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) net: Net,
    pub(crate) events: Events,
}

/// What a cluster told.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn write(&self, event: &Event) {
        let text = event.to_string();
        let text = text.replace("cluster \"shop\", node ", "").replace('"', "");
        self.0.lock().unwrap().push(text);
    }

    /// What was told since the last call, as "node: what".
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The same, without what every node begins with.
    pub(crate) fn news(&self) -> Vec<String> {
        let dull = |line: &String| !line.ends_with(": added");
        self.take().into_iter().filter(dull).collect()
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let sim = Sim::new(seed);
        let net = Net::new(&sim);
        World { sim, net, events: Events::default() }
    }

    pub(crate) fn host(&self, name: &str) -> Host {
        self.net.host(name)
    }

    /// A builder in this simulation, with a seed and without tests before lending.
    pub(crate) fn builder(&self) -> ClusterBuilder<Remote> {
        let events = self.events.clone();
        Cluster::builder(self.net.driver())
            .name("shop")
            .env(self.sim.env())
            .seed(7)
            .pool(|pool| pool.test_on_acquire(TestOnAcquire::Never))
            .observe(move |event| events.write(event))
    }

    /// Nodes without roles, named like their servers.
    pub(crate) fn plain(&self, names: &[&str]) -> ClusterBuilder<Remote> {
        self.builder().nodes(names.iter().map(|name| Node::new(*name, *name)))
    }

    /// A primary "p" and replicas, all with epoch 1.
    pub(crate) fn replicated(&self, replicas: &[&str]) -> ClusterBuilder<Remote> {
        self.host("p").role(Role::Primary).epoch(1);
        for name in replicas {
            self.host(name).role(Role::Replica).epoch(1);
        }
        self.builder()
            .node(Node::new("p", "p").role(Role::Primary))
            .nodes(replicas.iter().map(|name| Node::new(*name, *name).role(Role::Replica)))
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.sim.sleep(duration).await;
    }

    /// Waits until nothing is runnable.
    pub(crate) async fn settled(&self) {
        self.sim.handle().settled().await;
    }

    /// Waits until every node has been connected to.
    pub(crate) async fn warm(&self, cluster: &Cluster<Remote>) {
        while cluster.status().nodes.iter().any(|node| node.pool.available == 0) {
            self.sleep(ms(1)).await;
        }
        self.events.take();
    }

    /// From now on this node is sick, and as many requests go out as eject it, if all go there.
    pub(crate) async fn ejects(&self, cluster: &Cluster<Remote>, name: &str) {
        self.host(name).sick(Fault::Timeout);
        for _ in 0..5 {
            let _ = cluster.with(Route::any(), async |conn| conn.read().await).await;
        }
        assert_eq!(cluster.status().node(name).unwrap().condition, Condition::Ejected);
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.sim.now().since(Time::ZERO)
    }
}

/// The key of the node that a connection is to.
pub(crate) fn node(conn: &Pooled<Remote>) -> String {
    Pooled::node(conn).expect("it is of a cluster").to_owned()
}

/// Runs something for this long at most; what takes longer is a timeout of the client's.
pub(crate) async fn within(
    handle: &Handle,
    limit: Duration,
    run: impl Future<Output = Result<(), ScriptError>>,
) -> Result<(), ScriptError> {
    let (mut run, mut sleep) = (pin!(run), pin!(handle.sleep(limit)));
    poll_fn(|cx| {
        if let Poll::Ready(result) = run.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        let late = || Err(ScriptError::new(Fault::Timeout, "the client gave up"));
        sleep.as_mut().poll(cx).map(|()| late())
    })
    .await
}

/// A cluster's error where one of the servers' is wanted.
pub(crate) fn as_script_error(error: ClusterError) -> ScriptError {
    ScriptError::new(Fault::Timeout, error.to_string())
}

/// Where the next `n` requests of this route go, each given back at once.
pub(crate) async fn turns(
    cluster: &Cluster<Remote>,
    route: &cenote_cluster::Route,
    n: usize,
) -> Vec<String> {
    let mut nodes = Vec::new();
    for _ in 0..n {
        nodes.push(node(&cluster.route(route.clone()).await.unwrap()));
    }
    nodes
}
