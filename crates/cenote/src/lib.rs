//! A connection pool that grows with the service that uses it.
//!
//! A [`Pool`] lends connections (any expensive resource) that a [`Manager`] makes, tests and closes. It is
//! fair: first come, first served by ticket, released connections go straight to the first waiter. It is
//! cancel-safe: drop any future at any time. It never makes a caller wait for its *own* connect: whoever is
//! first takes whichever comes first, a released connection or a new one. And it is checked: the core is a
//! state machine without I/O, tested against a reference model.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use cenote_testkit::Script;
//! use cenote::Pool;
//! use std::time::Duration;
//!
//! # let manager = Script::new(); // scripted; a real one is cenote_sqlite::Sqlite
//! let pool = Pool::builder(manager).name("orders").max_size(8).build()?;
//!
//! let conn = pool.acquire().await?; // a guard; dropping it gives the connection back
//! drop(conn);
//!
//! let serial = pool.with(async |conn| Ok(conn.serial())).await?; // acquire, run, release
//! assert_eq!(serial, 1);
//!
//! println!("{}", pool.status());
//! pool.close(Duration::from_secs(5)).await;
//! # Ok(()) }
//! ```
//!
//! Where to look: [`Builder`] and [`Options`] for every setting, [`Error`] for what can go wrong,
//! [`Observer`] to see what happens, [`Manager`] to write a driver ([`Probe`] for one of a
//! cluster's servers), [`Lend`] to write code that takes a pool or
//! a cluster, [`blocking`] for threads without a runtime and for drivers that block.
//!
//! Features: `tokio` (default) runs pools on tokio; `serde` reads and writes [`Options`] in files; `tracing` and
//! `metrics` pass events on.

#![deny(unsafe_code)]

mod acquire;
pub mod blocking;
mod builder;
mod config;
mod conn;
mod core;
mod crew;
pub mod env;
mod error;
mod extensions;
mod hooks;
#[expect(unsafe_code, reason = "a stack without a lock: connections travel as raw pointers")]
mod lane;
mod leaks;
mod lend;
mod manager;
mod membership;
mod node;
mod observe;
#[cfg(all(test, cenote_loom))]
mod permutations;
mod pool;
mod pooled;
mod report;
mod sample;
#[cfg(all(test, cenote_shuttle))]
mod schedules;
mod settle;
mod shared;
mod shell;
mod signal;
mod spread;
mod stats;
mod sum;
mod sweep;
mod sync;
mod tasks;
mod time;
mod upkeep;

pub use acquire::{Acquire, AcquireMany, AcquireOwned, AcquireShare};
pub use builder::Builder;
pub use config::{
    Bound, Change, ConfigError, FreeSlot, OnConnectError, OptionInfo, Options, Order, Origin,
    Preset, Settings, TestOnAcquire, Timeout,
};
pub use env::Env;
pub use error::{BuildError, ConnectError, Error};
pub use extensions::Extensions;
pub use hooks::{AcquireRequest, Choice, ClosedConnection, ConnectionInfo, Hook, HookFuture};
pub use lend::Lend;
pub use manager::{Ended, Fate, Fault, Manager, Share};
pub use membership::Membership;
pub use node::{Epoch, Node, Probe, Probed, Role};
pub use observe::{
    Event, EventKind, FailReason, FromLevel, Level, Observer, Subject, Subscription,
};
pub use pool::{Pool, WeakPool};
pub use pooled::Pooled;
pub use report::{CloseError, Holder, Report};
pub use settle::{Clearing, Settling, Switched};
pub use shared::Shared;
pub use stats::{CloseReason, Closes, ConnectFailures, Counts, Distribution, State, Stats, Status};
pub use time::Time;
