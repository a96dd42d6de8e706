//! Private servers: real databases that a test starts, breaks and forgets.
//!
//! Each server runs on a free port of the loopback interface, in a folder of its own under the system's folder for
//! temporary files, with a password that was drawn by lot. It ends with the value that stands for it, also when a test
//! panics; if the whole test process is killed, a watchdog ends the server and removes the folder. Started by root, it
//! runs as `nobody`, since database servers refuse to run as root.
//!
//! ```no_run
//! use cenote_testkit::servers::{ServerError, postgres};
//!
//! fn main() -> Result<(), ServerError> {
//!     let server = postgres::Server::start()?;              // a quarter of a second
//!     server.run_sql("CREATE TABLE item (id int PRIMARY KEY)")?;
//!     println!("{}", server.url());                         // postgres://postgres:…@127.0.0.1:20123/postgres
//!
//!     let standby = server.standby()?;                      // streams from it
//!     server.kill();                                        // no good-bye
//!     standby.promote()?;
//!     assert_eq!(standby.run_sql("SELECT count(*) FROM item")?, "0");
//!     Ok(())
//! }
//! ```
//!
//! The calls block their thread: from a future, use `tokio::task::spawn_blocking`, or the moment before the load
//! begins. All of them take `&self`, so an `Arc` of a server can go there.
//!
//! A program that is missing is a [`ServerError::Missing`], whose sentence says what to install. Tests let it be an
//! error, and never pass without their server.
//!
//! # How another kind of server is added
//! One folder beside `postgres`, from the same parts: `program` finds what is installed, `place` gives a folder that is
//! removed, `template` makes once what is slow to make, `service` is the process with its log and its end, `life` is what
//! all servers are: a process that is stopped and started again, with a port that nobody else takes.

mod certificate;
pub mod dnsmasq;
mod error;
pub mod etcd;
mod life;
pub mod mariadb;
mod place;
mod port;
pub mod postgres;
mod process;
mod program;
pub mod redis;
mod secret;
mod service;
mod template;
mod tls;
mod url;
mod user;

pub use error::ServerError;
pub use program::{Requirement, missing};
pub use tls::Tls;
