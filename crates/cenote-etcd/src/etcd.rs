//! `Etcd`: which servers, who asks, and for how long one waits. A value to be built; nothing is opened before somebody
//! asks.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Node, Timeout};
use cenote_http::Http;

use crate::error::EtcdError;
use crate::register::Register;
use crate::source::EtcdSource;
use crate::url;

/// How long a server may take to answer, if nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where etcd is, and how it is asked.
///
/// ```
/// use cenote_etcd::Etcd;
/// use std::time::Duration;
///
/// let etcd = Etcd::new(["https://etcd-1:2379", "https://etcd-2:2379"])?
///     .user("shop", "secret")
///     .root_cert("/etc/shop/ca.pem")
///     .answer_timeout(Duration::from_secs(1));
/// assert!(!format!("{etcd:?}").contains("secret"));
/// # Ok::<(), cenote_etcd::EtcdError>(())
/// ```
#[derive(Clone)]
pub struct Etcd {
    plan: Arc<Plan>,
}

/// All that is known before anybody asks.
#[derive(Clone)]
pub(crate) struct Plan {
    /// One at least.
    pub(crate) servers: Vec<Http>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) patience: Duration,
}

impl Etcd {
    /// These servers of one etcd, each `http://host:port` or `https://host:port`. They are asked in this order until one
    /// answers; that one is asked from then on.
    ///
    /// # Errors
    /// [`EtcdError::Settings`] if there is none, or one is no such URL. It repeats nothing that may be a password.
    pub fn new<S: AsRef<str>>(servers: impl IntoIterator<Item = S>) -> Result<Etcd, EtcdError> {
        let servers = servers.into_iter().map(|server| one(server.as_ref()));
        let servers = servers.collect::<Result<Vec<Http>, EtcdError>>()?;
        if servers.is_empty() {
            return Err(EtcdError::settings("etcd has no server: give the URL of one at least"));
        }
        Ok(Etcd { plan: Arc::new(Plan { servers, login: None, patience: PATIENCE }) })
    }

    /// The same from one text: `https://user:password@host:port,host:port?root_cert=ca.pem`. User, password and all that
    /// stands behind the `?` may be left out: `root_cert`, `cert` and `key`, which are files as in
    /// [`root_cert`](Etcd::root_cert) and [`identity`](Etcd::identity).
    ///
    /// # Errors
    /// [`EtcdError::Settings`] if it is no such text. It repeats nothing that may be a password.
    ///
    /// ```
    /// use cenote_etcd::Etcd;
    ///
    /// let etcd = Etcd::from_url("http://shop:secret@10.0.0.1:2379,10.0.0.2:2379")?;
    /// let error = Etcd::from_url("etcd://shop:secret@10.0.0.1").unwrap_err();
    /// assert_eq!(error.to_string(), "the URL of etcd begins with its scheme: write http://HOST:2379 or https://HOST:2379");
    /// # Ok::<(), cenote_etcd::EtcdError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Etcd, EtcdError> {
        match url::read(url)? {
            (etcd, path) if path.trim_matches('/').is_empty() => Ok(etcd),
            _ => Err(EtcdError::settings(
                "the URL of etcd has a path, which says nothing here: leave it out, and give the prefix where it is asked for",
            )),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Etcd {
        change(Arc::make_mut(&mut self.plan));
        self
    }

    fn with_servers(self, change: impl Fn(Http) -> Http) -> Etcd {
        self.with(|plan| {
            plan.servers = std::mem::take(&mut plan.servers).into_iter().map(change).collect()
        })
    }

    /// Who asks. The token that etcd gives for it is asked for when it is needed, and again when it is refused.
    #[must_use]
    pub fn user(self, user: impl Into<String>, password: impl Into<String>) -> Etcd {
        self.with(|plan| plan.login = Some((user.into(), password.into())))
    }

    /// How long a server may take to connect and to answer before the next is asked, at least 10 ms. Default: 3 s.
    #[must_use]
    pub fn answer_timeout(self, patience: Duration) -> Etcd {
        self.with(|plan| plan.patience = patience.max(Duration::from_millis(10)))
    }

    /// A file with the certificates, in PEM form, of those who may have signed the servers'. Default: those that the
    /// system trusts.
    #[must_use]
    pub fn root_cert(self, path: impl Into<PathBuf>) -> Etcd {
        let path = path.into();
        self.with_servers(|server| server.root_cert(path.clone()))
    }

    /// Our own certificate and its private key, both in PEM form. The gateway lets a certificate in, and does not take its
    /// name for a user: where etcd wants to know who asks, give [`user`](Etcd::user) too.
    #[must_use]
    pub fn identity(self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Etcd {
        let (cert, key) = (cert.into(), key.into());
        self.with_servers(|server| server.identity(cert.clone(), key.clone()))
    }

    /// The nodes below this prefix, as a source for a cluster. End it with a slash: `/shop/node` has `/shop/nodes-old/a`
    /// below it too.
    pub fn nodes(&self, prefix: impl Into<String>) -> EtcdSource {
        EtcdSource::new(Arc::clone(&self.plan), prefix.into())
    }

    /// To put this node below this prefix, under its key. Nothing happens before
    /// [`keep_alive`](Register::keep_alive) or [`keep_trying`](Register::keep_trying).
    ///
    /// Its address can be read by all who may read the prefix, with what password it has in it.
    pub fn register(&self, prefix: impl AsRef<str>, node: &Node) -> Register {
        Register::new(Arc::clone(&self.plan), prefix.as_ref(), node)
    }
}

fn one(url: &str) -> Result<Http, EtcdError> {
    if url.contains(['@', '?', '#']) {
        return Err(EtcdError::settings(
            "the URL of an etcd server is http://HOST:PORT and nothing more: give user and password by user(), files by root_cert() and identity()",
        ));
    }
    let http = Http::from_url(url).map_err(|error| {
        EtcdError::settings(format!("one of etcd's servers cannot be used: {error}"))
    })?;
    // How long anything may take is seen to here, for the whole of an answer.
    Ok(http.answer_timeout(Timeout::Never))
}

/// Without password and files.
impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<String> = self.plan.servers.iter().map(Http::place).collect();
        f.debug_struct("Etcd").field("servers", &servers).finish_non_exhaustive()
    }
}
