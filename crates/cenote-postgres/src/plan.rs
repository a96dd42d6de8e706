//! What a `Postgres` was told: where to connect, as whom, how safely, and what becomes of used connections. Shared by
//! the manager and its connections.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;

use cenote::Settings;
use cenote_driver::AskCredentials;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::error::PostgresError;

/// How a connection is encrypted, in libpq's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SslMode {
    /// Never.
    Disable,
    /// If the server can; nothing is checked.
    #[default]
    Prefer,
    /// Always; nothing is checked, so whoever sits in between may read along. With a root certificate:
    /// as `VerifyCa`.
    Require,
    /// Always, and somebody who is trusted must have signed the server's certificate.
    VerifyCa,
    /// Always, and the certificate must be for the host's name too. The only mode that is safe on a foreign network.
    VerifyFull,
}

/// What is undone between two borrowers (P-16). Whatever a borrower abandoned is stopped and waited for in each case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// Nothing: a transaction that was left open is the next borrower's.
    None,
    /// A transaction that was left open is rolled back. The server says at the end of each answer whether one is, so
    /// it costs nothing where none is.
    #[default]
    Rollback,
    /// As `Rollback`, and everything that `DISCARD ALL` discards but the prepared statements of the driver: settings,
    /// role, temporary tables, locks, listens, cursors, plans, the state of sequences. One round trip after each use.
    DiscardAll,
}

/// What becomes of a connection whose borrower was cancelled in the middle of a request (P-16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCancel {
    /// The server is asked to stop the request; the connection is lent again when it has.
    #[default]
    Stop,
    /// The server is asked to stop the request, and the connection is closed.
    Close,
}

/// How safely to connect.
#[derive(Clone, Default)]
pub(crate) struct Security {
    pub(crate) mode: SslMode,
    pub(crate) root_cert: Option<PathBuf>,
    /// Our own certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

#[cfg(feature = "tls")]
impl Security {
    /// What is checked.
    pub(crate) fn checks(&self) -> SslMode {
        match self.mode {
            // As libpq has it: who names a root wants it to be looked at.
            SslMode::Require if self.root_cert.is_some() => SslMode::VerifyCa,
            mode => mode,
        }
    }
}

/// One host that may be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Host,
    /// Spares looking the host's name up.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Tcp(name) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Host::Tcp(name) => write!(f, "{name}:{}", self.port),
            #[cfg(unix)]
            Host::Unix(path) => write!(f, "{}:{}", path.display(), self.port),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Plan {
    /// All but where to connect and how safely.
    pub(crate) config: Config,
    /// Tried in this order; at least one.
    pub(crate) targets: Vec<Target>,
    pub(crate) security: Security,
    pub(crate) credentials: Option<AskCredentials>,
    pub(crate) reset: Reset,
    pub(crate) on_cancel: OnCancel,
    pub(crate) statement_cache: usize,
    /// What the URL says about the pool.
    pub(crate) pool: Settings,
    #[cfg(feature = "tls")]
    pub(crate) tls: Arc<OnceLock<Arc<rustls::ClientConfig>>>,
}

impl Plan {
    pub(crate) const PORT: u16 = 5432;

    pub(crate) fn new(config: Config) -> Result<Plan, PostgresError> {
        let targets = targets(&config)?;
        Ok(Plan {
            config,
            targets,
            security: Security::default(),
            credentials: None,
            reset: Reset::default(),
            on_cancel: OnCancel::default(),
            statement_cache: 64,
            pool: Settings::default(),
            #[cfg(feature = "tls")]
            tls: Arc::default(),
        })
    }

    /// Where, as errors say it: `host:port/database as user`.
    pub(crate) fn place(&self, target: &Target, user: Option<&str>) -> Arc<str> {
        let user = user.or(self.config.get_user());
        let database = self.config.get_dbname().or(user);
        // It stands in sentences, so it must not break a line or turn it around.
        let strange = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let plain = |text: &str| text.replace(strange, "\u{fffd}");
        let mut place = plain(&target.to_string());
        if let Some(database) = database {
            place = format!("{place}/{}", plain(database));
        }
        match user {
            Some(user) => format!("{place} as {}", plain(user)).into(),
            None => place.into(),
        }
    }
}

fn targets(config: &Config) -> Result<Vec<Target>, PostgresError> {
    let (hosts, addresses, ports) =
        (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        let host = Host::Tcp("localhost".to_owned());
        let port = ports.first().copied().unwrap_or(Plan::PORT);
        return Ok(vec![Target { host, address: None, port }]);
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(PostgresError::settings(format!(
            "there are {} hosts and {} values of hostaddr: give as many of each",
            hosts.len(),
            addresses.len()
        )));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(PostgresError::settings(format!(
            "there are {count} hosts and {} ports: give one port for all, or one for each",
            ports.len()
        )));
    }
    let mut targets = Vec::with_capacity(count);
    for at in 0..count {
        let address = addresses.get(at).copied();
        let host = match (hosts.get(at), address) {
            (Some(host), _) => host.clone(),
            (None, Some(address)) => Host::Tcp(address.to_string()),
            (None, None) => unreachable!("one of both lists is that long"),
        };
        if let Host::Tcp(name) = &host {
            must_be_a_name(name)?;
        }
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(Plan::PORT);
        targets.push(Target { host, address, port });
    }
    Ok(targets)
}

/// A host's name is shown in errors, so what may be the end of a password must not become one.
pub(crate) fn must_be_a_name(name: &str) -> Result<(), PostgresError> {
    let fits = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    Err(PostgresError::settings(
        "the host is empty or has a character that no host's name has: correct it, and write an @, /, ? or # in a password as %40, %2F, %3F or %23",
    ))
}
