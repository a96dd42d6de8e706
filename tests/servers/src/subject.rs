//! A private server with its driver, as the worlds see it.

use std::net::SocketAddr;

use cenote::{Builder, Manager};

/// A connection of the subject's driver.
pub type Connection<S> = <<S as Subject>::Manager as Manager>::Connection;
/// An error of the subject's driver.
pub type Failure<S> = <<S as Subject>::Manager as Manager>::Error;

/// A private server that only one test uses, and the driver for it.
pub trait Subject: Send + Sync + 'static {
    /// The driver.
    type Manager: Manager;

    /// Where the server listens.
    fn address(&self) -> SocketAddr;

    /// The pool under test, by this address: the server's, or a proxy's. It has the driver and what that needs; the worlds
    /// decide upon sizes and limits.
    fn pool(&self, address: SocketAddr) -> Builder<Self::Manager>;

    /// A driver for somebody who only looks, directly. The count does not count its connections.
    fn watcher(&self) -> Self::Manager;

    /// How many connections the pool under test has, by the server's own count, asked over a watcher's.
    fn count(&self, watcher: &mut Connection<Self>) -> impl Future<Output = usize> + Send;
}
