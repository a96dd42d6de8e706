//! A proxy that misbehaves, in the test's own process: between a client and a real server, with a network's faults.
//!
//! Each fault is a [`Toxic`], by the names that users of toxiproxy know. It is added to one [`Direction`] of the traffic,
//! works on connections that are there and on new ones, and can be removed while they run:
//!
//! ```
//! use std::time::Duration;
//! use cenote_testkit::proxy::{Direction, Proxy, Toxic};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let server_address = server.local_addr()?;
//! # tokio::spawn(async move {
//! #     while let Ok((mut conn, _)) = server.accept().await {
//! #         tokio::spawn(async move { let (mut read, mut write) = conn.split(); tokio::io::copy(&mut read, &mut write).await });
//! #     }
//! # });
//! let proxy = Proxy::start(server_address).await?;          // clients use proxy.address() instead
//! # let mut client = tokio::net::TcpStream::connect(proxy.address()).await?;
//! # client.write_all(b"x").await?;
//! # client.read_u8().await?;
//!
//! let slow = proxy.add(Direction::Downstream, Toxic::Latency {
//!     latency: Duration::from_millis(80),
//!     jitter: Duration::from_millis(20),
//! });
//! proxy.remove(slow);
//!
//! proxy.add(Direction::Upstream, Toxic::Timeout { after: None }); // a black hole
//! proxy.clear();                                            // what lost bytes is closed
//!
//! proxy.down().await?;                                      // refused, until…
//! proxy.up()?;
//! assert_eq!((proxy.stats().open, proxy.stats().cut), (0, 1));
//! # Ok(()) }
//! ```
//!
//! [`Proxy::misbehave`] does all of it at random. It listens on 127.0.0.1 only. What it draws by lot, jitter and which connections a toxic spares, comes from a
//! [seed](Proxy::seeded) and the number of the connection. Dropping the proxy ends all of its connections.

mod connection;
mod dice;
mod handle;
mod line;
mod mischief;
mod pump;
mod stats;
mod toxic;
mod toxics;

pub use handle::Proxy;
pub use stats::Stats;
pub use toxic::{Direction, Toxic, ToxicId};
