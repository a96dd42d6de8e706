//! What the stabilizer decides: what is to be done, and what is to be told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cenote::Node;

/// Something to be done to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// This node comes.
    Add(Node),
    /// This node is otherwise than it was: its weight, role, zone, group, tags or address.
    Change(Node),
    /// The node with this key goes.
    Remove(String),
}

impl Order {
    /// The key of the node that is to be there afterwards.
    pub(super) fn comes(&self) -> Option<&str> {
        match self {
            Order::Add(node) | Order::Change(node) => Some(node.key()),
            Order::Remove(_) => None,
        }
    }
}

/// What is to be told to whoever runs the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The source cannot be followed; the nodes stay as they are.
    Failed(Arc<str>),
    /// It can be followed again.
    Back,
    /// It lists no node, and that is taken for a mistake: so many stay.
    Empty(usize),
    /// It takes away more than half of the nodes at once: those that work stay for a while.
    Held {
        /// How many stay.
        held: usize,
        /// How many there were.
        of: usize,
        /// For how long.
        grace: Duration,
    },
    /// A node that it lists cannot be used.
    Refused {
        /// The node's key.
        node: String,
        /// Why.
        why: Arc<str>,
    },
    /// Something that whoever looks after the source should know.
    Remark(Arc<str>),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Failed(why) => write!(f, "{why}; the nodes stay as they are"),
            Note::Back => f.write_str("can be followed again"),
            Note::Empty(kept) => write!(
                f,
                "lists no node, which is taken for a mistake: {kept} stay as they are (allow an empty list if it is meant)"
            ),
            Note::Held { held, of, grace } => write!(
                f,
                "takes away more than half of {of} nodes at once: {held} that work stay for {grace:?}, unless it lists them again"
            ),
            Note::Refused { node, why } => write!(f, "node \"{node}\" cannot be used: {why}"),
            Note::Remark(remark) => f.write_str(remark),
        }
    }
}

/// What follows from an update, or from time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// To be done, in this order.
    pub orders: Vec<Order>,
    /// To be told.
    pub notes: Vec<Note>,
}
