//! How a cluster stands: node by node, and summed up by role (C-17).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Role, State, Status};

use crate::by_hand::ByHand;
use crate::discovery::SourceStatus;
use crate::health::Condition;

/// How a cluster stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is in its life.
    pub state: State,
    /// Why nobody can write, if a primary is configured or looked for and none serves (C-12).
    pub no_primary: Option<Arc<str>>,
    /// Its nodes, in the order in which they joined.
    pub nodes: Vec<NodeStatus>,
    /// Where nodes come from while it runs, and what is not done of what these sources say (D-3).
    pub sources: Vec<SourceStatus>,
}

impl ClusterStatus {
    /// The counts of all nodes with this role as those of one pool.
    pub fn of(&self, role: Role) -> Status {
        let nodes = self.nodes.iter().filter(|node| node.role == Some(role));
        Status::sum(nodes.map(|node| node.pool))
    }

    /// The counts of all nodes as those of one pool.
    pub fn total(&self) -> Status {
        Status::sum(self.nodes.iter().map(|node| node.pool))
    }

    /// One node.
    pub fn node(&self, key: &str) -> Option<&NodeStatus> {
        self.nodes.iter().find(|node| &*node.key == key)
    }
}

/// How one node stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its key.
    pub key: Arc<str>,
    /// What it is; `None`: not known yet, or not believed.
    pub role: Option<Role>,
    /// Its health.
    pub condition: Condition,
    /// Whether somebody took it out by hand, and how.
    pub by_hand: Option<ByHand>,
    /// Whether anything is sent to it: it may be ejected and still serve, because too many others are.
    pub serves: bool,
    /// Why it cannot be connected to, if it cannot.
    pub error: Option<Arc<str>>,
    /// Its weight, as configured or as somebody set it.
    pub weight: u32,
    /// Which part of it counts now; less than 1 during a slow start.
    pub share: f64,
    /// How far it is behind, if it says so.
    pub lag: Option<Duration>,
    /// Whether it is a replica that is further behind than `max_lag` allows: then it serves no reads.
    pub lagging: bool,
    /// Its loans: connections that are lent, and shares of one.
    pub in_use: usize,
    /// The cluster's callers that wait for one.
    pub waiting: usize,
    /// How often the cluster itself has asked it what it is, so far: these are acquires of its pool, and nobody's traffic.
    pub asked: u64,
    /// The counts of its pool.
    pub pool: Status,
}

impl fmt::Display for ClusterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster \"{}\", {}", self.name, self.state)?;
        for node in &self.nodes {
            write!(f, "\n{node}")?;
        }
        for source in &self.sources {
            write!(f, "\n{source}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.role.map_or("unknown", Role::name);
        write!(
            f,
            "{} ({role}, {}): {}",
            self.key,
            self.condition.name().replace('_', " "),
            self.pool
        )?;
        if let Some(error) = &self.error {
            write!(f, "; {error}")?;
        }
        match self.by_hand {
            Some(how) => write!(f, "; {} by hand", how.name()),
            None => Ok(()),
        }
    }
}
