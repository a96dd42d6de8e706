//! All that is known of the service before anybody connects to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Settings, Timeout};
use hyper::HeaderMap;

/// How much of an answer that nobody reads is read nevertheless, so that its connection can be lent again.
pub(crate) const DRAIN: usize = 64 * 1024;

/// How long the head of an answer may take when nobody says otherwise.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Plan {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As requests name the service: host, and port unless it is the scheme's.
    pub(crate) authority: String,
    pub(crate) encrypted: bool,
    /// What the path of every request begins with; without a slash at its end.
    pub(crate) base: String,
    /// What every request carries unless it has its own.
    pub(crate) headers: HeaderMap,
    /// The path that a test asks for.
    pub(crate) health: Option<String>,
    pub(crate) answer_timeout: Timeout,
    pub(crate) drain: usize,
    pub(crate) ping: Option<Duration>,
    pub(crate) root_cert: Option<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) pool: Settings,
    /// Made at the first connect.
    #[cfg(feature = "tls")]
    pub(crate) tls: Arc<std::sync::OnceLock<Arc<rustls::ClientConfig>>>,
}

impl Plan {
    pub(crate) fn new(host: String, port: Option<u16>, encrypted: bool) -> Plan {
        let usual = if encrypted { 443 } else { 80 };
        let named = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let authority = match port {
            Some(port) if port != usual => format!("{named}:{port}"),
            _ => named,
        };
        Plan {
            host,
            port: port.unwrap_or(usual),
            authority,
            encrypted,
            base: String::new(),
            headers: HeaderMap::new(),
            health: None,
            answer_timeout: Timeout::After(ANSWER),
            drain: DRAIN,
            ping: None,
            root_cert: None,
            identity: None,
            pool: Settings::default(),
            #[cfg(feature = "tls")]
            tls: Arc::default(),
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.encrypted { "https" } else { "http" }
    }

    /// As errors name the service. Nothing in it is secret.
    pub(crate) fn place(&self) -> Arc<str> {
        let colons = self.host.contains(':');
        let (open, close) = if colons { ("[", "]") } else { ("", "") };
        format!("{}://{open}{}{close}:{}", self.scheme(), self.host, self.port).into()
    }
}
