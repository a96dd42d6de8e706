//! `Redis`: which server, as whom, and how its connections are treated. A value to be built and handed to a pool; nothing
//! is opened before the pool connects.

use cenote_driver::Credentials;
use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::RedisError;
use crate::plan::{Plan, Reset, Target, must_be_a_name};

/// Makes connections to a Redis server.
///
/// ```
/// use cenote_redis::{Redis, Reset};
///
/// let redis = Redis::host("cache.internal")?
///     .user("shop")
///     .password("secret")
///     .database(2)
///     .tls(true)
///     .reset(Reset::Full);
/// // Or the same as a URL; options of the pool ride along.
/// let redis = Redis::from_url("rediss://shop:secret@cache.internal/2?pool_max_size=20")?;
/// # Ok::<(), cenote_redis::RedisError>(())
/// ```
#[derive(Clone)]
pub struct Redis {
    pub(crate) plan: Arc<Plan>,
}

impl Redis {
    /// The server on this host, port 6379. On Unix a path is that of its socket.
    ///
    /// # Errors
    /// [`RedisError::Settings`] if that can be no host.
    pub fn host(host: impl Into<String>) -> Result<Redis, RedisError> {
        let host = host.into();
        if cfg!(unix) && host.starts_with('/') {
            return Ok(Redis::of(Plan::new(Target::Unix { path: host.into() })));
        }
        must_be_a_name(&host)?;
        Ok(Redis::of(Plan::new(Target::Tcp { host, port: Plan::PORT })))
    }

    pub(crate) fn of(plan: Plan) -> Redis {
        Redis { plan: Arc::new(plan) }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Plan)) -> Redis {
        let plan = Arc::make_mut(&mut self.plan);
        change(plan);
        // Made from what was told before.
        #[cfg(feature = "tls")]
        {
            plan.tls = Arc::default();
        }
        self
    }

    /// The port. Default: 6379. A socket on the disk has none.
    #[must_use]
    pub fn port(self, number: u16) -> Redis {
        self.with(|plan| {
            if let Target::Tcp { port, .. } = &mut plan.target {
                *port = number;
            }
        })
    }

    /// Who logs in. Default: the user `default`.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Redis {
        self.with(|plan| plan.user = Some(user.into()))
    }

    /// The password. Default: none, and nobody logs in. For one that changes, see [`credentials`](Redis::credentials).
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Redis {
        self.with(|plan| plan.password = Some(password.into()))
    }

    /// The database that every connection begins with. Default: 0.
    #[must_use]
    pub fn database(self, database: u32) -> Redis {
        self.with(|plan| plan.database = database)
    }

    /// What the server's list of clients calls us. It must have no blanks. Default: nothing.
    #[must_use]
    pub fn client_name(self, name: impl Into<String>) -> Redis {
        self.with(|plan| plan.client_name = Some(name.into()))
    }

    /// Whether connections are encrypted, with a certificate that somebody who is trusted has signed for the host's name.
    /// Default: no. A socket on the disk is never encrypted.
    #[must_use]
    pub fn tls(self, tls: bool) -> Redis {
        self.with(|plan| plan.security.tls = tls)
    }

    /// Does not look at the server's certificate, so whoever sits in between may read along. Default: it does.
    #[must_use]
    pub fn tls_skip_verify(self, skip: bool) -> Redis {
        self.with(|plan| plan.security.skip_verify = skip)
    }

    /// A file with the certificates, in PEM form, of those who may have signed the server's. It is read once, at the
    /// first connect. Default: those that the system trusts.
    #[must_use]
    pub fn tls_ca_cert(self, path: impl Into<PathBuf>) -> Redis {
        self.with(|plan| plan.security.ca_cert = Some(path.into()))
    }

    /// Our own certificate and its private key, both in PEM form. They are read once, at the first connect.
    #[must_use]
    pub fn tls_identity(self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Redis {
        self.with(|plan| plan.security.identity = Some((cert.into(), key.into())))
    }

    /// Asks for user and password at every connect, for passwords that rotate and tokens that expire. An error is a
    /// failed connect, which the pool tries again.
    ///
    /// ```
    /// # use cenote_redis::{Credentials, Redis};
    /// let redis = Redis::host("cache.internal")?.user("shop").credentials(async || {
    ///     tokio::fs::read_to_string("/run/secrets/cache").await.map(|text| Credentials::password(text.trim()))
    /// });
    /// # Ok::<(), cenote_redis::RedisError>(())
    /// ```
    #[must_use]
    pub fn credentials<F, Asked, E>(self, ask: F) -> Redis
    where
        F: Fn() -> Asked + Send + Sync + 'static,
        Asked: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.with(|plan| {
            plan.credentials = Some(Arc::new(move || {
                let asked = ask();
                Box::pin(async move { asked.await.map_err(Into::into) })
            }));
        })
    }

    /// What is undone between two borrowers. Default: [`Reset::Undo`].
    #[must_use]
    pub fn reset(self, reset: Reset) -> Redis {
        self.with(|plan| plan.reset = reset)
    }

    /// Where it connects, as errors say it: `host:port/database as user`.
    pub fn place(&self) -> String {
        self.plan.place(None).to_string()
    }
}

/// Without passwords.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &*self.plan;
        f.debug_struct("Redis")
            .field("target", &plan.target.to_string())
            .field("database", &plan.database)
            .field("user", &plan.user)
            .field("client_name", &plan.client_name)
            .field("tls", &plan.security.tls)
            .field("reset", &plan.reset)
            .finish_non_exhaustive()
    }
}
