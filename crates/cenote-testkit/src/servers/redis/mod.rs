//! Redis: a primary, and replicas that follow it.
//!
//! ```no_run
//! use cenote_testkit::servers::{ServerError, redis};
//!
//! fn main() -> Result<(), ServerError> {
//!     let server = redis::Settings::new().max_clients(10).start()?;
//!     server.run(&["SET", "stock", "7"])?;
//!     assert_eq!(server.run(&["GET", "stock"])?, "7");
//!     server.run(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all"])?;
//!     assert!(server.url_for("app", "secret", 3).starts_with("redis://app:secret@127.0.0.1:"));
//!
//!     let replica = server.replica()?;         // follows it
//!     server.kill();                           // no good-bye
//!     replica.promote()?;
//!     assert_eq!(replica.run(&["GET", "stock"])?, "7");
//!     server.follow(&replica)?;                // comes back as a replica of the new primary
//!     replica.freeze();                        // takes connections, answers nothing
//!     replica.thaw();
//!     Ok(())
//! }
//! ```
//!
//! Commands are run by `redis-cli`. What was answered is in the append-only file, so it outlives [`Server::kill`]; nobody
//! waits for the disk, so it would not outlive a power cut. There are no snapshots, replicas are served at once and
//! pinged every second, and a server that ends waits for no replica.

mod replica;
mod server;
mod settings;

pub use server::Server;
pub use settings::Settings;

use super::program::Requirement;

/// The server itself.
pub(super) const REDIS: Requirement =
    Requirement { server: "Redis", program: "redis-server", package: "redis-server" };
/// What its commands are run with.
pub(super) const CLI: Requirement =
    Requirement { server: "Redis", program: "redis-cli", package: "redis-tools" };
/// The name of the process.
const NAME: &str = "redis-server";
