//! Redis for the Cenote pool, through the `redis` crate.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use cenote::Pool;
//! use cenote_redis::Redis;
//! use cenote_redis::redis::AsyncCommands;
//!
//! let url = "rediss://app:secret@cache.internal/2?pool_max_size=20";
//! let pool = Pool::builder(Redis::from_url(url)?).name("cache").build_ready().await?;
//!
//! // All commands of the redis crate.
//! let stock: Option<u32> = pool.with(async |conn| Ok(conn.get("stock:7").await?)).await?;
//!
//! // One connection alone, for what blocks and for transactions.
//! let mut conn = pool.acquire().await?;
//! let job: Option<(String, String)> = conn.blpop("jobs", 2.0).await?;
//!
//! // Many at once over one connection, for all the rest.
//! let mut shared = pool.share().await?;
//! let _: () = shared.set("stock:7", 12).await?;
//! # Ok(()) }
//! ```
//!
//! [`Redis`] has the settings. [`RedisConnection`] and its share [`RedisHandle`] are connections of the redis crate: its
//! commands, pipelines and scripts work on them. [`RedisError`] says what went wrong and [`fault`](RedisError::fault) what
//! that means for the pool.
//!
//! # What it sees to
//! - A connection that ends while it rests is known to be dead without being asked: its task sees it.
//! - Each command is looked at before it is sent, so a connection that is clean is known to be, without a round trip:
//!   an open transaction, watched keys and another database are undone before anybody else gets it; see [`Reset`].
//! - What would mix up the answers of others is not sent: subscriptions, `MONITOR`, `CLIENT REPLY`; on a share also what
//!   blocks or changes the session. Such a command fails with a sentence.
//! - A command whose future was dropped is waited for before the connection is lent again. If it is one that blocks, the
//!   connection is closed.
//! - A close ends when the server has closed: with `free_slot = when_closed` the server never counts more
//!   connections than `max_size`.
//! - No error, and nothing else that is printed, shows a password.
//!
//! Feature `tls` (default): rustls with ring, for `rediss://`. Other features of the redis crate (`script`, `streams`, …) can
//! be switched on beside it.

#![forbid(unsafe_code)]

mod command;
mod connect;
mod connection;
mod error;
mod fault;
mod login;
mod manager;
mod options;
mod plan;
mod probe;
mod session;
mod socket;
mod tap;
#[cfg(feature = "tls")]
mod tls;
mod url;

pub use cenote_driver::Credentials;
pub use connection::{RedisConnection, RedisHandle};
pub use error::RedisError;
pub use options::Redis;
pub use plan::Reset;
pub use redis;
