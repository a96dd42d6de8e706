//! PostgreSQL: a primary, and standbys that stream from it.
//!
//! ```no_run
//! use cenote_testkit::servers::{ServerError, postgres};
//!
//! fn main() -> Result<(), ServerError> {
//!     // With few connections, and TLS for who wants it.
//!     let settings = postgres::Settings::new().max_connections(10).tls(postgres::Tls::Offered);
//!     let server = settings.start()?;
//!     server.run_sql("CREATE ROLE app LOGIN PASSWORD 'secret'")?;
//!     server.run_sql("CREATE DATABASE shop OWNER app")?;
//!     let url = server.url_for("app", "secret", "shop");
//!     assert!(url.starts_with("postgres://app:secret@127.0.0.1:"));
//!     assert_eq!(server.run_sql_in("shop", "SELECT 6 * 7")?, "42");
//!
//!     server.restart()?;                       // everybody is sent away; the port stays
//!     server.stop(postgres::Stop::Immediate)?; // a crash in good order
//!     server.start_again()?;
//!     server.freeze();                         // takes connections, answers nothing
//!     server.thaw();
//!     Ok(())
//! }
//! ```
//!
//! A server is made of the programs of the newest version in `PATH` or below `/usr/lib/postgresql`. It writes as a
//! server in production does, but does not wait for the disk (`fsync = off`): what is committed outlives
//! [`Server::kill`], and would not outlive a power cut. There is no autovacuum, and its segments of the log are small.

mod data;
mod server;
mod settings;
mod standby;

pub use server::{Server, Stop};
pub use settings::Settings;

use super::program::Requirement;
pub use super::tls::Tls;

/// The server itself; the other programs lie beside it.
pub(super) const POSTGRES: Requirement =
    Requirement { server: "PostgreSQL", program: "postgres", package: "postgresql" };
/// The name of the superuser, of the database and of the process.
const NAME: &str = "postgres";
