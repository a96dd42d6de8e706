//! A handle that other code calls when it learns of nodes: the lecture's second way, a callback of the configuration
//! centre.
//!
//! What was pushed and not yet taken is one list or one change: pushes that come faster than the cluster follows are
//! put together, so a handle never holds more than the nodes.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use cenote::{Env, Node};

use super::{Discovery, News, Update};
use crate::watch::Bell;

/// A handle to push nodes with, and the source that a cluster follows.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use cenote::{Node, Pooled};
/// use cenote_cluster::{Cluster, Route, discovery};
/// # use cenote_testkit::Script;
///
/// let (push, pushed) = discovery::push();
/// let cluster = Cluster::builder(|_: &Node| Ok(Script::new())).discover(pushed).build()?;
///
/// push.all([Node::new("a", "10.0.0.1:5432")]); // whoever waits for a node has one now
/// let conn = cluster.route(Route::any()).await?;
/// assert_eq!(Pooled::node(&conn), Some("a"));
/// push.change(["a".to_owned()], [Node::new("b", "10.0.0.2:5432")]);
/// # Ok(()) }
/// ```
pub fn push() -> (Push, Pushed) {
    let shared = Arc::new(Shared { pending: Mutex::default(), bell: Bell::default() });
    let handle = Push { hand: Arc::new(Hand { shared: Arc::clone(&shared) }) };
    (handle, Pushed { shared })
}

struct Shared {
    pending: Mutex<Pending>,
    bell: Bell,
}

#[derive(Default)]
struct Pending {
    updates: VecDeque<Update>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raises the bell when the last handle is gone.
struct Hand {
    shared: Arc<Shared>,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.bell.raise();
    }
}

/// Tells a cluster which nodes there are. Clones are handles of the same source; when the last one is dropped, what was
/// said last stands. Made by [`push`].
#[derive(Clone)]
pub struct Push {
    hand: Arc<Hand>,
}

impl Push {
    /// These are all nodes.
    pub fn all(&self, nodes: impl IntoIterator<Item = Node>) {
        self.send(Update::all(nodes));
    }

    /// First the nodes with these keys went, then these came, or are otherwise than they were.
    pub fn change(
        &self,
        gone: impl IntoIterator<Item = String>,
        there: impl IntoIterator<Item = Node>,
    ) {
        self.send(Update::change(gone, there));
    }

    /// Nobody knows at the moment: the nodes stay as they are.
    pub fn failed(&self, why: impl Into<String>) {
        self.send(Update::failed(why));
    }

    /// Whatever a source can say.
    pub fn send(&self, update: Update) {
        let mut pending = self.hand.shared.lock();
        put(&mut pending.updates, update);
        drop(pending);
        self.hand.shared.bell.raise();
    }
}

/// Behind what waits already, or into it.
fn put(updates: &mut VecDeque<Update>, update: Update) {
    if matches!(update.news, News::All(_)) {
        // A whole list makes everything before it old.
        updates.clear();
    } else if updates.back().is_some_and(|last| matches!(last.news, News::Failed { .. })) {
        updates.pop_back();
    }
    let Some(last) = updates.back_mut() else { return updates.push_back(update) };
    let Update { news, remarks } = update;
    match (&mut last.news, news) {
        (News::All(nodes), News::Change { gone, there }) => follow_up(nodes, &gone, there),
        (News::Change { gone, there }, News::Change { gone: later, there: new }) => {
            follow_up(there, &later, new);
            gone.extend(later);
            gone.sort();
            gone.dedup();
        }
        (_, news) => return updates.push_back(Update { news, remarks }),
    }
    last.remarks.extend(remarks);
}

/// What is left of these nodes after a change, and what came with it.
fn follow_up(nodes: &mut Vec<Node>, gone: &[String], there: Vec<Node>) {
    let replaced: BTreeSet<&str> =
        gone.iter().map(String::as_str).chain(there.iter().map(Node::key)).collect();
    nodes.retain(|node| !replaced.contains(node.key()));
    nodes.extend(there);
}

/// What was pushed, as a source. Made by [`push`].
pub struct Pushed {
    shared: Arc<Shared>,
}

impl Discovery for Pushed {
    fn name(&self) -> String {
        "what is pushed".to_owned()
    }

    async fn next(&mut self, _: &dyn Env) -> Option<Update> {
        poll_fn(|cx| {
            // First the waker is laid down, so that what comes after the look is not missed.
            let _ = self.shared.bell.poll(cx);
            let mut pending = self.shared.lock();
            match pending.updates.pop_front() {
                Some(update) => Poll::Ready(Some(update)),
                None if pending.ended => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").finish_non_exhaustive()
    }
}

impl fmt::Debug for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushed").finish_non_exhaustive()
    }
}
