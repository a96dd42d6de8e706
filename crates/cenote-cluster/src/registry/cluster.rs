//! A cluster of the list, whatever it lends.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cenote::{Lend, Manager, State, Status};

use super::closed::{Closed, Closing};
use super::error::ListError;
use super::pool::{ListedPool, PoolLook};
use super::watcher::Hub;
use crate::by_hand::{NodeChange, NodeDrain, UnknownNode};
use crate::cluster::Cluster;
use crate::core::Core;
use crate::status::ClusterStatus;

/// A cluster and what has happened in it, at about one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterLook {
    /// How it stands, node by node.
    pub status: ClusterStatus,
    /// The pools of the nodes, in the same order; `None`: it went between two looks.
    pub pools: Vec<Option<PoolLook>>,
}

/// A cluster of a [`Registry`](crate::Registry), whatever its connections are. It does not keep the cluster open.
#[derive(Clone)]
pub struct ListedCluster {
    name: Arc<str>,
    cluster: Arc<dyn Face>,
}

/// What a cluster can do without its manager's types.
trait Face: Send + Sync {
    fn total(&self) -> Option<Status>;
    fn look(&self) -> Option<ClusterLook>;
    fn is_there(&self) -> bool;
    fn state(&self) -> Option<State>;
    fn node_pool(&self, key: &str) -> Option<ListedPool>;
    fn node_pools(&self) -> Vec<(Arc<str>, ListedPool)>;
    fn pause(&self) -> Option<()>;
    fn resume(&self) -> Option<()>;
    fn clear(&self) -> Option<Closing>;
    fn close(&self, deadline: Duration) -> Option<Closing>;
    fn eject(&self, key: &str) -> Option<Result<NodeChange, UnknownNode>>;
    fn restore(&self, key: &str) -> Option<Result<NodeChange, UnknownNode>>;
    fn drain_node(&self, key: &str, deadline: Duration) -> Option<Result<NodeDrain, UnknownNode>>;
    fn set_weight(&self, key: &str, weight: u32) -> Option<Result<NodeChange, UnknownNode>>;
    fn watch(&self, hub: &Arc<Hub>);
}

/// Neither the cluster nor its pools are kept by it.
struct Distant<M: Manager>(Weak<Core<M>>);

impl<M: Manager> Distant<M> {
    fn upgrade(&self) -> Option<Cluster<M>> {
        self.0.upgrade().map(|core| Cluster { core })
    }
}

impl<M: Manager> Face for Distant<M> {
    fn total(&self) -> Option<Status> {
        Some(Lend::status(&self.upgrade()?))
    }

    fn look(&self) -> Option<ClusterLook> {
        let cluster = self.upgrade()?;
        let status = cluster.status();
        let snapshot = cluster.core.snapshot.load();
        let pool = |(at, key): (usize, &Arc<str>)| {
            // The order is that of the snapshot, unless somebody came or went just now.
            let same = snapshot.places.get(at).is_some_and(|place| place.key == *key);
            let pool = if same { snapshot.pools[at].clone() } else { cluster.pool(key)? };
            ListedPool::new(&pool).look()
        };
        let keys = status.nodes.iter().map(|node| &node.key).enumerate();
        let pools = keys.map(pool).collect();
        Some(ClusterLook { status, pools })
    }

    fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }

    fn state(&self) -> Option<State> {
        Some(self.upgrade()?.core.life())
    }

    fn node_pools(&self) -> Vec<(Arc<str>, ListedPool)> {
        let Some(cluster) = self.upgrade() else { return Vec::new() };
        let snapshot = cluster.core.snapshot.load();
        let nodes = snapshot.places.iter().zip(&snapshot.pools);
        nodes.map(|(place, pool)| (Arc::clone(&place.key), ListedPool::new(pool))).collect()
    }

    fn node_pool(&self, key: &str) -> Option<ListedPool> {
        Some(ListedPool::new(&self.upgrade()?.pool(key)?))
    }

    fn pause(&self) -> Option<()> {
        let _settled = self.upgrade()?.pause();
        Some(())
    }

    fn resume(&self) -> Option<()> {
        let _settled = self.upgrade()?.resume();
        Some(())
    }

    fn clear(&self) -> Option<Closing> {
        let cluster = self.upgrade()?;
        Some(Closed::of(cluster.name(), cluster.clear()))
    }

    fn close(&self, deadline: Duration) -> Option<Closing> {
        let cluster = self.upgrade()?;
        Some(Closed::of(cluster.name(), cluster.close(deadline)))
    }

    fn eject(&self, key: &str) -> Option<Result<NodeChange, UnknownNode>> {
        Some(self.upgrade()?.eject(key))
    }

    fn restore(&self, key: &str) -> Option<Result<NodeChange, UnknownNode>> {
        Some(self.upgrade()?.restore(key))
    }

    fn drain_node(&self, key: &str, deadline: Duration) -> Option<Result<NodeDrain, UnknownNode>> {
        Some(self.upgrade()?.drain_node(key, deadline))
    }

    fn set_weight(&self, key: &str, weight: u32) -> Option<Result<NodeChange, UnknownNode>> {
        Some(self.upgrade()?.set_weight(key, weight))
    }

    fn watch(&self, hub: &Arc<Hub>) {
        let Some(core) = self.0.upgrade() else { return };
        core.observe(Hub::for_clusters(hub));
        core.observe_pools(Hub::for_pools(hub));
    }
}

impl ListedCluster {
    pub(super) fn new<M: Manager>(cluster: &Cluster<M>) -> ListedCluster {
        let name = Arc::clone(&cluster.core.name);
        ListedCluster { name, cluster: Arc::new(Distant(Arc::downgrade(&cluster.core))) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The counts of all nodes as those of one pool; `None` if the cluster is gone.
    pub fn total(&self) -> Option<Status> {
        self.cluster.total()
    }

    /// How it and the pools of its nodes stand, what happened so far and who holds what; `None` if the cluster is gone.
    /// For somebody who looks, not for every request.
    pub fn look(&self) -> Option<ClusterLook> {
        self.cluster.look()
    }

    /// The pool of one node.
    pub fn node_pool(&self, key: &str) -> Option<ListedPool> {
        self.cluster.node_pool(key)
    }

    /// Where it is in its life; `None` if it is gone.
    pub fn state(&self) -> Option<State> {
        self.cluster.state()
    }

    /// The pools of its nodes, with the keys of these; none if the cluster is gone.
    pub fn node_pools(&self) -> Vec<(Arc<str>, ListedPool)> {
        self.cluster.node_pools()
    }

    fn gone(&self) -> ListError {
        ListError::Gone { name: Arc::clone(&self.name) }
    }

    /// As [`Cluster::pause`].
    ///
    /// # Errors
    /// The cluster is gone.
    pub fn pause(&self) -> Result<(), ListError> {
        self.cluster.pause().ok_or_else(|| self.gone())
    }

    /// As [`Cluster::resume`].
    ///
    /// # Errors
    /// The cluster is gone.
    pub fn resume(&self) -> Result<(), ListError> {
        self.cluster.resume().ok_or_else(|| self.gone())
    }

    /// As [`Cluster::clear`]: the call acts at once, the future tells how it went.
    ///
    /// # Errors
    /// The cluster is gone.
    pub fn clear(&self) -> Result<impl Future<Output = Closed> + Send + use<>, ListError> {
        self.cluster.clear().ok_or_else(|| self.gone())
    }

    /// As [`Cluster::eject`].
    ///
    /// # Errors
    /// The cluster is gone, or has no such node.
    pub fn eject(&self, key: &str) -> Result<NodeChange, ListError> {
        self.cluster.eject(key).ok_or_else(|| self.gone())?.map_err(ListError::NoSuchNode)
    }

    /// As [`Cluster::restore`].
    ///
    /// # Errors
    /// The cluster is gone, or has no such node.
    pub fn restore(&self, key: &str) -> Result<NodeChange, ListError> {
        self.cluster.restore(key).ok_or_else(|| self.gone())?.map_err(ListError::NoSuchNode)
    }

    /// As [`Cluster::drain_node`].
    ///
    /// # Errors
    /// The cluster is gone, or has no such node.
    pub fn drain_node(&self, key: &str, deadline: Duration) -> Result<NodeDrain, ListError> {
        self.cluster
            .drain_node(key, deadline)
            .ok_or_else(|| self.gone())?
            .map_err(ListError::NoSuchNode)
    }

    /// As [`Cluster::set_weight`].
    ///
    /// # Errors
    /// The cluster is gone, or has no such node.
    pub fn set_weight(&self, key: &str, weight: u32) -> Result<NodeChange, ListError> {
        self.cluster
            .set_weight(key, weight)
            .ok_or_else(|| self.gone())?
            .map_err(ListError::NoSuchNode)
    }

    pub(super) fn close(&self, deadline: Duration) -> Option<Closing> {
        self.cluster.close(deadline)
    }

    pub(super) fn is(&self, other: &ListedCluster) -> bool {
        Arc::ptr_eq(&self.cluster, &other.cluster)
    }

    pub(super) fn is_there(&self) -> bool {
        self.cluster.is_there()
    }

    pub(super) fn watch(&self, hub: &Arc<Hub>) {
        self.cluster.watch(hub);
    }
}

impl fmt::Debug for ListedCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedCluster").field("name", &self.name).finish_non_exhaustive()
    }
}
