//! Many pools behind one door.
//!
//! A [`Cluster`] has a pool for each of its nodes and chooses, for every acquire, who serves it: a [`Route`] says which
//! nodes may, a balancer ([`balance`]) which of those that are online does. Nodes that fail are left out and come back
//! slowly; primaries are found and not only configured; and all of it ends in one immutable snapshot of the members
//! that is swapped whole, so that choosing takes no lock.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use cenote_testkit::Script;
//! use cenote::{Node, Role};
//! use cenote_cluster::{Cluster, Route};
//! use std::time::Duration;
//!
//! let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
//!     .name("shop")
//!     .node(Node::new("a", "10.0.0.1").role(Role::Primary))
//!     .node(Node::new("b", "10.0.0.2").role(Role::Replica).zone("eu-1"))
//!     .node(Node::new("c", "10.0.0.3").role(Role::Replica).zone("eu-2"))
//!     .zone("eu-1")
//!     .pool(|p| p.max_size(20))
//!     .build_ready()
//!     .await?;
//!
//! let reader = cluster.read().await?; // a replica, of this zone if one is online
//! let writer = cluster.write().await?; // the primary
//! let any = cluster.route(Route::any().to("c*")).await?;
//! # drop((reader, writer, any));
//! cluster.close(Duration::from_secs(5)).await;
//! # Ok(()) }
//! ```
//!
//! Where to look: [`ClusterBuilder`] for every setting, [`discovery`] for where nodes come from while it runs, [`Error`] for what can go wrong, [`Event`] and
//! [`ClusterStatus`] to see what happens, [`HealthRules`] for what takes a node out, [`balance`] for who is chosen.
//! Code that takes a pool or a cluster is written against [`cenote::Lend`].

#![forbid(unsafe_code)]

mod acquire;
pub mod balance;
mod builder;
mod by_hand;
mod cluster;
mod core;
pub mod discovery;
mod error;
mod event;
mod health;
mod nobody;
mod queue;
mod random;
mod registry;
mod retry;
mod role;
mod route;
mod settle;
mod shard;
mod snapshot;
mod standing;
mod status;
mod throttle;
mod totals;
mod watch;
mod with;

pub use acquire::Acquire;
pub use builder::ClusterBuilder;
pub use by_hand::{ByHand, NodeChange, NodeDrain, NodeDrained, UnknownNode};
pub use cluster::{Cluster, Subscription};
pub use core::AllDown;
pub use error::{Answer, BuildError, Error};
pub use event::{Event, EventKind};
pub use health::{Condition, HealthRules, RateRule};
pub use random::{Random, stable_hash};
pub use registry::{
    Closed, ClusterLook, ListError, ListedCluster, ListedPool, PoolLook, Registry, Watch, Watcher,
};
pub use retry::RetryBudget;
pub use route::{Route, Target};
pub use settle::{Clearing, Removing, Settling, Switched};
pub use shard::Shard;
pub use status::{ClusterStatus, NodeStatus};
