//! Tests for services that use [`cenote`], without a server and with one.
//!
//! Two tools need no server, and are useful alone and better together:
//!
//! - [`Script`] is a manager whose every step is scripted: it succeeds, fails with an error of some class,
//!   is slow, never ends or panics. It counts what was made, tested, reset and closed. Use it wherever
//!   a test needs a pool that behaves badly on purpose.
//! - [`Sim`] is a seeded single-threaded executor with virtual time that a pool runs in through
//!   [`cenote::Env`]. A test of a 30 s timeout takes microseconds, and a failing seed fails every time.
//!
//! Two more come as features, for tests with real servers:
//!
//! - `servers`, the module `servers`: databases that a test starts, kills and forgets, on Unix.
//! - `proxy`, the module `proxy`: a network's faults between a pool and its server.
//!
//! For clusters there is a third: [`Net`], simulated servers with roles that crash, hang, slow down, fail fast, are cut
//! off and come back.
//!
//! On tokio, in real time:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use cenote::{Fault, Pool};
//! use cenote_testkit::{Script, Step};
//!
//! let script = Script::new();
//! script.connects([Step::Error(Fault::Permanent), Step::Ok]);
//!
//! let pool = Pool::builder(script.clone()).build().unwrap();
//! let error = pool.acquire().await.unwrap_err();
//! assert!(error.to_string().contains("permanent"), "{error}");
//! assert_eq!(script.counts().connect_failures, 1);
//! # }
//! ```
//!
//! In virtual time:
//!
//! ```
//! use cenote::{Error, Pool};
//! use cenote_testkit::{Script, Sim, Step};
//! use std::time::Duration;
//!
//! let sim = Sim::new(7);
//! let script = Script::with_env(sim.env());
//! script.connect_always(Step::Never);
//!
//! let pool = Pool::builder(script.clone()).env(sim.env()).build().unwrap();
//! let error = sim.run(async { pool.acquire().await.unwrap_err() });
//! assert!(matches!(error, Error::Timeout { .. }));
//! assert_eq!(sim.now().since(cenote::Time::ZERO), Duration::from_secs(30));
//! ```

#![forbid(unsafe_code)]

mod blocking;
mod counts;
mod gate;
mod manager;
mod net;
#[cfg(feature = "proxy")]
pub mod proxy;
mod script;
mod scripted;
#[cfg(all(feature = "servers", unix))]
pub mod servers;
mod sim;
mod step;

pub use counts::{Counts, Event, Logged};
pub use net::{Host, Net, Remote, Traffic, Wire};
pub use script::Script;
pub use scripted::{Scripted, ScriptedHandle};
pub use sim::{Handle, JoinError, JoinHandle, Settled, Sim, Sleeping, Usage};
pub use step::{Act, ScriptError, Step};
