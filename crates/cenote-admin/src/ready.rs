//! Whether everything can serve: for whoever decides where traffic goes.

use cenote::State;
use cenote_cluster::{ClusterLook, PoolLook};

use crate::clean::Clean;
use crate::look::Look;

/// What cannot serve, a sentence each; empty if all can.
pub(crate) fn complaints(look: &Look, clean: &Clean) -> Vec<String> {
    let pools = look.pools.iter().filter_map(pool);
    let clusters = look.clusters.iter().filter_map(cluster);
    pools.chain(clusters).map(|complaint| clean.text(&complaint)).collect()
}

/// A pool that has not connected yet is taken at its word; one that has nothing and fails to connect is not.
fn pool(look: &PoolLook) -> Option<String> {
    let PoolLook { name, status, connect_error, .. } = look;
    if status.state != State::Running {
        return Some(format!("pool \"{name}\" is {}", status.state));
    }
    let has_some = status.available + status.using > 0;
    let error = connect_error.as_ref().filter(|_| !has_some)?;
    Some(format!("pool \"{name}\" has no connection: {error}"))
}

fn cluster(look: &ClusterLook) -> Option<String> {
    let status = &look.status;
    let name = &status.name;
    if status.state != State::Running {
        return Some(format!("cluster \"{name}\" is {}", status.state));
    }
    if !status.nodes.iter().any(|node| node.serves) {
        return Some(format!("cluster \"{name}\" has no node that serves"));
    }
    let why = status.no_primary.as_ref()?;
    Some(format!("cluster \"{name}\" has no primary: {why}"))
}
