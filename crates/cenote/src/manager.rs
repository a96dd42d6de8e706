//! The contract that a driver fulfils: how to make, test, reset and close a connection, and what an
//! error means. Only [`connect`](Manager::connect) and [`classify`](Manager::classify) must be written;
//! every other step has a default that does nothing.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::config::Options;

/// Makes, tests, resets and closes the connections of one pool.
///
/// A connection may be any expensive resource. `connect`, `check`, `reset` and `close` run in tasks of
/// the pool's own, each under its timeout; an error, a timeout or a panic in one of them costs at most
/// that one connection (P-15, P-23). They may be dropped at any await.
///
/// ```
/// use cenote::{Fault, Manager};
/// use std::convert::Infallible;
///
/// /// Buffers are expensive; let us reuse them.
/// struct Buffers;
///
/// impl Manager for Buffers {
///     type Connection = Vec<u8>;
///     type Error = Infallible;
///
///     async fn connect(&self) -> Result<Vec<u8>, Infallible> {
///         Ok(Vec::with_capacity(1 << 20))
///     }
///
///     fn classify(&self, error: &Infallible) -> Fault {
///         match *error {}
///     }
/// }
/// ```
pub trait Manager: Send + Sync + 'static {
    /// What is pooled.
    type Connection: Send + 'static;
    /// The driver's error.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Makes a connection. Runs under `connect_timeout`, never on a caller's path (P-12).
    ///
    /// It is called for every new connection, so whatever changes between two connects is the manager's to
    /// fetch here: a rotated password, a token that expires, a host name that moved. The pool keeps none.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Tests a connection by its cheapest round trip. Runs under `test_timeout`. Default: it is well.
    fn check(
        &self,
        conn: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = conn;
        async { Ok(()) }
    }

    /// Brings a used connection back to a clean state; runs when [`released`](Manager::released) asks
    /// for it, under `reset_timeout`, before anybody else gets the connection (P-16). Default: nothing.
    fn reset(
        &self,
        conn: &mut Self::Connection,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = conn;
        async { Ok(()) }
    }

    /// Says goodbye. Runs under `close_timeout`, never on a borrower's path (P-20). Default: drops it.
    fn close(
        &self,
        conn: Self::Connection,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        drop(conn);
        async { Ok(()) }
    }

    /// Whether the driver knows already that the connection is dead. Must not do I/O or block: it is
    /// asked at every release, at every lending and once per `upkeep_interval`. Default: false.
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

    /// A flag that the driver keeps: true while the connection idles in an open transaction, that is, while
    /// no request of it runs. Asked once, when the connection was made. With it
    /// [`Status::idle_in_transaction`](crate::Status::idle_in_transaction) counts such borrowers, and the
    /// leak report and [`Holder`](crate::Holder) name them (P-30). Default: the driver does not know.
    fn in_transaction(&self, conn: &Self::Connection) -> Option<Arc<AtomicBool>> {
        let _ = conn;
        None
    }

    /// What an error means for the connection, the host and the callers (P-14).
    fn classify(&self, error: &Self::Error) -> Fault;

    /// The driver's own defaults; the builder's calls come after them. A driver with URLs lays the pool's
    /// parameters over them, see [`Settings::from_url`](crate::Settings::from_url). Default: the pool's.
    fn defaults(&self, options: Options) -> Options {
        options
    }
}

/// A manager whose connections can carry several requests at once: PostgreSQL pipelining, HTTP/2, Redis
/// multiplexing. [`Pool::share`](crate::Pool::share) lends them to several borrowers (P-32).
///
/// Only for requests that need no session state: sharers see each other's `SET`, and a transaction of one
/// would swallow the others' statements.
///
/// ```
/// use cenote::{Fault, Manager, Share};
/// use std::convert::Infallible;
/// use std::sync::mpsc::{Sender, channel};
///
/// /// Connections that take requests from anybody who has a sender.
/// struct Queues;
///
/// impl Manager for Queues {
///     type Connection = Sender<String>;
///     type Error = Infallible;
///
///     async fn connect(&self) -> Result<Sender<String>, Infallible> {
///         Ok(channel().0)
///     }
///
///     fn classify(&self, error: &Infallible) -> Fault {
///         match *error {}
///     }
/// }
///
/// impl Share for Queues {
///     type Handle = Sender<String>;
///
///     fn handle(&self, conn: &Sender<String>) -> Sender<String> {
///         conn.clone()
///     }
/// }
/// ```
pub trait Share: Manager<Connection: Sync> {
    /// What a sharer gets: usually a clone of the driver's client.
    type Handle: Send + 'static;

    /// Makes a handle. Runs outside the pool's lock, for several sharers at a time; must not block. A panic
    /// in it gives the share back and goes on in the caller.
    fn handle(&self, conn: &Self::Connection) -> Self::Handle;
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The request was wrong; the connection is well.
    Query,
    /// Something took too long.
    Timeout,
    /// This connection is broken; others may work.
    Connection,
    /// The host is down or restarted: connections made before are suspect, and the pool's
    /// generation is bumped (P-18).
    Host,
    /// The server is not what it was taken for: a primary that became read-only.
    Role,
    /// The server has too many clients: a signal about size, not about health.
    Overload,
    /// Trying again makes no sense: wrong password, unknown database.
    Permanent,
}

impl Fault {
    /// The class in lower case, as logs and metrics show it.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Query => "query",
            Fault::Timeout => "timeout",
            Fault::Connection => "connection",
            Fault::Host => "host",
            Fault::Role => "role",
            Fault::Overload => "overload",
            Fault::Permanent => "permanent",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a borrower's use of a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The guard was dropped, or the closure of `with` returned a value.
    Returned,
    /// The future of `with` was dropped while its closure ran: something may be half done.
    Cancelled,
    /// The guard was dropped by a panic.
    Panicked,
    /// The borrower called [`Pooled::taint`](crate::Pooled::taint).
    Tainted,
    /// The closure of `with` returned an error of this class.
    Failed(Fault),
}

impl Ended {
    /// What becomes of a connection whose manager has no opinion.
    pub(crate) fn usual_fate(self) -> Fate {
        match self {
            Ended::Returned | Ended::Failed(Fault::Query) => Fate::Keep,
            Ended::Cancelled | Ended::Panicked | Ended::Tainted | Ended::Failed(_) => Fate::Close,
        }
    }
}

/// What becomes of a connection after its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It may be lent again as it is.
    Keep,
    /// It may be lent again after [`Manager::reset`].
    Reset,
    /// It is closed.
    Close,
}
