//! What a driver needs to know of clusters: which server a pool is for ([`Node`]), what a server is at the moment
//! ([`Role`], [`Epoch`]) and how to ask it ([`Probe`]). A pool alone needs nothing of this.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::manager::Manager;

/// One server of a cluster.
///
/// Its key is who it is; the rest is what may change while it stays the same: a new weight, role, zone or tag
/// closes no connection (C-1).
///
/// ```
/// use cenote::{Node, Role};
///
/// let node = Node::new("replica-1", "postgres://app@10.0.0.2/shop").role(Role::Replica).weight(2).tag("ssd");
/// assert_eq!((node.key(), node.has_tag("ssd")), ("replica-1", true));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    key: String,
    address: String,
    role: Option<Role>,
    weight: u32,
    backup: u16,
    zone: Option<String>,
    group: Option<String>,
    tags: BTreeSet<String>,
}

impl Node {
    /// The weight of a node that none was given to.
    pub const WEIGHT: u32 = 1;

    /// A node that is known as `key` and reached at `address`: whatever the driver takes, such as a URL.
    pub fn new(key: impl Into<String>, address: impl Into<String>) -> Node {
        Node {
            key: key.into(),
            address: address.into(),
            role: None,
            weight: Node::WEIGHT,
            backup: 0,
            zone: None,
            group: None,
            tags: BTreeSet::new(),
        }
    }

    /// What the node is configured to be. Default: not known, so it must be found by a [`Probe`] or is taken for a
    /// primary.
    #[must_use]
    pub fn role(mut self, role: Role) -> Node {
        self.role = Some(role);
        self
    }

    /// Its share of the traffic beside others, where the balancer knows weights. Default: 1. With 0 it gets none.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Node {
        self.weight = weight;
        self
    }

    /// Whether it only stands by: it serves while no node with a smaller rank that could is online. Default 0: it does not
    /// stand by. SRV records of a worse priority are ranks.
    #[must_use]
    pub fn backup(mut self, rank: u16) -> Node {
        self.backup = rank;
        self
    }

    /// Where it stands, to be preferred from nearby. Default: nowhere.
    #[must_use]
    pub fn zone(mut self, zone: impl Into<String>) -> Node {
        self.zone = Some(zone.into());
        self
    }

    /// Which part of the data it holds, where nodes hold different parts (C-16): a primary and its replicas are one
    /// group. Default: none, as where all nodes hold the same.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Node {
        self.group = Some(group.into());
        self
    }

    /// One more word that routes may ask for.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Node {
        self.tags.insert(tag.into());
        self
    }

    /// Who it is.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How it is reached. It may hold a password: do not log it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it is configured to be.
    pub fn configured_role(&self) -> Option<Role> {
        self.role
    }

    /// Its weight as configured.
    pub fn configured_weight(&self) -> u32 {
        self.weight
    }

    /// For how many ranks of others it stands by.
    pub fn configured_backup(&self) -> u16 {
        self.backup
    }

    /// Where it stands.
    pub fn configured_zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Which part of the data it holds.
    pub fn configured_group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Its tags, in alphabetical order.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(String::as_str)
    }

    /// Whether it has this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains(tag)
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("key", &self.key)
            .field("role", &self.role)
            .field("weight", &self.weight)
            .field("backup", &self.backup)
            .field("zone", &self.zone)
            .field("group", &self.group)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

/// What a server is to its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It follows a primary and takes reads only.
    Replica,
}

impl Role {
    /// The role in lower case, as logs, metrics and the names of pools show it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Primary => "primary",
            Role::Replica => "replica",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often a system has changed its primary: of two servers that both say they are it, the one with the higher
/// epoch is right (C-11).
///
/// Epochs of different systems say nothing of each other: then neither is higher.
///
/// ```
/// use cenote::Epoch;
///
/// let (old, new) = (Epoch::new("7349", 4), Epoch::new("7349", 5));
/// assert!(new > old);
/// assert_eq!(old.partial_cmp(&Epoch::new("8002", 9)), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch {
    system: String,
    number: u64,
}

impl Epoch {
    /// The `number`th time of a system: PostgreSQL's timeline under its system identifier.
    pub fn new(system: impl Into<String>, number: u64) -> Epoch {
        Epoch { system: system.into(), number }
    }

    /// Which system it is of.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Counts up.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl PartialOrd for Epoch {
    fn partial_cmp(&self, other: &Epoch) -> Option<std::cmp::Ordering> {
        (self.system == other.system).then(|| self.number.cmp(&other.number))
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probed {
    /// What it is at the moment.
    pub role: Role,
    /// Since when, if the system counts that.
    pub epoch: Option<Epoch>,
    /// How far it is behind its primary, if it is a replica that knows.
    pub lag: Option<Duration>,
}

impl Probed {
    /// A server with this role, which knows no epoch and no lag.
    pub fn new(role: Role) -> Probed {
        Probed { role, epoch: None, lag: None }
    }

    /// The same, with its epoch.
    #[must_use]
    pub fn epoch(mut self, epoch: Epoch) -> Probed {
        self.epoch = Some(epoch);
        self
    }

    /// The same, behind its primary by this much.
    #[must_use]
    pub fn lag(mut self, lag: Duration) -> Probed {
        self.lag = Some(lag);
        self
    }
}

/// A manager that can ask a server what it is (C-11).
///
/// ```
/// use cenote::{Fault, Manager, Probe, Probed, Role};
/// use std::convert::Infallible;
///
/// /// A server that never changes.
/// struct Fixed;
///
/// impl Manager for Fixed {
///     type Connection = ();
///     type Error = Infallible;
///
///     async fn connect(&self) -> Result<(), Infallible> {
///         Ok(())
///     }
///
///     fn classify(&self, error: &Infallible) -> Fault {
///         match *error {}
///     }
/// }
///
/// impl Probe for Fixed {
///     async fn probe(&self, _: &mut ()) -> Result<Probed, Infallible> {
///         Ok(Probed::new(Role::Primary))
///     }
/// }
/// ```
pub trait Probe: Manager {
    /// Asks the server over this connection. The caller gives it a time limit; it may be dropped at any await, and
    /// then the connection is closed.
    fn probe(
        &self,
        conn: &mut Self::Connection,
    ) -> impl Future<Output = Result<Probed, Self::Error>> + Send;

    /// What the server has told of its role without being asked, as PostgreSQL reports `in_hot_standby`. Must not do
    /// I/O or block. Default: nothing.
    fn told(&self, conn: &Self::Connection) -> Option<Role> {
        let _ = conn;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // section S
    #[test]
    fn an_address_is_not_shown() {
        let node = Node::new("a", "postgres://me:hunter2@host/db").tag("x");
        assert!(!format!("{node:?}").contains("hunter2"));
    }

    // C-11
    #[test]
    fn epochs_of_different_systems_are_not_compared() {
        let (a, b) = (Epoch::new("a", 1), Epoch::new("b", 2));
        assert_eq!(a.partial_cmp(&b), None);
        assert!(Epoch::new("a", 2) > a);
    }
}
