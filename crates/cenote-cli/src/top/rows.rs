//! The document as a list: pools, then clusters, each with its nodes below it.

use cenote_admin::document::{Cluster, Document, Node, Pool, Status};

use super::words;

/// Who a row is about, from one document to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id {
    Pool(String),
    Cluster(String),
    Node(String, String),
}

/// What a row is about.
#[derive(Clone, Copy)]
pub(crate) enum What<'a> {
    Pool(&'a Pool),
    Cluster(&'a Cluster),
    Node(&'a Cluster, &'a Node),
}

/// How well it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    /// Something is going on.
    Busy,
    Ill,
}

pub(crate) fn rows(document: &Document) -> Vec<What<'_>> {
    let pools = document.pools.iter().map(What::Pool);
    let clusters = document.clusters.iter().flat_map(|cluster| {
        let nodes = cluster.nodes.iter().map(move |node| What::Node(cluster, node));
        std::iter::once(What::Cluster(cluster)).chain(nodes)
    });
    pools.chain(clusters).collect()
}

impl<'a> What<'a> {
    pub(crate) fn id(self) -> Id {
        match self {
            What::Pool(pool) => Id::Pool(pool.name.clone()),
            What::Cluster(cluster) => Id::Cluster(cluster.name.clone()),
            What::Node(cluster, node) => Id::Node(cluster.name.clone(), node.key.clone()),
        }
    }

    pub(crate) fn status(self) -> &'a Status {
        match self {
            What::Pool(pool) => &pool.status,
            What::Cluster(cluster) => &cluster.total,
            What::Node(_, node) => &node.pool.status,
        }
    }

    /// Those who wait for it: a node's are the cluster's callers too.
    pub(crate) fn waiting(self) -> u64 {
        match self {
            What::Node(_, node) => node.waiting.max(node.pool.status.waiting),
            what => what.status().waiting,
        }
    }

    /// How it is, in a word or two.
    pub(crate) fn state(self) -> String {
        match self {
            What::Pool(pool) if pool.error.is_some() => {
                format!("{}, no connect", pool.status.state)
            }
            What::Pool(pool) => pool.status.state.clone(),
            What::Cluster(cluster) if cluster.no_primary.is_some() => "no primary".to_owned(),
            What::Cluster(cluster) => cluster.state.clone(),
            What::Node(_, node) => {
                let mut words: Vec<&str> = node.role.as_deref().into_iter().collect();
                match node.by_hand.as_deref() {
                    Some(by_hand) => words.push(by_hand),
                    // Too far behind for reads.
                    None if node.condition == "online" && node.lagging => words.push("lagging"),
                    None if node.condition == "online" => {}
                    None => words.push(&node.condition),
                }
                if words.is_empty() {
                    node.condition.clone()
                } else {
                    words.join(" ").replace('_', " ")
                }
            }
        }
    }

    pub(crate) fn health(self) -> Health {
        let of_state = |state: &str| match state {
            "running" => Health::Well,
            "closed" => Health::Ill,
            _ => Health::Busy,
        };
        match self {
            What::Pool(pool) if pool.error.is_some() => Health::Ill,
            What::Cluster(cluster) if cluster.no_primary.is_some() => Health::Ill,
            What::Node(_, node) if node.error.is_some() => Health::Ill,
            What::Node(_, node) => match node.condition.as_str() {
                "online" if node.by_hand.is_none() && node.serves && !node.lagging => Health::Well,
                "ejected" | "unreachable" => Health::Ill,
                _ => Health::Busy,
            },
            what => of_state(&what.status().state),
        }
    }

    /// Acquires in a second.
    pub(crate) fn acquired(self) -> f64 {
        match self {
            What::Pool(pool) => pool.rate.acquired,
            What::Cluster(cluster) => {
                cluster.nodes.iter().map(|node| node.pool.rate.acquired).sum()
            }
            What::Node(_, node) => node.pool.rate.acquired,
        }
    }

    /// The slowest hundredth of the last waits; of all if nobody has looked before.
    pub(crate) fn p99(self) -> Option<f64> {
        let wait = match self {
            What::Pool(pool) => &pool.wait,
            What::Cluster(cluster) => &cluster.wait,
            What::Node(_, node) => &node.pool.wait,
        };
        match &wait.recent {
            Some(recent) => (recent.count > 0).then_some(recent.p99_ms),
            None => (wait.count > 0).then_some(wait.p99_ms),
        }
    }

    /// Its part of the cluster's traffic.
    pub(crate) fn share(self) -> Option<f64> {
        match self {
            What::Node(_, node) => Some(node.traffic),
            What::Pool(_) | What::Cluster(_) => None,
        }
    }
}

/// A column of the list.
pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// 0: what is left.
    pub(crate) width: u16,
    pub(crate) right: bool,
    pub(crate) cell: fn(What<'_>) -> String,
    /// Shown from this width on.
    pub(crate) from: u16,
}

/// The list's columns, from the left.
pub(crate) const COLUMNS: &[Column] = &[
    Column {
        title: "NAME",
        width: 0,
        right: false,
        from: 0,
        cell: |what| match what {
            What::Pool(pool) => pool.name.clone(),
            What::Cluster(cluster) => cluster.name.clone(),
            What::Node(_, node) => format!("  {}", node.key),
        },
    },
    Column { title: "STATE", width: 19, right: false, from: 52, cell: |what| what.state() },
    Column {
        title: "USED",
        width: 8,
        right: true,
        from: 20,
        cell: |what| words::of(what.status().using, what.status().max),
    },
    Column {
        title: "IDLE",
        width: 5,
        right: true,
        from: 86,
        cell: |what| what.status().available.to_string(),
    },
    Column {
        title: "WAIT",
        width: 6,
        right: true,
        from: 30,
        cell: |what| what.waiting().to_string(),
    },
    Column {
        title: "ACQ/S",
        width: 7,
        right: true,
        from: 60,
        cell: |what| words::rate(what.acquired()),
    },
    Column {
        title: "P99",
        width: 8,
        right: true,
        from: 69,
        cell: |what| what.p99().map_or("–".to_owned(), words::millis),
    },
    Column {
        title: "SHARE",
        width: 5,
        right: true,
        from: 75,
        cell: |what| what.share().map_or(String::new(), words::percent),
    },
];

/// Those that a screen so wide has room for.
pub(crate) fn columns(width: u16) -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(move |column| width >= column.from)
}
