//! MariaDB: a primary, and replicas that follow it by GTID.
//!
//! ```no_run
//! use cenote_testkit::servers::{ServerError, mariadb};
//!
//! fn main() -> Result<(), ServerError> {
//!     // With few connections, and TLS for who wants it.
//!     let settings = mariadb::Settings::new().max_connections(10).tls(mariadb::Tls::Offered);
//!     let server = settings.start()?;
//!     server.run_sql("CREATE USER app IDENTIFIED BY 'secret'; GRANT ALL ON cenote.* TO app")?;
//!     let url = server.url_for("app", "secret", "cenote");
//!     assert!(url.starts_with("mysql://app:secret@127.0.0.1:"));
//!     assert_eq!(server.run_sql("SELECT 6 * 7, 'a'")?, "42\ta");
//!
//!     let replica = server.replica()?;         // follows it, and only reads
//!     server.restart()?;                       // everybody is sent away; the port stays
//!     server.kill();                           // no good-bye
//!     replica.promote()?;
//!     server.follow(&replica)?;                // with a copy of what the new primary has
//!     replica.freeze();                        // takes connections, answers nothing
//!     replica.thaw();
//!     Ok(())
//! }
//! ```
//!
//! A server is made of the programs in `PATH` or in `/usr/sbin`. It writes as a server in production does, but does not
//! wait for the disk: what is committed outlives [`Server::kill`], and would not outlive a power cut. Its binary log has
//! everything since its data was made, so a replica begins with nothing and reads it from the start.

mod data;
mod replica;
mod server;
mod settings;

pub use server::Server;
pub use settings::Settings;

use super::program::Requirement;
pub use super::tls::Tls;

/// The server itself.
pub(super) const MARIADB: Requirement =
    Requirement { server: "MariaDB", program: "mariadbd", package: "mariadb-server-core" };
/// What makes its data.
pub(super) const INSTALLER: Requirement = Requirement {
    server: "MariaDB",
    program: "mariadb-install-db",
    package: "mariadb-server-core",
};
/// What statements are run with.
pub(super) const CLIENT: Requirement =
    Requirement { server: "MariaDB", program: "mariadb", package: "mariadb-client-core" };

/// The name of the process.
const NAME: &str = "mariadb";
/// The name of the superuser.
const ROOT: &str = "root";
/// The name of the database.
const DATABASE: &str = "cenote";
