//! PostgreSQL for the Cenote pool, through tokio-postgres.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use cenote::Pool;
//! use cenote_postgres::{Postgres, PostgresError};
//!
//! let url = "postgres://app:secret@db.internal/shop?sslmode=verify-full&pool_max_size=20";
//! let pool = Pool::builder(Postgres::from_url(url)?).name("shop").build_ready().await?;
//!
//! // A text is prepared once for each connection.
//! let stock = "SELECT stock FROM product WHERE id = $1";
//! let left: i32 = pool.with(async |conn| Ok(conn.query_one(stock, &[&7_i32]).await?.get(0))).await?;
//!
//! // Committed, or rolled back whatever happens.
//! let mut conn = pool.acquire().await?;
//! let sold = "UPDATE product SET stock = stock - 1 WHERE id = $1";
//! conn.transaction().run(async |tx| tx.execute(sold, &[&7_i32]).await).await?;
//!
//! // Several at once over one connection.
//! let shared = pool.share().await?;
//! let row = shared.query_one(stock, &[&7_i32]).await?;
//! # Ok(()) }
//! ```
//!
//! [`Postgres`] has the settings, [`Session`] what can be asked, [`PostgresError`] says what went wrong and
//! [`fault`](PostgresError::fault) what that means for the pool.
//!
//! # What it sees to
//! - A connection that ends while it rests is known to be dead without being asked: its task sees it.
//! - A clean connection is known to be clean without a round trip: the server says at the end of each answer whether
//!   a transaction is open. One that is open is rolled back before anybody else gets the connection; see [`Reset`]
//!   for more, or less.
//! - A request whose future was dropped is stopped on the server, and the connection is lent again when it has
//!   stopped and nothing of the cancel can come any more; see [`OnCancel`] and [`Canceller`].
//! - A close ends when the server has closed: with `free_slot = when_closed` the server never counts more
//!   connections than `max_size`.
//! - No error, and nothing else that is printed, shows a password.
//!
//! Feature `tls` (default): rustls with ring. Without it, `sslmode` can be `disable` and `prefer` only.

#![forbid(unsafe_code)]

mod cancel;
mod connect;
mod connection;
mod error;
mod fault;
mod manager;
mod plan;
mod postgres;
mod probe;
mod session;
mod socket;
mod statements;
mod tap;
#[cfg(feature = "tls")]
mod tls;
mod transaction;
mod url;
mod wire;
mod words;

pub use cancel::Canceller;
pub use cenote_driver::Credentials;
pub use connection::{PostgresConnection, PostgresHandle};
pub use error::PostgresError;
pub use plan::{OnCancel, Reset, SslMode};
pub use postgres::Postgres;
pub use session::{Ask, Session};
pub use tokio_postgres;
pub use transaction::{Transaction, TransactionBuilder};
