//! What a `Mysql` was told: where to connect, as whom, how safely, and what becomes of used connections. Shared by the
//! manager and its connections.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cenote::Settings;
use cenote_driver::AskCredentials;

use crate::error::MysqlError;

/// How a connection is encrypted, in the words of MySQL's own clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SslMode {
    /// Never.
    Disabled,
    /// If the server can; nothing is checked.
    #[default]
    Preferred,
    /// Always; nothing is checked, so whoever sits in between may read along.
    Required,
    /// Always, and somebody who is trusted must have signed the server's certificate.
    VerifyCa,
    /// Always, and the certificate must be for the host's name too. The only mode that is safe on a foreign network.
    VerifyIdentity,
}

/// What is undone between two borrowers (P-16). A connection on which somebody abandoned a request is closed in each
/// case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// Nothing: a transaction that was left open is the next borrower's.
    None,
    /// A transaction that was left open is rolled back. The server says at the end of each answer whether one is, so it
    /// costs nothing where none is. After a request that failed, which tells nothing, it costs a round trip.
    #[default]
    Rollback,
    /// As the protocol's `COM_RESET_CONNECTION`: also temporary tables, table and user locks, variables of the session and
    /// of the user, prepared statements; and the database that somebody went to. A round trip after each use, one more for
    /// the database, and one for what [`setting`](crate::Mysql::setting) says.
    Full,
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Target::Tcp { host, port } => write!(f, "{host}:{port}"),
            Target::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) credentials: Option<AskCredentials>,
    pub(crate) ssl_mode: SslMode,
    pub(crate) ssl_ca: Option<PathBuf>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) reset: Reset,
    pub(crate) statement_cache: usize,
    pub(crate) keepalive: Option<Duration>,
    /// What the URL says about the pool.
    pub(crate) pool: Settings,
    pub(crate) learned: Arc<Learned>,
}

/// What connections have found out about the server.
#[derive(Default)]
pub(crate) struct Learned {
    /// It speaks no TLS: [`SslMode::Preferred`] need not try.
    pub(crate) plain: AtomicBool,
    /// A replica has all that its primary had at this moment.
    pub(crate) fresh: Mutex<Option<Instant>>,
}

impl Plan {
    pub(crate) const PORT: u16 = 3306;

    pub(crate) fn new(target: Target) -> Plan {
        Plan {
            target,
            user: None,
            password: None,
            database: None,
            credentials: None,
            ssl_mode: SslMode::default(),
            ssl_ca: None,
            settings: Vec::new(),
            reset: Reset::default(),
            statement_cache: 64,
            keepalive: Some(Duration::from_secs(60)),
            pool: Settings::default(),
            learned: Arc::default(),
        }
    }

    /// Where, as errors say it: `host:port/database as user`.
    pub(crate) fn place(&self, user: Option<&str>) -> Arc<str> {
        // It stands in sentences, so it must not break a line or turn it around.
        let strange = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let plain = |text: &str| text.replace(strange, "\u{fffd}");
        let mut place = plain(&self.target.to_string());
        if let Some(database) = &self.database {
            place = format!("{place}/{}", plain(database));
        }
        match user.or(self.user.as_deref()) {
            Some(user) => format!("{place} as {}", plain(user)).into(),
            None => place.into(),
        }
    }
}

/// A host's name is shown in errors, so what may be the end of a password must not become one.
pub(crate) fn must_be_a_name(name: &str) -> Result<(), MysqlError> {
    let fits = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    Err(MysqlError::settings(
        "the host is empty or has a character that no host's name has: correct it, and write an @, /, ? or # in a password as %40, %2F, %3F or %23",
    ))
}
