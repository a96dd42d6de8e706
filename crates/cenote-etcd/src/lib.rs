//! Nodes from etcd, for [`cenote_cluster`]: a cluster follows the keys below a prefix, and a service registers itself
//! there under a lease. It speaks to etcd's JSON gateway, so nothing has to be installed to build it; etcd must be 3.4 or
//! later.
//!
//! ```no_run
//! use cenote::Node;
//! use cenote_cluster::Cluster;
//! use cenote_etcd::Etcd;
//! # use cenote_testkit::Script;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let etcd = Etcd::new(["http://10.0.0.1:2379", "http://10.0.0.2:2379"])?.user("shop", "secret");
//!
//! // A cluster of what lies below this prefix: it follows every change.
//! let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
//!     .discover(etcd.nodes("/shop/nodes/"))
//!     .build()?;
//!
//! // A server that says that it is there, for as long as this value lives.
//! let node = Node::new("db-1", "postgres://10.0.0.7/shop").weight(2);
//! let registration = etcd.register("/shop/nodes/", &node).keep_alive().await?;
//! registration.revoke().await?;
//! # drop(cluster);
//! # Ok(()) }
//! ```
//!
//! A value is an entry of a [node file](cenote_cluster::discovery::node_from_json) in JSON; where it says no `key`, the
//! node's is what the etcd key has behind the prefix:
//!
//! ```text
//! etcdctl put /shop/nodes/db-1 '{"address": "postgres://10.0.0.7/shop", "role": "primary", "weight": 2}'
//! ```
//!
//! `keep_alive` fails if etcd cannot be asked at the start; [`keep_trying`](Register::keep_trying) goes on until it can.
//!
//! # What it sees to
//! - Several servers: whoever does not answer in time is left for the next.
//! - A watch that breaks, was too slow (compaction), or has fallen silent while things changed: the prefix is listed anew.
//! - A value that describes no node costs no other node anything, and is told with its key.
//! - A token that is refused, or a lease that has run out, is replaced.
//! - No password and no token in anything that is printed.
//!
//! What becomes of an etcd that is away, or empty, is the business of the stabilizer that stands before every source
//! (D-3): it changes nothing.
//!
//! Feature `tls` (default): rustls with ring. Without it, `https` is refused.

#![forbid(unsafe_code)]

mod answer;
mod ask;
mod error;
mod etcd;
mod keep;
mod line;
mod listing;
mod pieces;
mod register;
mod source;
mod url;
mod wait;
mod watch;

pub use error::EtcdError;
pub use etcd::Etcd;
pub use register::{Register, Registration};
pub use source::EtcdSource;
