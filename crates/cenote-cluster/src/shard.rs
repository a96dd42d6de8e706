//! Sharding: each key belongs to one group of nodes, and inside the group a role is chosen as always (C-16).
//!
//! Groups are drawn by rendezvous hashing over their names, so every process finds the same one without talking to
//! anybody, and a new group takes its share of the keys from all others, and no key moves between those.

use std::future::Future;
use std::sync::Arc;

use cenote::Manager;

use crate::acquire::Acquire;
use crate::balance::highest;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::random::stable_hash;
use crate::route::Route;

/// The part of a cluster that a key belongs to.
#[derive(Clone, Debug)]
pub struct Shard<M: Manager> {
    cluster: Cluster<M>,
    group: Arc<str>,
}

impl<M: Manager> Cluster<M> {
    /// The group of nodes that this key belongs to; nodes without a group have none to offer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::{Node, Pooled};
    /// # use cenote_cluster::Cluster;
    /// # use cenote_testkit::Script;
    /// let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
    ///     .node(Node::new("a1", "").group("a"))
    ///     .node(Node::new("b1", "").group("b"))
    ///     .build()
    ///     .unwrap();
    /// let shard = cluster.shard("customer 17");
    /// let conn = shard.write().await.unwrap();
    /// assert!(Pooled::node(&conn).unwrap().starts_with(shard.group()));
    /// # }
    /// ```
    pub fn shard(&self, key: impl AsRef<[u8]>) -> Shard<M> {
        let key = stable_hash(key.as_ref());
        let snapshot = self.core.snapshot.load();
        let groups: Vec<&str> =
            snapshot.places.iter().filter_map(|place| place.node.configured_group()).collect();
        let hashes = groups.iter().map(|group| (stable_hash(group.as_bytes()), 1.0));
        let group = groups.get(highest(key, hashes)).copied().unwrap_or_default();
        Shard { cluster: self.clone(), group: group.into() }
    }

    /// The group with this name, for those who have a rule of their own for which key belongs where.
    pub fn group(&self, name: impl Into<Arc<str>>) -> Shard<M> {
        Shard { cluster: self.clone(), group: name.into() }
    }
}

impl<M: Manager> Shard<M> {
    /// The group's name; empty if no node has a group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// As [`Cluster::route`], inside the group.
    #[track_caller]
    pub fn route(&self, route: Route) -> Acquire<'_, M> {
        self.cluster.route(route.group(Arc::clone(&self.group)))
    }

    /// As [`Cluster::read`], inside the group.
    #[track_caller]
    pub fn read(&self) -> Acquire<'_, M> {
        self.route(Route::read())
    }

    /// As [`Cluster::write`], inside the group.
    #[track_caller]
    pub fn write(&self) -> Acquire<'_, M> {
        self.route(Route::write())
    }

    /// As [`Cluster::with`], inside the group.
    ///
    /// # Errors
    /// Those of [`Cluster::with`].
    #[track_caller]
    pub fn with<F, T>(
        &self,
        route: Route,
        run: F,
    ) -> impl Future<Output = Result<T, Error<M::Error>>>
    where
        F: AsyncFnOnce(&mut M::Connection) -> Result<T, M::Error>,
    {
        self.cluster.with(route.group(Arc::clone(&self.group)), run)
    }
}
