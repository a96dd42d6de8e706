//! `Postgres`: which server, as whom, and how its connections are treated. A value to be built and handed to a pool;
//! nothing is opened before the pool connects.

use cenote_driver::Credentials;
use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;

use crate::error::PostgresError;
use crate::plan::{OnCancel, Plan, Reset, SslMode, Target, must_be_a_name};

/// Makes connections to a PostgreSQL server.
///
/// ```
/// use cenote_postgres::{Postgres, Reset, SslMode};
///
/// let postgres = Postgres::host("db.internal")?
///     .user("shop")
///     .password("secret")
///     .database("shop")
///     .ssl_mode(SslMode::VerifyFull)
///     .reset(Reset::DiscardAll);
/// // Or the same as a URL; options of the pool ride along.
/// let postgres = Postgres::from_url(
///     "postgres://shop:secret@db.internal/shop?sslmode=verify-full&pool_max_size=20",
/// )?;
/// # Ok::<(), cenote_postgres::PostgresError>(())
/// ```
#[derive(Clone)]
pub struct Postgres {
    pub(crate) plan: Arc<Plan>,
}

impl Postgres {
    /// The server on this host, port 5432. On Unix a path is the folder of its socket.
    ///
    /// # Errors
    /// [`PostgresError::Settings`] if that can be no host.
    pub fn host(host: impl Into<String>) -> Result<Postgres, PostgresError> {
        let host = host.into();
        let mut config = Config::new();
        #[cfg(unix)]
        if host.starts_with('/') {
            config.host_path(host);
            return Ok(Postgres::of(Plan::new(config)?));
        }
        must_be_a_name(&host)?;
        config.host(host);
        Ok(Postgres::of(Plan::new(config)?))
    }

    /// The server of a configuration of the driver's. Its `ssl_mode` is taken over.
    ///
    /// # Errors
    /// [`PostgresError::Settings`] if its numbers of hosts and ports do not fit, or that can be no host.
    pub fn from_config(config: Config) -> Result<Postgres, PostgresError> {
        use tokio_postgres::config::SslMode as Theirs;
        let mode = match config.get_ssl_mode() {
            Theirs::Disable => SslMode::Disable,
            Theirs::Require => SslMode::Require,
            _ => SslMode::Prefer,
        };
        Ok(Postgres::of(Plan::new(config)?).ssl_mode(mode))
    }

    pub(crate) fn of(plan: Plan) -> Postgres {
        Postgres { plan: Arc::new(plan) }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Plan)) -> Postgres {
        let plan = Arc::make_mut(&mut self.plan);
        change(plan);
        // Made from what was told before.
        #[cfg(feature = "tls")]
        {
            plan.tls = Arc::default();
        }
        self
    }

    /// The port of all hosts. Default: 5432.
    #[must_use]
    pub fn port(self, port: u16) -> Postgres {
        self.with(|plan| plan.targets.iter_mut().for_each(|target| target.port = port))
    }

    /// Who logs in. Default: the name of the operating system's user.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Postgres {
        self.with(|plan| _ = plan.config.user(user.into()))
    }

    /// The password. For one that changes, see [`credentials`](Postgres::credentials).
    #[must_use]
    pub fn password(self, password: impl AsRef<[u8]>) -> Postgres {
        self.with(|plan| _ = plan.config.password(password))
    }

    /// The database. Default: the one of the user's name.
    #[must_use]
    pub fn database(self, database: impl Into<String>) -> Postgres {
        self.with(|plan| _ = plan.config.dbname(database.into()))
    }

    /// What the server's statistics call its clients. Default: nothing.
    #[must_use]
    pub fn application_name(self, name: impl Into<String>) -> Postgres {
        self.with(|plan| _ = plan.config.application_name(name.into()))
    }

    /// A setting of every session, as `SET` would make it. It is there from the start, and no
    /// [`Reset`] undoes it.
    ///
    /// ```
    /// # use cenote_postgres::Postgres;
    /// let postgres = Postgres::host("localhost")?
    ///     .setting("statement_timeout", "5s")
    ///     .setting("search_path", "shop, public");
    /// # Ok::<(), cenote_postgres::PostgresError>(())
    /// ```
    #[must_use]
    pub fn setting(self, name: &str, value: &str) -> Postgres {
        // Words are told apart by blanks, and a backslash takes a blank its meaning.
        let escaped = |text: &str| text.replace('\\', "\\\\").replace(' ', "\\ ");
        self.with(|plan| {
            let before = plan.config.get_options().map(|options| format!("{options} "));
            let setting = format!("-c {}={}", escaped(name), escaped(value));
            plan.config.options(before.unwrap_or_default() + &setting);
        })
    }

    /// How long one host may take to answer before the next is tried. Default: as long as the pool's
    /// `connect_timeout` lets it.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Postgres {
        self.with(|plan| _ = plan.config.connect_timeout(timeout))
    }

    /// How connections are encrypted. Default: [`SslMode::Prefer`], as everywhere.
    #[must_use]
    pub fn ssl_mode(self, mode: SslMode) -> Postgres {
        self.with(|plan| plan.security.mode = mode)
    }

    /// A file with the certificates, in PEM form, of those who may have signed the server's. It is read once, at the
    /// first connect. Default: those that the system trusts.
    #[must_use]
    pub fn ssl_root_cert(self, path: impl Into<PathBuf>) -> Postgres {
        self.with(|plan| plan.security.root_cert = Some(path.into()))
    }

    /// Our own certificate and its private key, both in PEM form. They are read once, at the first connect.
    #[must_use]
    pub fn ssl_identity(self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Postgres {
        self.with(|plan| plan.security.identity = Some((cert.into(), key.into())))
    }

    /// Asks for user and password at every connect, for passwords that rotate and tokens that expire. An error is a
    /// failed connect, which the pool tries again.
    ///
    /// ```
    /// # use cenote_postgres::{Credentials, Postgres};
    /// let postgres = Postgres::host("db.internal")?.user("shop").credentials(async || {
    ///     tokio::fs::read_to_string("/run/secrets/db").await.map(|text| Credentials::password(text.trim()))
    /// });
    /// # Ok::<(), cenote_postgres::PostgresError>(())
    /// ```
    #[must_use]
    pub fn credentials<F, Asked, E>(self, ask: F) -> Postgres
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

    /// What is undone between two borrowers. Default: [`Reset::Rollback`].
    #[must_use]
    pub fn reset(self, reset: Reset) -> Postgres {
        self.with(|plan| plan.reset = reset)
    }

    /// What becomes of a connection whose borrower was cancelled. Default: [`OnCancel::Stop`].
    #[must_use]
    pub fn on_cancel(self, on_cancel: OnCancel) -> Postgres {
        self.with(|plan| plan.on_cancel = on_cancel)
    }

    /// How many prepared statements each connection keeps, by their text. Default: 64. With 0 none is kept and each
    /// request with a text prepares it anew, which is what a pooler in transaction mode wants that knows no prepared
    /// statements.
    #[must_use]
    pub fn statement_cache(self, statements: usize) -> Postgres {
        self.with(|plan| plan.statement_cache = statements)
    }

    /// Where it connects first, as errors say it: `host:port/database as user`.
    pub fn place(&self) -> String {
        self.plan.place(&self.plan.targets[0], None).to_string()
    }

    #[cfg(test)]
    pub(crate) fn targets(&self) -> &[Target] {
        &self.plan.targets
    }
}

/// Without passwords.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &*self.plan;
        let hosts: Vec<String> = plan.targets.iter().map(Target::to_string).collect();
        f.debug_struct("Postgres")
            .field("hosts", &hosts)
            .field("database", &plan.config.get_dbname())
            .field("user", &plan.config.get_user())
            .field("ssl_mode", &plan.security.mode)
            .field("reset", &plan.reset)
            .field("on_cancel", &plan.on_cancel)
            .field("statement_cache", &plan.statement_cache)
            .finish_non_exhaustive()
    }
}
