//! Every way in which an acquire from a cluster can fail, with what each node answered.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cenote::Error as PoolError;

/// What one node answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer<E> {
    /// The node's key.
    pub node: Arc<str>,
    /// Why it gave no connection.
    pub error: PoolError<E>,
}

/// Why a cluster gave no connection, or why the closure of [`Cluster::with`](crate::Cluster::with) failed.
///
/// Each carries the answers of the nodes that were tried, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// No node is, or could be, what the route asks for. `POOL_NOEXIST` of node-mysql.
    NoSuchNode {
        /// The cluster's name.
        cluster: Arc<str>,
        /// The route, in words.
        route: String,
    },
    /// There are such nodes, and none of them is online. `POOL_NONEONLINE` of node-mysql.
    NoNodeOnline {
        /// The cluster's name.
        cluster: Arc<str>,
        /// The route, in words.
        route: String,
        /// How long the caller waited for one.
        waited: Duration,
        /// What the nodes answered, or why they are not online.
        answers: Vec<Answer<E>>,
        /// Why the nodes that the route could lead to are not online, one sentence each.
        offline: Vec<String>,
    },
    /// No node is known to be the primary; reads go on (C-12).
    NoPrimary {
        /// The cluster's name.
        cluster: Arc<str>,
        /// For how long there has been none.
        since: Duration,
        /// How long the caller waited for one.
        waited: Duration,
        /// Why the last primary is none any more, if that is known.
        last_error: Option<Arc<str>>,
        /// What the nodes answered.
        answers: Vec<Answer<E>>,
    },
    /// Every node that could serve has more to do than it can: the request was turned away at once (C-15).
    Overloaded {
        /// The cluster's name.
        cluster: Arc<str>,
        /// What the nodes answered.
        answers: Vec<Answer<E>>,
    },
    /// The deadline passed in the queue of a node.
    Timeout {
        /// The cluster's name.
        cluster: Arc<str>,
        /// How long the caller waited.
        waited: Duration,
        /// What the nodes answered; the last one is that in whose queue it ended.
        answers: Vec<Answer<E>>,
    },
    /// A node failed, and no other may be tried: the retry budget is spent, or retries are off (C-9).
    Node {
        /// The cluster's name.
        cluster: Arc<str>,
        /// What the nodes answered.
        answers: Vec<Answer<E>>,
    },
    /// The closure given to `with` returned this error.
    Run(E),
    /// The cluster is draining and takes no newcomers.
    Draining {
        /// The cluster's name.
        cluster: Arc<str>,
    },
    /// The cluster is closed.
    Closed {
        /// The cluster's name.
        cluster: Arc<str>,
    },
}

impl<E> Error<E> {
    /// What the nodes answered, in the order in which they were tried.
    pub fn answers(&self) -> &[Answer<E>] {
        match self {
            Error::NoNodeOnline { answers, .. }
            | Error::NoPrimary { answers, .. }
            | Error::Overloaded { answers, .. }
            | Error::Timeout { answers, .. }
            | Error::Node { answers, .. } => answers,
            _ => &[],
        }
    }

    /// Whether the caller may try again later with a chance of success.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::NoNodeOnline { .. }
            | Error::NoPrimary { .. }
            | Error::Overloaded { .. }
            | Error::Timeout { .. } => true,
            Error::Node { answers, .. } => answers.iter().any(|answer| answer.error.is_transient()),
            Error::NoSuchNode { .. }
            | Error::Run(_)
            | Error::Draining { .. }
            | Error::Closed { .. } => false,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoSuchNode { cluster, route } => {
                write!(
                    f,
                    "cluster \"{cluster}\": no node is {route}: add one, or correct the route"
                )
            }
            Error::NoNodeOnline { cluster, route, waited, offline, .. } => {
                write!(f, "cluster \"{cluster}\": {route} is wanted, and none is online")?;
                if *waited > Duration::ZERO {
                    write!(f, ", after {waited:.1?}")?;
                }
                for reason in offline {
                    write!(f, "; {reason}")?;
                }
                Ok(())
            }
            Error::NoPrimary { cluster, since, last_error, .. } => {
                write!(f, "cluster \"{cluster}\": there has been no primary for {since:.1?}")?;
                match last_error {
                    Some(error) => write!(f, "; the last one: {error}"),
                    None => Ok(()),
                }
            }
            Error::Overloaded { cluster, .. } => write!(
                f,
                "cluster \"{cluster}\": every node has more to do than it can: shed load, or add nodes"
            ),
            Error::Timeout { cluster, waited, .. } => {
                write!(f, "cluster \"{cluster}\": no connection within {waited:.1?}")
            }
            Error::Node { cluster, .. } => {
                write!(f, "cluster \"{cluster}\": no other node may be tried")
            }
            Error::Run(error) => return error.fmt(f),
            Error::Draining { cluster } => {
                write!(f, "cluster \"{cluster}\" is draining and lends nothing new")
            }
            Error::Closed { cluster } => write!(f, "cluster \"{cluster}\" is closed"),
        }?;
        for Answer { node, error } in self.answers() {
            write!(f, "; {node} answered: {error}")?;
        }
        Ok(())
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Run(error) => error.source(),
            _ => self.answers().last().map(|answer| &answer.error as _),
        }
    }
}

/// Why a cluster could not be built, or a node not be added.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError<E> {
    /// The node's manager could not be made: its address is wrong.
    Address {
        /// The node's key.
        node: String,
        /// The driver's error.
        error: E,
    },
    /// The node's pool could not be built.
    Pool {
        /// The node's key.
        node: String,
        /// Why.
        error: Box<cenote::BuildError<E>>,
    },
    /// The closure that makes managers, or one that shapes pools, panicked for this node (P-23).
    Panicked {
        /// The node's key.
        node: String,
    },
    /// A node with this key is there already, or was given twice.
    Twice {
        /// The node's key.
        node: String,
    },
    /// The cluster was built outside a runtime, and none was given.
    NoRuntime,
    /// A limit for several nodes is too small to give each of them one connection.
    TooFew {
        /// For whom the limit is.
        what: String,
        /// The limit.
        max: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// The cluster is closed.
    Closed,
    /// No node was there in time.
    Ready(Box<Error<E>>),
}

impl<E: fmt::Display> fmt::Display for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Address { node, error } => write!(f, "node \"{node}\": {error}"),
            BuildError::Pool { node, error } => write!(f, "node \"{node}\": {error}"),
            BuildError::Panicked { node } => write!(
                f,
                "node \"{node}\": the closure that makes its manager, or shapes its pool, panicked: mend it for this node"
            ),
            BuildError::Twice { node } => write!(
                f,
                "node \"{node}\" is in the cluster already: give each node a key of its own, or update it"
            ),
            BuildError::NoRuntime => f.write_str(
                "a cluster needs a tokio runtime with timers: build it inside one, or give an environment",
            ),
            BuildError::TooFew { what, max, nodes } => write!(
                f,
                "max_total of {what} is {max}, but there are {nodes} nodes and each needs a connection: raise it"
            ),
            BuildError::Closed => f.write_str("the cluster is closed and takes no nodes"),
            BuildError::Ready(error) => write!(f, "the cluster is not ready: {error}"),
        }
    }
}

impl<E: StdError + 'static> StdError for BuildError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            BuildError::Address { error, .. } => error.source(),
            BuildError::Pool { error, .. } => (**error).source(),
            BuildError::Ready(error) => (**error).source(),
            _ => None,
        }
    }
}
