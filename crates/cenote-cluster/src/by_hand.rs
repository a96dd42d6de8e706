//! What somebody does to one node by hand: take it out, drain it, let it back in, give it another weight. Such a word
//! stands above health, above the bound of one half and above discovery: it holds until somebody takes it back, or until
//! the node goes. It closes no connection.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use cenote::{Holder, Manager, Time};

use crate::cluster::Cluster;
use crate::core::Core;

/// How a node was taken out by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ByHand {
    /// [`Cluster::eject`]: nothing is sent to it.
    Ejected,
    /// [`Cluster::drain_node`]: the same, and somebody waits until nothing of it is lent any more.
    Drained,
}

impl ByHand {
    /// The word in lower case, as logs and JSON show it.
    pub const fn name(self) -> &'static str {
        match self {
            ByHand::Ejected => "ejected",
            ByHand::Drained => "drained",
        }
    }
}

/// There is no node with this key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownNode {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The key.
    pub node: String,
    /// The keys that there are.
    pub known: Vec<Arc<str>>,
}

/// The most keys that an error names.
const SHOWN: usize = 8;

impl fmt::Display for UnknownNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnknownNode { cluster, node, known } = self;
        write!(f, "cluster \"{cluster}\" has no node \"{node}\": ")?;
        match known.as_slice() {
            [] => f.write_str("it has none at all"),
            [only] => write!(f, "its only one is {only}"),
            keys => {
                write!(f, "it has {}", keys[..keys.len().min(SHOWN)].join(", "))?;
                match keys.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for UnknownNode {}

/// What a change by hand did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeChange {
    /// Whether anything is otherwise than before.
    pub changed: bool,
    /// What whoever did it should know, in a sentence: that nobody can write now, or that the node is offline anyway.
    pub warning: Option<Arc<str>>,
}

/// How a node was drained.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeDrained {
    /// Who still held a connection at the deadline.
    pub holders: Vec<Holder>,
    /// The node was restored, or it went, before it was empty.
    pub undone: bool,
}

impl fmt::Display for NodeDrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.undone, self.holders.as_slice()) {
            (true, _) => f.write_str("the node was restored or removed before it was empty"),
            (false, []) => f.write_str("nothing of the node is lent any more"),
            (false, holders) => {
                write!(f, "{} still lent", holders.len())?;
                holders.iter().try_for_each(|holder| write!(f, "; {holder}"))
            }
        }
    }
}

/// The future of [`Cluster::drain_node`]. The node is out already; dropping this changes nothing.
#[must_use = "the node is out already; `drop` it if nobody waits"]
pub struct NodeDrain {
    change: NodeChange,
    end: Pin<Box<dyn Future<Output = NodeDrained> + Send>>,
}

impl NodeDrain {
    /// What the call itself changed.
    pub fn change(&self) -> &NodeChange {
        &self.change
    }
}

impl Future for NodeDrain {
    type Output = NodeDrained;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<NodeDrained> {
        self.end.as_mut().poll(cx)
    }
}

impl fmt::Debug for NodeDrain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeDrain").field("change", &self.change).finish_non_exhaustive()
    }
}

impl<M: Manager> Cluster<M> {
    /// Sends nothing to this node any more, until it is [restored](Cluster::restore) (C-6). Whoever waits in its queue goes
    /// elsewhere; connections stay, lent ones and idle ones. It holds above everything that the cluster finds out by itself:
    /// a node is out even if too many others fail, and even if it is the only primary, and then the change says
    /// so. Of a node that was drained it says: ejected.
    ///
    /// # Errors
    /// There is no such node.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use cenote_testkit::Script;
    /// use cenote::{Node, Pooled, Role};
    /// use cenote_cluster::Cluster;
    ///
    /// let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
    ///     .node(Node::new("a", "10.0.0.1").role(Role::Primary))
    ///     .node(Node::new("b", "10.0.0.2").role(Role::Replica))
    ///     .build_ready()
    ///     .await?;
    /// let change = cluster.eject("b")?;
    /// assert_eq!(change.warning.as_deref(), Some("no other replica serves: reads go to the primary"));
    /// assert_eq!(Pooled::node(&cluster.read().await?), Some("a"));
    /// cluster.restore("b")?;
    /// # Ok(()) }
    /// ```
    pub fn eject(&self, key: &str) -> Result<NodeChange, UnknownNode> {
        self.core.withdraw(key, ByHand::Ejected).map(|(_, change)| change)
    }

    /// Lets a node back in: takes back what [`eject`](Cluster::eject) and [`drain_node`](Cluster::drain_node) did, and
    /// ends the time for which a node is out for its errors, which then starts slowly (C-6). A node that cannot be
    /// connected to stays offline until a connect succeeds.
    ///
    /// # Errors
    /// There is no such node.
    pub fn restore(&self, key: &str) -> Result<NodeChange, UnknownNode> {
        self.core.restore(key)
    }

    /// As [`eject`](Cluster::eject), and the future ends when nothing of the node is lent any more, or at the deadline,
    /// with those who still hold a connection then. It also ends if the node is restored or removed. The node stays
    /// in the cluster and its idle connections stay open: to close these too, clear or resize its
    /// [pool](Cluster::pool), or [`remove`](Cluster::remove) the node.
    ///
    /// # Errors
    /// There is no such node.
    pub fn drain_node(&self, key: &str, deadline: Duration) -> Result<NodeDrain, UnknownNode> {
        let (id, change) = self.core.withdraw(key, ByHand::Drained)?;
        let until = self.core.env.now() + deadline;
        let end = emptied(Arc::downgrade(&self.core), id, until);
        Ok(NodeDrain { change, end: Box::pin(end) })
    }

    /// Gives a node another weight than the configured one (C-1); 0 sends nothing to it. No connection is closed.
    ///
    /// A later word wins: the weight stands until a source, or [`update`](Cluster::update), gives this node a weight other
    /// than the one it gave before. A source that only repeats itself, or changes something else of the node, leaves it. To
    /// go back, set the configured weight.
    ///
    /// # Errors
    /// There is no such node.
    pub fn set_weight(&self, key: &str, weight: u32) -> Result<NodeChange, UnknownNode> {
        self.core.set_weight(key, weight)
    }
}

/// How often somebody who drains a node looks whether it is empty. It looks because nobody is told when the last
/// connection comes back: every return would have to ask whether somebody wants to know.
const LOOK: Duration = Duration::from_millis(20);

async fn emptied<M: Manager>(core: Weak<Core<M>>, id: u64, until: Time) -> NodeDrained {
    let undone = NodeDrained { holders: Vec::new(), undone: true };
    loop {
        // The first look comes later too: whoever chose the node before it was out has arrived by then.
        let next = match core.upgrade() {
            None => return undone,
            Some(core) => core.env.sleep_until((core.env.now() + LOOK).min(until)),
        };
        next.await;
        let Some(core) = core.upgrade() else { return undone };
        let snapshot = core.snapshot.load();
        let Some(at) = snapshot.find(id) else { return undone };
        let place = &snapshot.places[at];
        if place.by_hand != Some(ByHand::Drained) {
            return undone;
        }
        if place.standing.load.total() == 0 {
            return NodeDrained { holders: Vec::new(), undone: false };
        }
        if core.env.now() >= until {
            return NodeDrained { holders: snapshot.pools[at].holders(), undone: false };
        }
    }
}
