//! Nodes that come, change and go while a cluster runs, as a source says, and what is not done of what it says.

#[path = "../common/mod.rs"]
mod common;
mod cost;
#[cfg(feature = "file")]
mod file;
mod flapping;
mod following;
#[cfg(feature = "file")]
mod kept;
mod safety;

use cenote::Node;
use cenote_cluster::Cluster;
use cenote_cluster::discovery::{Push, push};
use cenote_testkit::Remote;

use common::World;

/// Nodes that are named like their servers.
fn nodes(names: &[&str]) -> Vec<Node> {
    names.iter().map(|name| Node::new(*name, *name)).collect()
}

/// A cluster that follows what is pushed.
fn followed(world: &World) -> (Push, Cluster<Remote>) {
    let (push, pushed) = push();
    (push, world.builder().discover(pushed).build().unwrap())
}

/// The keys of a cluster's nodes, in the order in which they joined.
fn keys(cluster: &Cluster<Remote>) -> Vec<String> {
    cluster.nodes().iter().map(|node| node.key().to_owned()).collect()
}
