//! The contract that a driver without futures fulfils: the same as [`cenote::Manager`](crate::Manager), in plain
//! functions. Only [`connect`](Manager::connect) and [`classify`](Manager::classify) must be written.

use crate::config::Options;
use crate::manager::{Ended, Fate, Fault};

/// Makes, tests, resets and closes connections by calls that block.
///
/// `connect`, `check`, `reset` and `close` run on threads of the pool's own, never on a borrower's. An error
/// or a panic in one costs at most that one connection (P-15, P-23). A call that blocks cannot be cut short:
/// while it is stuck its connection keeps its slot, and only the callers' waits end, at their deadlines.
/// So give the driver timeouts of its own, for connecting above all.
///
/// ```
/// use cenote::{Fault, blocking};
/// use std::io;
/// use std::net::TcpStream;
/// use std::time::Duration;
///
/// /// Connections to one server.
/// struct Server(std::net::SocketAddr);
///
/// impl blocking::Manager for Server {
///     type Connection = TcpStream;
///     type Error = io::Error;
///
///     fn connect(&self) -> io::Result<TcpStream> {
///         let stream = TcpStream::connect_timeout(&self.0, Duration::from_secs(5))?;
///         stream.set_read_timeout(Some(Duration::from_secs(10)))?;
///         Ok(stream)
///     }
///
///     fn classify(&self, error: &io::Error) -> Fault {
///         match error.kind() {
///             io::ErrorKind::ConnectionRefused => Fault::Host,
///             _ => Fault::Connection,
///         }
///     }
/// }
/// ```
pub trait Manager: Send + Sync + 'static {
    /// What is pooled.
    type Connection: Send + 'static;
    /// The driver's error.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Makes a connection.
    fn connect(&self) -> Result<Self::Connection, Self::Error>;

    /// Tests a connection by its cheapest round trip. Default: it is well.
    fn check(&self, conn: &mut Self::Connection) -> Result<(), Self::Error> {
        let _ = conn;
        Ok(())
    }

    /// Brings a used connection back to a clean state; runs when [`released`](Manager::released) asks for
    /// it, before anybody else gets the connection (P-16). Default: nothing.
    fn reset(&self, conn: &mut Self::Connection) -> Result<(), Self::Error> {
        let _ = conn;
        Ok(())
    }

    /// Says goodbye. Default: drops the connection.
    fn close(&self, conn: Self::Connection) -> Result<(), Self::Error> {
        drop(conn);
        Ok(())
    }

    /// Whether the driver knows already that the connection is dead. Must not do I/O or block: it is asked
    /// on the borrowers' threads, at every release and every lending. Default: false.
    fn is_closed(&self, conn: &Self::Connection) -> bool {
        let _ = conn;
        false
    }

    /// What is to become of a connection whose borrower has finished (P-8). Must not block.
    ///
    /// Default: keep it after a return or a [`Fault::Query`], close it after the rest.
    fn released(&self, conn: &mut Self::Connection, how: Ended) -> Fate {
        let _ = conn;
        how.usual_fate()
    }

    /// What an error means for the connection, the host and the callers (P-14).
    fn classify(&self, error: &Self::Error) -> Fault;

    /// The driver's own defaults; the builder's calls come after them. Default: the pool's.
    fn defaults(&self, options: Options) -> Options {
        options
    }
}

/// A blocking manager of connections that carry several requests at once: what
/// [`Pool::share`](super::Pool::share) needs (P-32).
pub trait Share: Manager<Connection: Sync> {
    /// What a sharer gets: usually a clone of the driver's client.
    type Handle: Send + 'static;

    /// Makes a handle. Runs on the sharers' threads, for several at a time; must not block.
    fn handle(&self, conn: &Self::Connection) -> Self::Handle;
}
