//! What can be done to pools and clusters while they run. Each operation answers with one sentence on what happened, or
//! on why nothing did.

use std::time::Duration;

use axum::http::StatusCode;
use cenote::{Bound, State};
use cenote_cluster::{Closed, ListError, ListedCluster, ListedPool, NodeChange};
use serde::Deserialize;

use crate::admin::Inner;
use crate::answer::Refusal;

/// How long a drain waits if nobody says, and at most; and how long a clear is waited for.
const DRAIN: u64 = 30;
const LONGEST_DRAIN: u64 = 300;
const CLEAR: Duration = Duration::from_secs(30);

/// What somebody asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    /// What is to be done.
    pub(crate) op: String,
    /// To which pool or cluster, by its name.
    pub(crate) target: String,
    /// To which of its nodes, by its key.
    node: Option<String>,
    /// The new limit, the new weight, the seconds that a drain waits.
    value: Option<u64>,
}

/// The longest name, so that answers are no longer than sentences are.
const NAME: usize = 200;
const OPERATIONS: &str =
    "resize, pause, resume, clear, drain_node, eject_node, restore_node and set_weight";

/// The pool or the cluster that is meant.
enum Target {
    Pool(ListedPool),
    Cluster(ListedCluster),
}

/// What an operation comes to.
type Outcome = Result<String, Refusal>;

impl Operation {
    pub(crate) fn read(body: &[u8]) -> Result<Operation, Refusal> {
        let read = serde_json::from_slice(body).map_err(|error| {
            // It may quote what was sent, however long that is.
            let why: String = error.to_string().chars().take(NAME).collect();
            Refusal::bad(format!("this is no operation: {why}"))
        });
        let operation: Operation = read?;
        let names = [Some(&operation.op), Some(&operation.target), operation.node.as_ref()];
        if names.into_iter().flatten().any(|name| name.len() > NAME) {
            return Err(Refusal::bad(format!("a name is longer than {NAME} bytes")));
        }
        Ok(operation)
    }

    /// Carries it out.
    pub(crate) async fn run(&self, admin: &Inner) -> Outcome {
        match self.op.as_str() {
            "resize" => self.resize(self.pool(admin)?),
            "pause" | "resume" => self.switch(self.target(admin)?),
            "clear" => self.clear(self.target(admin)?).await,
            "drain_node" => self.drain(admin).await,
            "eject_node" | "restore_node" | "set_weight" => self.change(admin),
            _ => Err(Refusal::bad(format!("there is no such operation: there are {OPERATIONS}"))),
        }
    }

    fn find(&self, admin: &Inner) -> Result<Target, Refusal> {
        let is_it = |name: &str| name == self.target || admin.clean.text(name) == self.target;
        let clusters = admin.registry.clusters();
        let mut found: Vec<Target> = Vec::new();
        let pools = admin.registry.pools().into_iter().filter(|pool| is_it(pool.name()));
        found.extend(pools.map(Target::Pool));
        found.extend(clusters.iter().filter(|c| is_it(c.name())).cloned().map(Target::Cluster));
        if found.is_empty() {
            // The pool of a node has a name too.
            let of_nodes = clusters.iter().flat_map(|cluster| cluster.node_pools());
            let pools = of_nodes.map(|(_, pool)| pool).filter(|pool| is_it(pool.name()));
            found.extend(pools.map(Target::Pool));
        }
        match found.len() {
            0 => Err(Refusal::not_found("there is no pool and no cluster of this name")),
            1 => Ok(found.remove(0)),
            n => Err(Refusal::conflict(format!(
                "{n} of them are called so: give each a name of its own"
            ))),
        }
    }

    fn cluster(&self, admin: &Inner) -> Result<(ListedCluster, String), Refusal> {
        let Target::Cluster(cluster) = self.find(admin)? else {
            return Err(Refusal::bad("that is a pool, and only clusters have nodes"));
        };
        let Some(key) = &self.node else {
            return Err(Refusal::bad(format!("{} needs a node: name its key", self.op)));
        };
        // Keys are shown without their secrets, and may be given so.
        let known = cluster.node_pools().into_iter().map(|(known, _)| known);
        let known = known.filter(|known| **known == **key || admin.clean.text(known) == *key);
        let key = known.map(|known| known.to_string()).next();
        Ok((cluster, key.or_else(|| self.node.clone()).unwrap_or_default()))
    }

    /// The pool or cluster, or the node's pool if a node is named.
    fn target(&self, admin: &Inner) -> Result<Target, Refusal> {
        if self.node.is_none() {
            return self.find(admin);
        }
        let (cluster, key) = self.cluster(admin)?;
        let pool = cluster.node_pool(&key);
        pool.map(Target::Pool).ok_or_else(|| Refusal::not_found("the cluster has no such node"))
    }

    fn pool(&self, admin: &Inner) -> Result<ListedPool, Refusal> {
        match self.target(admin)? {
            Target::Pool(pool) => Ok(pool),
            Target::Cluster(_) => {
                Err(Refusal::bad("a cluster has a limit for each of its nodes: name a node"))
            }
        }
    }

    fn resize(&self, pool: ListedPool) -> Outcome {
        let Some(value) = self.value else {
            return Err(Refusal::bad("resize needs a value: the new max_size"));
        };
        let max = usize::try_from(value).unwrap_or(usize::MAX - 1).min(usize::MAX - 1);
        let before = pool.max_size().map_err(refused)?;
        pool.set_max_size(Bound::At(max)).map_err(refused)?;
        let status = pool.status().ok_or_else(gone)?;
        Ok(format!("pool \"{}\": max_size was {before} and is {max}; {status}", pool.name()))
    }

    fn switch(&self, target: Target) -> Outcome {
        let pauses = self.op == "pause";
        let wanted = if pauses { State::Paused } else { State::Running };
        let (what, done, state) = match &target {
            Target::Pool(pool) => {
                let done = if pauses { pool.pause() } else { pool.resume() };
                (format!("pool \"{}\"", pool.name()), done, pool.status().map(|s| s.state))
            }
            Target::Cluster(cluster) => {
                let done = if pauses { cluster.pause() } else { cluster.resume() };
                (format!("cluster \"{}\"", cluster.name()), done, cluster.state())
            }
        };
        done.map_err(refused)?;
        match state {
            Some(state) if state == wanted => Ok(match pauses {
                true => format!("{what} is paused: callers queue, their deadlines running"),
                false => format!("{what} lends again"),
            }),
            Some(state) => Err(Refusal::conflict(format!("{what} is {state} and stays so"))),
            None => Err(gone()),
        }
    }

    async fn clear(&self, target: Target) -> Outcome {
        let closed = match &target {
            Target::Pool(pool) => tokio::time::timeout(CLEAR, pool.clear().map_err(refused)?).await,
            Target::Cluster(cluster) => {
                tokio::time::timeout(CLEAR, cluster.clear().map_err(refused)?).await
            }
        };
        let (kind, name) = match &target {
            Target::Pool(pool) => ("pool", pool.name()),
            Target::Cluster(cluster) => ("cluster", cluster.name()),
        };
        let begun = format!("{kind} \"{name}\" is cleared: what is lent closes when it comes back");
        Ok(match closed {
            Err(_) => format!("{begun}; idle connections are still being closed"),
            Ok(Closed { closed, errors, .. }) => match errors.as_slice() {
                [] => format!("{begun}; {closed} idle closed"),
                errors => format!(
                    "{begun}; {closed} idle closed, {} of them not cleanly: {}",
                    errors.len(),
                    errors[0]
                ),
            },
        })
    }

    async fn drain(&self, admin: &Inner) -> Outcome {
        let (cluster, key) = self.cluster(admin)?;
        let seconds = self.value.unwrap_or(DRAIN);
        if seconds > LONGEST_DRAIN {
            return Err(Refusal::bad(format!("a drain waits {LONGEST_DRAIN} seconds at most")));
        }
        let drain = cluster.drain_node(&key, Duration::from_secs(seconds)).map_err(refused)?;
        let warning = drain.change().warning.clone();
        let drained = drain.await;
        let what = node(&cluster, &key);
        let mut sentence = if drained.undone {
            return Err(Refusal::conflict(format!("{what}: {drained}")));
        } else if drained.holders.is_empty() {
            format!("{what} is drained: nothing of it is lent any more")
        } else {
            format!("{what} gets nothing new; after {seconds} s {drained}")
        };
        push_warning(&mut sentence, warning.as_deref());
        Ok(sentence)
    }

    fn change(&self, admin: &Inner) -> Outcome {
        let (cluster, key) = self.cluster(admin)?;
        let what = node(&cluster, &key);
        let (change, done, nothing) = match self.op.as_str() {
            "eject_node" => (
                cluster.eject(&key),
                format!(
                    "{what} is ejected: nothing is sent to it until it is restored; its connections stay"
                ),
                format!("{what} was ejected before"),
            ),
            "restore_node" => (
                cluster.restore(&key),
                format!("{what} is restored"),
                format!("{what} was not taken out"),
            ),
            _ => {
                let weight = self.value.and_then(|value| u32::try_from(value).ok());
                let Some(weight) = weight else {
                    return Err(Refusal::bad(
                        "set_weight needs a value: the new weight, 0 to 4294967295",
                    ));
                };
                (
                    cluster.set_weight(&key, weight),
                    format!("{what} has weight {weight} now"),
                    format!("{what} had weight {weight} before"),
                )
            }
        };
        let NodeChange { changed, warning, .. } = change.map_err(refused)?;
        let mut sentence = if changed { done } else { nothing };
        push_warning(&mut sentence, warning.as_deref());
        Ok(sentence)
    }

    /// What it is about, for the log.
    pub(crate) fn words(&self) -> String {
        let node =
            self.node.as_ref().map_or_else(String::new, |node| format!(" of node \"{node}\""));
        format!("{}{node}", self.op)
    }
}

fn node(cluster: &ListedCluster, key: &str) -> String {
    format!("cluster \"{}\", node \"{key}\"", cluster.name())
}

fn push_warning(sentence: &mut String, warning: Option<&str>) {
    if let Some(warning) = warning {
        sentence.push_str("; ");
        sentence.push_str(warning);
    }
}

fn gone() -> Refusal {
    Refusal::not_found("it is gone: its last handle was dropped")
}

fn refused(error: ListError) -> Refusal {
    let code = match error {
        ListError::Refused(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::NOT_FOUND,
    };
    Refusal::new(code, error.to_string())
}
