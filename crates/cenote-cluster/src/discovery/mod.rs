//! Where nodes come from while a cluster runs: a source says which there are, the [`Stabilizer`] decides what to make of
//! it, and the cluster follows.
//!
//! A source is a value that implements [`Discovery`]; it is given to
//! [`ClusterBuilder::discover`](crate::ClusterBuilder::discover). None of them has to be careful: that a list is empty, has
//! lost most of its nodes or does not come at all is the stabilizer's business, the same for every source (D-3).
//!
//! | source | when to use it |
//! |---|---|
//! | [`fixed`] | the list is known when the program starts |
//! | [`push`] | other code of yours is told of nodes, as by a configuration centre |
#![cfg_attr(
    feature = "file",
    doc = "| [`file`](fn@file) | a file of a few lines that people or a tool write |"
)]
#![cfg_attr(feature = "dns", doc = "| [`dns`], [`dns_srv`] | a name in DNS lists the servers |")]
#![cfg_attr(
    feature = "file",
    doc = "| [`kept`] | around any of these: what it said last is there when it is not |"
)]
//!
//! The crate `cenote-etcd` has one for etcd.
//!
//! Nodes that are given with [`ClusterBuilder::node`](crate::ClusterBuilder::node) or
//! [`Cluster::add`](crate::Cluster::add) are no source's: none takes them away.

mod decision;
mod desk;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "json")]
mod entry;
#[cfg(feature = "file")]
mod file;
mod fixed;
mod follow;
#[cfg(feature = "file")]
mod kept;
mod push;
mod rules;
mod stabilizer;
mod status;

pub use decision::{Decision, Note, Order};
#[cfg(feature = "dns")]
pub use dns::{DnsSource, Found, dns, dns_srv};
#[cfg(feature = "json")]
pub use entry::{FileError, node_from_json, node_to_json};
#[cfg(feature = "file")]
pub use file::{FileSource, NodeFile, file};
pub use fixed::{Fixed, fixed};
#[cfg(feature = "file")]
pub use kept::{Kept, kept};
pub use push::{Push, Pushed, push};
pub use rules::SafetyRules;
pub use stabilizer::Stabilizer;
pub use status::SourceStatus;

pub(crate) use desk::Desk;
pub(crate) use follow::follow;

use std::future::Future;

use cenote::{Env, Node};

/// A source of nodes: a stream of lists or of changes to one (D-1).
///
/// ```
/// use cenote::{Env, Node};
/// use cenote_cluster::discovery::{Discovery, Update};
/// use std::time::Duration;
///
/// /// Asks something every ten seconds.
/// struct Every10s(Box<dyn FnMut() -> Result<Vec<Node>, String> + Send>);
///
/// impl Discovery for Every10s {
///     fn name(&self) -> String {
///         "the inventory".to_owned()
///     }
///
///     async fn next(&mut self, env: &dyn Env) -> Option<Update> {
///         env.sleep_until(env.now() + Duration::from_secs(10)).await;
///         Some(match (self.0)() {
///             Ok(nodes) => Update::all(nodes),
///             Err(why) => Update::failed(why),
///         })
///     }
/// }
/// ```
pub trait Discovery: Send + 'static {
    /// What it is, in a few words without secrets: status, events and log show it.
    fn name(&self) -> String;

    /// Waits for the next news. `None`: there will be none, and what was said last stands.
    ///
    /// It is polled to its end before it is called again, or dropped for good with the source. It may take as long as it
    /// likes; a call that blocks would hold up the runtime.
    fn next(&mut self, env: &dyn Env) -> impl Future<Output = Option<Update>> + Send;
}

/// What a source says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub(crate) news: News,
    pub(crate) remarks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    All(Vec<Node>),
    Change { gone: Vec<String>, there: Vec<Node> },
    Failed { why: String, invalid: bool },
}

impl Update {
    /// These are all nodes.
    pub fn all(nodes: impl IntoIterator<Item = Node>) -> Update {
        News::All(nodes.into_iter().collect()).into()
    }

    /// Something changed since the last update: first the nodes with these keys went, then these came, or are otherwise
    /// than they were.
    pub fn change(
        gone: impl IntoIterator<Item = String>,
        there: impl IntoIterator<Item = Node>,
    ) -> Update {
        let (gone, there) = (gone.into_iter().collect(), there.into_iter().collect());
        News::Change { gone, there }.into()
    }

    /// The source cannot be asked, and nobody knows what it would say. One sentence, without secrets.
    pub fn failed(why: impl Into<String>) -> Update {
        News::Failed { why: why.into(), invalid: false }.into()
    }

    /// What the source says makes no sense, and will not until somebody corrects it. One sentence with the place, without
    /// secrets. While there are no nodes at all, callers are told so at once instead of waiting.
    pub fn invalid(why: impl Into<String>) -> Update {
        News::Failed { why: why.into(), invalid: true }.into()
    }

    /// With something that whoever looks after the source should know, in one sentence.
    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Update {
        self.remarks.push(remark.into());
        self
    }

    /// The nodes, if this is a whole list.
    pub fn nodes(&self) -> Option<&[Node]> {
        match &self.news {
            News::All(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// Why there is no list, if it failed.
    pub fn error(&self) -> Option<&str> {
        match &self.news {
            News::Failed { why, .. } => Some(why),
            _ => None,
        }
    }

    /// What was remarked.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.remarks.iter().map(String::as_str)
    }
}

impl From<News> for Update {
    fn from(news: News) -> Update {
        Update { news, remarks: Vec::new() }
    }
}
