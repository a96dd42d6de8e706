//! MySQL and MariaDB for the Cenote pool, through mysql_async's single connection.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use cenote::Pool;
//! use cenote_mysql::{Mysql, MysqlError};
//!
//! let url = "mysql://app:secret@db.internal/shop?ssl_mode=verify_identity&pool_max_size=20";
//! let pool = Pool::builder(Mysql::from_url(url)?).name("shop").build_ready().await?;
//!
//! // A text with parameters is prepared once for each connection.
//! let stock = "SELECT stock FROM product WHERE id = ?";
//! let left = pool.with(async |conn| conn.exec_first::<i32, _, _>(stock, (7,)).await).await?;
//!
//! // Committed, or rolled back whatever happens.
//! let mut conn = pool.acquire().await?;
//! let sold = "UPDATE product SET stock = stock - 1 WHERE id = ?";
//! conn.transaction().run(async |tx| tx.exec_drop(sold, (7,)).await).await?;
//! # Ok(()) }
//! ```
//!
//! [`Mysql`] has the settings, [`Session`] what can be asked, [`MysqlError`] says what went wrong and
//! [`fault`](MysqlError::fault) what that means for the pool.
//!
//! # What it sees to
//! - A request whose future was dropped leaves an answer behind that nobody has read. Such a connection is never lent
//!   again: the server is asked to end it, query and all, and its slot is free when the server has.
//! - A clean connection is known to be clean without a round trip: the server says at the end of each answer whether a
//!   transaction is open. One that is open is rolled back before anybody else gets the connection; see [`Reset`] for
//!   more, or less.
//! - A [`Canceller`] stops what a borrower asks, and nothing of the next one's.
//! - A row that does not fit the type that was asked for is an error, where the driver panics.
//! - No error, and nothing else that is printed, shows a password.
//!
//! The protocol answers one request at a time, so connections cannot be shared: there is no `share()`. And the driver
//! reads from a connection only while somebody asks something of it, so that one which ends while it rests is found by
//! the pool's test, not before.
//!
//! Feature `tls` (default): rustls with ring. Without it, [`SslMode`] can be `Disabled` and `Preferred` only.

#![forbid(unsafe_code)]

mod ask;
mod cancel;
mod connect;
mod connection;
mod error;
mod fault;
mod manager;
mod mysql;
mod plan;
mod probe;
mod session;
mod transaction;
mod url;

pub use ask::Ask;
pub use cancel::Canceller;
pub use cenote_driver::Credentials;
pub use connection::MysqlConnection;
pub use error::MysqlError;
pub use mysql::Mysql;
pub use mysql_async;
pub use plan::{Reset, SslMode};
pub use session::Session;
pub use transaction::{IsolationLevel, Transaction, TransactionBuilder};
