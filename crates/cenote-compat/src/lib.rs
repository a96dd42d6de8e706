//! Managers of bb8, deadpool and r2d2 for the Cenote pool: what was written for one of those pools works here
//! unchanged, with [`Bb8`], [`Deadpool`] or [`R2d2`] around it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use cenote::Pool;
//! use cenote_compat::Bb8;
//! # use std::{future::ready, io};
//! # struct Buffers;
//! # impl bb8::ManageConnection for Buffers {
//! #     type Connection = Vec<u8>;
//! #     type Error = io::Error;
//! #     async fn connect(&self) -> Result<Vec<u8>, io::Error> { Ok(vec![7]) }
//! #     async fn is_valid(&self, _: &mut Vec<u8>) -> Result<(), io::Error> { Ok(()) }
//! #     fn has_broken(&self, _: &mut Vec<u8>) -> bool { false }
//! # }
//! # let manager = Buffers;
//!
//! // Was: bb8::Pool::builder().max_size(8).build(manager).await?
//! let pool = Pool::builder(Bb8::new(manager)).max_size(8).build()?;
//! let conn = pool.acquire().await?; // derefs to the manager's connection
//! assert_eq!(conn.len(), 1);
//! # Ok(()) }
//! ```
//!
//! | there | becomes |
//! |---|---|
//! | bb8: `connect`, `is_valid` | `connect`, `check` |
//! | bb8: `has_broken` | asked at each release and before each test |
//! | bb8: `CustomizeConnection` | [`Bb8::customize`]: runs in `connect` |
//! | deadpool: `create`, `recycle` | `connect`; both `check` and `reset`, with true `Metrics` |
//! | deadpool: `detach` | called once for each object, however it leaves the pool |
//! | deadpool: `post_create`, `pre_recycle`, `post_recycle` | the same: [`Deadpool::post_create`] and its sisters |
//! | r2d2: `connect`, `is_valid`, `has_broken` | as bb8's, on threads where they may block |
//! | r2d2: `CustomizeConnection` | [`R2d2::customize`]: `on_acquire` runs in `connect`, `on_release` is the `close` |
//!
//! What cannot be mapped: those managers say nothing of what an error means. [`CompatError::fault`] guesses by an
//! [`io::Error`](std::io::Error) below it, and takes what is left for an error of the request, or for a connection that
//! could not be made; `Builder::classify_with` knows better. They have no `close`, so a connection is dropped; no
//! notice of a death while it rests, so only a test finds that; and nothing of roles or sharing. What their *pools*
//! have beside managers (events, error sinks, `retain`, statistics) has counterparts in Cenote's pool, not here.
//!
//! Features, each off by default: `bb8`, `deadpool`, `r2d2`.

#![forbid(unsafe_code)]
// What is switched off cannot be linked to.
#![cfg_attr(
    not(all(feature = "bb8", feature = "deadpool", feature = "r2d2")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(feature = "bb8")]
mod bb8;
#[cfg(feature = "deadpool")]
mod deadpool;
#[cfg(any(feature = "bb8", feature = "deadpool", feature = "r2d2"))]
mod error;
#[cfg(any(feature = "bb8", feature = "r2d2"))]
mod fate;
#[cfg(feature = "r2d2")]
mod r2d2;

#[cfg(feature = "bb8")]
pub use self::bb8::Bb8;
#[cfg(feature = "deadpool")]
pub use self::deadpool::{Deadpool, DeadpoolConnection};
#[cfg(any(feature = "bb8", feature = "deadpool", feature = "r2d2"))]
pub use self::error::CompatError;
#[cfg(feature = "r2d2")]
pub use self::r2d2::R2d2;
