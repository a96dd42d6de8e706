//! The handle of a cluster: every way to get a connection from it, its nodes and its life. What it is built from is in
//! `builder.rs`, what happens behind it in `core.rs`.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Lend, Manager, Node, Pool, Pooled, State, Status};

use crate::acquire::Acquire;
use crate::builder::ClusterBuilder;
use crate::core::Core;
use crate::discovery::{Order, SafetyRules};
use crate::error::{BuildError, Error};
use crate::event::Event;
use crate::route::Route;
use crate::settle::{Clearing, Removing, Settling, Switched};
use crate::status::{ClusterStatus, NodeStatus};

/// Many pools behind one door.
///
/// Clones are handles of the same cluster. When the last one is dropped its pools close as pools do.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cenote_testkit::Script;
/// use cenote::{Node, Pooled, Role};
/// use cenote_cluster::Cluster;
///
/// let cluster = Cluster::builder(|_: &Node| Ok(Script::new())) // a real one makes a driver from node.address()
///     .name("shop")
///     .node(Node::new("a", "10.0.0.1").role(Role::Primary))
///     .node(Node::new("b", "10.0.0.2").role(Role::Replica))
///     .build()?;
///
/// let reader = cluster.read().await?;
/// let writer = cluster.write().await?;
/// assert_eq!((Pooled::node(&reader), Pooled::node(&writer)), (Some("b"), Some("a")));
/// assert_eq!(Pooled::pool_name(&writer), "shop:primary:a");
/// # Ok(()) }
/// ```
pub struct Cluster<M: Manager> {
    pub(crate) core: Arc<Core<M>>,
}

impl<M: Manager> Cluster<M> {
    /// Starts to build a cluster; `make` makes the manager for a node, from its address and whatever else it needs.
    pub fn builder(
        make: impl Fn(&Node) -> Result<M, M::Error> + Send + Sync + 'static,
    ) -> ClusterBuilder<M> {
        ClusterBuilder::new(make)
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Borrows a connection to a node that this route allows (C-2).
    ///
    /// The balancer chooses among the nodes that are online; if the chosen one cannot give a connection, the next is
    /// tried inside the same deadline (C-9).
    ///
    /// # Errors
    /// See [`Error`]; each lists what the nodes answered.
    #[track_caller]
    pub fn route(&self, route: Route) -> Acquire<'_, M> {
        Acquire::new(self, route, Location::caller())
    }

    /// Borrows a connection to a replica, or to the primary if no replica is online.
    #[track_caller]
    pub fn read(&self) -> Acquire<'_, M> {
        Acquire::new(self, Route::read(), Location::caller())
    }

    /// Borrows a connection to the primary; while there is none, waits for one (C-12).
    #[track_caller]
    pub fn write(&self) -> Acquire<'_, M> {
        Acquire::new(self, Route::write(), Location::caller())
    }

    /// As [`write`](Cluster::write): what may do anything must be able to write (C-19).
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_, M> {
        Acquire::new(self, Route::write(), Location::caller())
    }

    /// Tells how long a request took, for a balancer that goes by latency and borrowers that do not use
    /// [`with`](Cluster::with).
    pub fn timed(&self, conn: &Pooled<M>, took: Duration) {
        let snapshot = self.core.snapshot.load();
        let mine = |place: &&crate::snapshot::Place| Some(&*place.key) == Pooled::node(conn);
        if let Some(place) = snapshot.places.iter().find(mine) {
            place.standing.latency.record(took, false, self.core.env.now());
        }
    }

    /// Adds a node; its pool starts to fill.
    ///
    /// # Errors
    /// [`BuildError::Twice`] if its key is known, [`BuildError::Address`] if no manager can be made for it.
    pub fn add(&self, node: Node) -> Result<(), BuildError<M::Error>> {
        self.one(Order::Add(node))
    }

    fn one(&self, order: Order) -> Result<(), BuildError<M::Error>> {
        let refused = self.core.apply(vec![order], SafetyRules::default().drain).pop();
        refused.map_or(Ok(()), |refusal| Err(refusal.error))
    }

    /// Removes the node with this key, or those whose keys match (`*` stands for anything). Nothing new is lent from
    /// them, whoever waits there goes elsewhere, idle connections close, and borrowers may finish within `deadline`.
    pub fn remove(&self, pattern: &str, deadline: Duration) -> Removing<M> {
        let pools = self.core.remove(|node| crate::route::matches(pattern, node.key()));
        Removing::new(pools, deadline)
    }

    /// Changes what is configured of a node. A new weight, role, zone, group or tag closes no connection (C-1). With a
    /// new address the node is replaced: what is lent of the old one may finish within 30 s.
    ///
    /// # Errors
    /// Those of [`add`](Cluster::add), and then nothing has changed; an unknown node is added.
    pub fn update(&self, node: Node) -> Result<(), BuildError<M::Error>> {
        self.one(Order::Change(node))
    }

    /// The nodes, in the order in which they joined.
    pub fn nodes(&self) -> Vec<Arc<Node>> {
        self.core.nodes()
    }

    /// The pool of one node, to look at it or to change its limits.
    pub fn pool(&self, key: &str) -> Option<Pool<M>> {
        let snapshot = self.core.snapshot.load();
        let at = snapshot.places.iter().position(|place| &*place.key == key)?;
        Some(snapshot.pools[at].clone())
    }

    /// How the cluster stands, node by node (C-17).
    pub fn status(&self) -> ClusterStatus {
        // So that what was counted without a lock is in it.
        self.core.refresh_and(false);
        let snapshot = self.core.snapshot.load();
        let now = self.core.env.now();
        let nodes = snapshot.places.iter().zip(&snapshot.pools);
        let nodes = nodes.map(|(place, pool)| {
            // The node's record is let go before the state is locked: the other order is everybody else's.
            let error = place.standing.lock().error.clone();
            NodeStatus {
                key: Arc::clone(&place.key),
                role: place.role,
                condition: place.condition,
                by_hand: place.by_hand,
                serves: place.admission != crate::snapshot::Admission::Shut,
                error,
                weight: place.weight,
                share: place.share,
                lag: self.core.lag(place.id),
                lagging: place.lagging,
                in_use: place.standing.load.in_use(),
                waiting: place.standing.load.waiting.load(std::sync::atomic::Ordering::Relaxed),
                asked: place.standing.load.asked_so_far(),
                pool: pool.status(),
            }
        });
        ClusterStatus {
            name: Arc::clone(&self.core.name),
            state: self.core.life(),
            no_primary: self.core.lacks_primary(),
            nodes: nodes.collect(),
            sources: self.core.settings.sources.iter().map(|desk| desk.status(now)).collect(),
        }
    }

    /// Tells somebody what happens to the nodes (C-17), until the subscription is dropped. It must not block.
    pub fn observe(&self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Subscription {
        let id = self.core.observe(Arc::new(observer));
        let core = Arc::downgrade(&self.core);
        Subscription {
            end: Some(Box::new(move || {
                if let Some(core) = core.upgrade() {
                    core.forget_observer(id);
                }
            })),
        }
    }

    fn pools(&self) -> Vec<Pool<M>> {
        self.core.snapshot.load().pools.clone()
    }

    /// Ends the present generation of every node's pool (P-18, C-18).
    pub fn clear(&self) -> Clearing<M> {
        Clearing::new(self.pools().iter().map(Pool::clear))
    }

    /// Stops lending; callers queue, their deadlines running (P-21, C-18).
    pub fn pause(&self) -> Switched {
        self.core.set_life(State::Paused);
        Switched::new(self.pools().iter().map(Pool::pause))
    }

    /// Lends again after a pause.
    pub fn resume(&self) -> Switched {
        self.core.set_life(State::Running);
        Switched::new(self.pools().iter().map(Pool::resume))
    }

    /// Takes no new callers; those that wait are still served (P-21, C-18).
    pub fn drain(&self, deadline: Duration) -> Settling<M> {
        self.core.set_life(State::Draining);
        Settling::new(self.pools().iter().map(|pool| pool.drain(deadline)))
    }

    /// Closes every node's pool, all at once; borrowers may finish within `deadline` (P-21, C-18). The report is of all.
    pub fn close(&self, deadline: Duration) -> Settling<M> {
        self.core.set_life(State::Closed);
        Settling::new(self.pools().iter().map(|pool| pool.close(deadline)))
    }

    /// Closes without waiting for borrowers.
    pub fn close_now(&self) -> Settling<M> {
        self.core.set_life(State::Closed);
        Settling::new(self.pools().iter().map(Pool::close_now))
    }

    /// Waits until the nodes can be used: one at least, and a primary if any is configured or looked for.
    pub(crate) async fn ready(&self) -> Result<(), Error<M::Error>> {
        drop(self.route(Route::any()).await?);
        if self.core.wants_primary() {
            drop(self.write().await?);
        }
        Ok(())
    }
}

impl<M: Manager> Clone for Cluster<M> {
    fn clone(&self) -> Cluster<M> {
        Cluster { core: Arc::clone(&self.core) }
    }
}

impl<M: Manager> fmt::Debug for Cluster<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.core.name)
            .field("nodes", &self.core.nodes().len())
            .finish_non_exhaustive()
    }
}

/// Ends when it is dropped: nothing more is told.
#[must_use = "dropping it ends it"]
pub struct Subscription {
    end: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Subscription {
    /// Goes on as long as the cluster exists.
    pub fn forget(mut self) {
        self.end = None;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

/// A cluster's `acquire` is its `write` (C-19).
impl<M: Manager> Lend for Cluster<M> {
    type Manager = M;
    type Error = Error<M::Error>;
    type Acquire<'a> = Acquire<'a, M>;
    type Switched = Switched;
    type Settling = Settling<M>;

    #[track_caller]
    fn acquire(&self) -> Acquire<'_, M> {
        Cluster::acquire(self)
    }

    #[track_caller]
    fn read(&self) -> Acquire<'_, M> {
        Cluster::read(self)
    }

    #[track_caller]
    fn write(&self) -> Acquire<'_, M> {
        Cluster::write(self)
    }

    fn status(&self) -> Status {
        Status::sum(self.pools().iter().map(Pool::status))
    }

    fn pause(&self) -> Switched {
        Cluster::pause(self)
    }

    fn resume(&self) -> Switched {
        Cluster::resume(self)
    }

    fn drain(&self, deadline: Duration) -> Settling<M> {
        Cluster::drain(self, deadline)
    }

    fn close(&self, deadline: Duration) -> Settling<M> {
        Cluster::close(self, deadline)
    }

    fn close_now(&self) -> Settling<M> {
        Cluster::close_now(self)
    }
}
