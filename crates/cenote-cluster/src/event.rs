//! What happens to a cluster's nodes, as it is told to observers (C-17). What happens inside a node's pool is told by
//! that pool, under its own name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Level, Role};

use crate::by_hand::ByHand;
use crate::discovery::Note;

/// Something happened to a node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The node's key; empty if it is about a source of nodes.
    pub node: Arc<str>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// It was added.
    Added,
    /// It was removed, by whoever runs the cluster: never for its failures.
    Removed,
    /// It can be connected to: for the first time, or again.
    Online,
    /// It cannot be connected to any more.
    Offline {
        /// What the last connect failed with.
        error: Arc<str>,
    },
    /// It is out for its errors.
    Ejected {
        /// For how long; zero: one request may try it already. Then it had stayed in, because too many others were out.
        hold: Duration,
    },
    /// It is back after it was ejected.
    Recovered,
    /// Somebody took it out by hand: with [`Cluster::eject`](crate::Cluster::eject) or
    /// [`Cluster::drain_node`](crate::Cluster::drain_node).
    Withdrawn {
        /// How.
        how: ByHand,
        /// What is missed without it, if something is.
        warning: Option<Arc<str>>,
    },
    /// What was done by hand is taken back.
    Restored,
    /// It is something else now.
    RoleChanged {
        /// What it was; `None`: nothing that was known or believed.
        from: Option<Role>,
        /// What it is.
        to: Option<Role>,
    },
    /// Its weight changed: the configured one, or one that somebody set.
    WeightChanged {
        /// The weight before.
        from: u32,
        /// The weight now.
        to: u32,
    },
    /// A replica is too far behind to be read from.
    Lagging {
        /// How far.
        lag: Duration,
    },
    /// It has caught up.
    CaughtUp,
    /// Something other than what a source says is done, or again just that (D-3).
    Discovery {
        /// The source.
        source: Arc<str>,
        /// What, and why.
        note: Note,
    },
}

impl EventKind {
    /// The kind in snake case, as logs show it.
    pub const fn name(&self) -> &'static str {
        match self {
            EventKind::Added => "added",
            EventKind::Removed => "removed",
            EventKind::Online => "online",
            EventKind::Offline { .. } => "offline",
            EventKind::Ejected { .. } => "ejected",
            EventKind::Recovered => "recovered",
            EventKind::Withdrawn { .. } => "withdrawn",
            EventKind::Restored => "restored",
            EventKind::RoleChanged { .. } => "role_changed",
            EventKind::WeightChanged { .. } => "weight_changed",
            EventKind::Lagging { .. } => "lagging",
            EventKind::CaughtUp => "caught_up",
            EventKind::Discovery { .. } => "discovery",
        }
    }

    /// How much it matters: what may need somebody is a warning.
    pub const fn level(&self) -> Level {
        match self {
            EventKind::Discovery { note: Note::Back, .. } => Level::Info,
            EventKind::Offline { .. }
            | EventKind::Ejected { .. }
            | EventKind::Withdrawn { warning: Some(_), .. }
            | EventKind::Lagging { .. }
            | EventKind::Discovery { .. } => Level::Warn,
            _ => Level::Info,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = |role: &Option<Role>| role.map_or("unknown", Role::name);
        if let EventKind::Discovery { source, note } = &self.kind {
            return write!(f, "cluster \"{}\", source \"{source}\": {note}", self.cluster);
        }
        write!(f, "cluster \"{}\", node \"{}\": ", self.cluster, self.node)?;
        match &self.kind {
            EventKind::Offline { error } => write!(f, "offline: {error}"),
            EventKind::Ejected { hold: Duration::ZERO } => {
                f.write_str("ejected until one request has gone well")
            }
            EventKind::Ejected { hold } => write!(f, "ejected for {hold:.1?}"),
            EventKind::Withdrawn { how, warning } => {
                write!(f, "{} by hand", how.name())?;
                match warning {
                    Some(warning) => write!(f, "; {warning}"),
                    None => Ok(()),
                }
            }
            EventKind::RoleChanged { from, to } => {
                write!(f, "was {}, is {}", role(from), role(to))
            }
            EventKind::WeightChanged { from, to } => write!(f, "weight {from}, now {to}"),
            EventKind::Lagging { lag } => write!(f, "behind by {lag:.1?}"),
            kind => f.write_str(&kind.name().replace('_', " ")),
        }
    }
}

/// Somebody who is told.
pub(crate) type Observer = Arc<dyn Fn(&Event) + Send + Sync>;
