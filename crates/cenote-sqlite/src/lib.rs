//! SQLite for the Cenote pool: embedded, nothing to install.
//!
//! Each connection has an operating-system thread of its own, since SQLite blocks; a
//! [`call`](SqliteConnection::call) runs a closure there and is a future here. Drop that future, by a timeout for
//! instance, and the statement is interrupted; the connection counts as in use until it has really stopped,
//! and nobody gets it before its transaction is rolled back.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("app.db");
//! use cenote::Pool;
//! use cenote_sqlite::Sqlite;
//!
//! let pool = Pool::builder(Sqlite::file(path)).max_size(8).build()?;
//! let mut conn = pool.acquire().await?; // dropping it gives it back
//! conn.call(|db| db.execute_batch("CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT)")).await?;
//! conn.call(|db| db.execute("INSERT INTO user (name) VALUES (?1)", ["Ada"])).await?;
//! let name: String =
//!     conn.call(|db| db.query_row("SELECT name FROM user WHERE id = 1", [], |row| row.get(0))).await?;
//! assert_eq!(name, "Ada");
//! # Ok(()) }
//! ```
//!
//! For threads without a runtime, the same value fits [`cenote::blocking::Pool`], which lends the
//! [`rusqlite::Connection`] itself:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cenote::blocking::Pool;
//! use cenote_sqlite::Sqlite;
//!
//! let pool = Pool::builder(Sqlite::memory()).max_size(8).build()?;
//! let db = pool.acquire()?;
//! let answer: i64 = db.query_row("SELECT 6 * 7", [], |row| row.get(0))?;
//! assert_eq!(answer, 42);
//! # Ok(()) }
//! ```
//!
//! [`Sqlite`] has the settings, [`Sqlite::split`] gives writers and readers a pool each, which is the best
//! shape for a service that writes much, and [`SqliteError`] says what went wrong.
//!
//! # What differs from a server's pool
//! The defaults of the pool's options fit a file: no test before lending, and a slot that is free only
//! when its connection is really closed, however long a call takes to end. Only a transaction is undone
//! between two borrowers: temporary tables, attached files and pragmas that a call changes stay with the
//! connection; use [`Pooled::taint`](cenote::Pooled::taint) or
//! [`discard`](cenote::Pooled::discard) after such a call.

#![forbid(unsafe_code)]

mod blocking;
mod connection;
mod control;
mod error;
mod explain;
mod manager;
mod open;
mod split;
mod sqlite;
mod thread;
mod url;

pub use connection::SqliteConnection;
pub use error::SqliteError;
pub use rusqlite;
pub use split::{Split, SplitBuilder, SplitReport, SplitSettling};
pub use sqlite::Sqlite;
