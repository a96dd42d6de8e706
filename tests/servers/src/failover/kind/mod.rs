//! The kinds of servers that a cluster is put over. Each says how its servers are started, killed, promoted and asked; the
//! rest, from the load to the figures, knows none of them. A further one is one file here, and its name in [`Which`].

mod mariadb;
mod postgres;
mod redis;

use cenote::{Manager, Node, Probe};
use cenote_testkit::servers::ServerError;
use clap::ValueEnum;

pub(crate) use self::mariadb::Mariadb;
pub(crate) use self::postgres::Postgres;
pub(crate) use self::redis::Redis;
use crate::figure::Measured;
use crate::{Case, Trouble};

/// What the servers know the cluster's connections by.
pub(crate) const NAME: &str = "failover";

/// The kinds, by the names of their options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    Postgres,
    Mariadb,
    Redis,
}

impl Which {
    pub(crate) const ALL: [Which; 3] = [Which::Postgres, Which::Mariadb, Which::Redis];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Which::Postgres => "postgres",
            Which::Mariadb => "mariadb",
            Which::Redis => "redis",
        }
    }

    pub(crate) async fn run(self, case: Case, events: bool) -> Result<Vec<Measured>, Trouble> {
        match self {
            Which::Postgres => case.run::<Postgres>(events).await,
            Which::Mariadb => case.run::<Mariadb>(events).await,
            Which::Redis => case.run::<Redis>(events).await,
        }
    }
}

pub(crate) type ErrorOf<K> = <<K as Kind>::Manager as Manager>::Error;
pub(crate) type ConnectionOf<K> = <<K as Kind>::Manager as Manager>::Connection;

/// What is looked for past the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It takes writes.
    Promoted,
    /// It is 10 s behind.
    FarBehind,
}

/// A kind of server. What is asked of a server itself blocks the thread.
pub(crate) trait Kind: Sized + Send + Sync + 'static {
    type Manager: Probe;
    type Server: Send + Sync + 'static;

    /// Whether its servers count how often the primary has changed, so that one that comes back is known for what it is.
    const EPOCHS: bool;

    /// What connects to a node, as [`NAME`].
    fn manager(node: &Node) -> Result<Self::Manager, ErrorOf<Self>>;

    /// A primary and two that follow it, with a place to write to.
    fn start() -> Result<[Self::Server; 3], ServerError>;

    fn url(server: &Self::Server) -> String;

    fn kill(server: &Self::Server);

    /// As what it was.
    fn start_again(server: &Self::Server) -> Result<(), ServerError>;

    fn promote(server: &Self::Server) -> Result<(), ServerError>;

    fn follow(server: &Self::Server, primary: &Self::Server) -> Result<(), ServerError>;

    /// From now on it falls behind its primary.
    fn hold_back(server: &Self::Server) -> Result<(), ServerError>;

    /// It may catch up.
    fn let_go(server: &Self::Server) -> Result<(), ServerError>;

    /// Writes something that no request writes.
    fn write_past(server: &Self::Server) -> Result<(), ServerError>;

    /// How many requests from this number on have written here.
    fn written_since(server: &Self::Server, number: i64) -> Result<usize, ServerError>;

    /// The cluster's connections by the server's own list: each by what no other ever is called.
    fn sessions(server: &Self::Server) -> Result<Vec<String>, ServerError>;

    fn write(
        conn: &mut ConnectionOf<Self>,
        number: i64,
    ) -> impl Future<Output = Result<(), ErrorOf<Self>>> + Send;

    /// Takes 20 ms, so that some are under way when a server dies.
    fn read(
        conn: &mut ConnectionOf<Self>,
    ) -> impl Future<Output = Result<(), ErrorOf<Self>>> + Send;

    fn shows(
        conn: &mut ConnectionOf<Self>,
        sign: Sign,
    ) -> impl Future<Output = Result<bool, ErrorOf<Self>>> + Send;
}
