//! etcd: a server of its own, a cluster of one.
//!
//! ```no_run
//! use cenote_testkit::servers::{ServerError, etcd};
//!
//! fn main() -> Result<(), ServerError> {
//!     let server = etcd::Server::start()?;
//!     server.run(&["put", "/shop/nodes/a", "{}"])?;
//!     assert_eq!(server.run(&["get", "--print-value-only", "/shop/nodes/a"])?, "{}");
//!     server.compact()?;                       // what was before is forgotten
//!     server.kill();                           // no good-bye
//!     server.start_again()?;                   // with all that it had
//!     server.kill();
//!     server.forget()?;                        // its disk is gone
//!     server.start_again()?;                   // with nothing
//!     Ok(())
//! }
//! ```
//!
//! Commands are run by `etcdctl`. It elects itself within a tenth of a second, so leases of one second are possible.

mod server;
mod settings;

pub use server::Server;
pub use settings::Settings;

use super::program::Requirement;

/// The server itself.
pub(super) const ETCD: Requirement =
    Requirement { server: "etcd", program: "etcd", package: "etcd-server" };
/// What its commands are run with.
pub(super) const CTL: Requirement =
    Requirement { server: "etcd", program: "etcdctl", package: "etcd-client" };
/// The name of the process.
const NAME: &str = "etcd";
