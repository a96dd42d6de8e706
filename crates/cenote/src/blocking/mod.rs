//! The pool for threads, and blocking drivers for both worlds (P-25).
//!
//! [`Pool`] is the same pool without futures and without a runtime: the same order, deadlines, tests and
//! reports, for threads. A caller that must wait sleeps on its own thread until its turn or its deadline.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use cenote_testkit::Script;
//! use cenote::blocking::Pool;
//! use std::time::Duration;
//!
//! # let manager = Script::new(); // scripted; a real one is cenote_sqlite::Sqlite
//! let pool = Pool::builder(manager).name("orders").max_size(8).build()?;
//!
//! let conn = pool.acquire()?; // a guard; dropping it gives the connection back
//! let urgent = pool.request().priority(0).timeout(Duration::from_millis(50)).acquire()?;
//! drop((conn, urgent));
//!
//! let serial = pool.with(|conn| Ok(conn.serial()))?; // acquire, run, release
//! assert_eq!(serial, 2);
//!
//! println!("{}", pool.status());
//! pool.close(Duration::from_secs(5));
//! # Ok(()) }
//! ```
//!
//! A driver for it implements [`Manager`]. The same driver serves the async pool through [`Offload`], which runs
//! its calls on threads of its own.
//!
//! # Threads
//! A pool has one thread that sleeps, for its upkeep, and starts others when there is something to connect,
//! test, reset or close; they are reused and end after some seconds without work. Each kind of work has its own, so
//! that connects that are stuck hold up no test: 64 at most for connects (`max_connecting` is 16 unless you say
//! otherwise), 32 for tests and resets, 8 for closes. What comes beyond that waits its turn. All of them end soon
//! after the pool, and none keeps the process alive.

mod builder;
mod direct;
mod hooks;
mod manager;
mod offload;
pub(crate) mod oneshot;
mod pool;
mod request;
pub(crate) mod seat;

pub use builder::Builder;
pub use direct::Direct;
pub use manager::{Manager, Share};
pub use offload::{Offload, Offloaded};
pub use pool::{Pool, WeakPool};
pub use request::Request;

/// A borrowed connection: the same guard as the async pool's.
pub type Pooled<B> = crate::Pooled<Direct<B>>;

/// A share of a connection: the same as the async pool's.
pub type Shared<B> = crate::Shared<Direct<B>>;
