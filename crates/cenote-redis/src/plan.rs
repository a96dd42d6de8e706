//! What a `Redis` was told: where to connect, as whom, how safely, and what becomes of used connections. Shared by the
//! manager and its connections.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;

use cenote::Settings;
use cenote_driver::AskCredentials;

use crate::error::RedisError;

/// What is undone between two borrowers (P-16). Whatever a borrower abandoned is waited for in each case, and what blocks
/// ends with its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// Nothing: a transaction that was left open, watched keys and another database are the next borrower's.
    None,
    /// A transaction that was left open is discarded, watched keys are watched no more, and the database is chosen that
    /// was chosen first. Each command is looked at, so it costs nothing where nothing of this was left. A connection that
    /// logged in as somebody else, got another name or protocol, tracks keys or reads from a replica of a cluster
    /// is closed.
    #[default]
    Undo,
    /// The server's own `RESET`, from Redis 6.2 on, and a new login: everything a session can have. One round trip after
    /// each use. Older servers refuse it, and the connection is closed.
    Full,
}

/// How safely to connect.
#[derive(Clone, Default)]
pub(crate) struct Security {
    pub(crate) tls: bool,
    /// Encrypt and look at nothing.
    pub(crate) skip_verify: bool,
    pub(crate) ca_cert: Option<PathBuf>,
    /// Our own certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Tcp { host: String, port: u16 },
    Unix { path: PathBuf },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Target::Tcp { host, port } => write!(f, "{host}:{port}"),
            Target::Unix { path } => path.display().fmt(f),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: u32,
    pub(crate) client_name: Option<String>,
    pub(crate) security: Security,
    pub(crate) credentials: Option<AskCredentials>,
    pub(crate) reset: Reset,
    /// What the URL says about the pool.
    pub(crate) pool: Settings,
    #[cfg(feature = "tls")]
    pub(crate) tls: Arc<OnceLock<Arc<rustls::ClientConfig>>>,
}

impl Plan {
    pub(crate) const PORT: u16 = 6379;

    pub(crate) fn new(target: Target) -> Plan {
        Plan {
            target,
            user: None,
            password: None,
            database: 0,
            client_name: None,
            security: Security::default(),
            credentials: None,
            reset: Reset::default(),
            pool: Settings::default(),
            #[cfg(feature = "tls")]
            tls: Arc::default(),
        }
    }

    /// Where, as errors say it: `host:port/database as user`.
    pub(crate) fn place(&self, user: Option<&str>) -> Arc<str> {
        // It stands in sentences, so it must not break a line or turn it around.
        let strange = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let plain = |text: &str| text.replace(strange, "\u{fffd}");
        let mut place = format!("{}/{}", plain(&self.target.to_string()), self.database);
        if let Some(user) = user.or(self.user.as_deref()) {
            place = format!("{place} as {}", plain(user));
        }
        place.into()
    }
}

/// A host's name is shown in errors, so what may be the end of a password must not become one.
pub(crate) fn must_be_a_name(name: &str) -> Result<(), RedisError> {
    let fits = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    Err(RedisError::settings(
        "the host is empty or has a character that no host's name has: correct it, and write an @, /, ? or # in a password as %40, %2F, %3F or %23",
    ))
}
