//! `Mysql`: which server, as whom, and how its connections are treated. A value to be built and handed to a pool; nothing
//! is opened before the pool connects.

use cenote_driver::Credentials;
use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::MysqlError;
use crate::plan::{Plan, Reset, SslMode, Target, must_be_a_name};

/// Makes connections to a MySQL or MariaDB server.
///
/// ```
/// use cenote_mysql::{Mysql, Reset, SslMode};
///
/// let mysql = Mysql::host("db.internal")?
///     .user("shop")
///     .password("secret")
///     .database("shop")
///     .ssl_mode(SslMode::VerifyIdentity)
///     .reset(Reset::Full);
/// // Or the same as a URL; options of the pool ride along.
/// let mysql = Mysql::from_url(
///     "mysql://shop:secret@db.internal/shop?ssl_mode=verify_identity&pool_max_size=20",
/// )?;
/// # Ok::<(), cenote_mysql::MysqlError>(())
/// ```
#[derive(Clone)]
pub struct Mysql {
    pub(crate) plan: Arc<Plan>,
}

impl Mysql {
    /// The server on this host, port 3306. On Unix a path is its socket.
    ///
    /// # Errors
    /// [`MysqlError::Settings`] if that can be no host.
    pub fn host(host: impl Into<String>) -> Result<Mysql, MysqlError> {
        let host = host.into();
        if cfg!(unix) && host.starts_with('/') {
            return Ok(Mysql::of(Plan::new(Target::Unix(host.into()))));
        }
        must_be_a_name(&host)?;
        Ok(Mysql::of(Plan::new(Target::Tcp { host, port: Plan::PORT })))
    }

    pub(crate) fn of(plan: Plan) -> Mysql {
        Mysql { plan: Arc::new(plan) }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Plan)) -> Mysql {
        let plan = Arc::make_mut(&mut self.plan);
        change(plan);
        // It may lead to another server now.
        plan.learned = Arc::default();
        self
    }

    /// The port. Default: 3306. It changes nothing for a socket.
    #[must_use]
    pub fn port(self, number: u16) -> Mysql {
        self.with(|plan| {
            if let Target::Tcp { port, .. } = &mut plan.target {
                *port = number;
            }
        })
    }

    /// Who logs in. Default: nobody, whom few servers let in.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Mysql {
        self.with(|plan| plan.user = Some(user.into()))
    }

    /// The password. For one that changes, see [`credentials`](Mysql::credentials).
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Mysql {
        self.with(|plan| plan.password = Some(password.into()))
    }

    /// The database. Default: none.
    #[must_use]
    pub fn database(self, database: impl Into<String>) -> Mysql {
        self.with(|plan| plan.database = Some(database.into()))
    }

    /// A variable of every session, as `SET SESSION` would make it: `value` is an expression. It is there from the start,
    /// and no [`Reset`] undoes it.
    ///
    /// ```
    /// # use cenote_mysql::Mysql;
    /// let mysql = Mysql::host("localhost")?
    ///     .setting("time_zone", "'+00:00'")
    ///     .setting("innodb_lock_wait_timeout", "5");
    /// # Ok::<(), cenote_mysql::MysqlError>(())
    /// ```
    #[must_use]
    pub fn setting(self, name: &str, value: &str) -> Mysql {
        self.with(|plan| plan.settings.push((name.to_owned(), value.to_owned())))
    }

    /// After how long without a word the system asks whether the other end is still there; none leaves it out. Default:
    /// 60 s.
    #[must_use]
    pub fn tcp_keepalive(self, after: Option<Duration>) -> Mysql {
        self.with(|plan| plan.keepalive = after)
    }

    /// How connections are encrypted. Default: [`SslMode::Preferred`], as with MySQL's own clients.
    #[must_use]
    pub fn ssl_mode(self, mode: SslMode) -> Mysql {
        self.with(|plan| plan.ssl_mode = mode)
    }

    /// A file with the certificates, in PEM form, of those who may have signed the server's. Default: the roots of
    /// Mozilla, as the driver brings them.
    #[must_use]
    pub fn ssl_ca(self, path: impl Into<PathBuf>) -> Mysql {
        self.with(|plan| plan.ssl_ca = Some(path.into()))
    }

    /// Asks for user and password at every connect, for passwords that rotate and tokens that expire. An error is a
    /// failed connect, which the pool tries again.
    ///
    /// ```
    /// # use cenote_mysql::{Credentials, Mysql};
    /// let mysql = Mysql::host("db.internal")?.user("shop").credentials(async || {
    ///     tokio::fs::read_to_string("/run/secrets/db").await.map(|text| Credentials::password(text.trim()))
    /// });
    /// # Ok::<(), cenote_mysql::MysqlError>(())
    /// ```
    #[must_use]
    pub fn credentials<F, Asked, E>(self, ask: F) -> Mysql
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
    pub fn reset(self, reset: Reset) -> Mysql {
        self.with(|plan| plan.reset = reset)
    }

    /// How many prepared statements each connection keeps, by their text. Default: 64. With 0 none is kept and each
    /// request with a text prepares it anew.
    #[must_use]
    pub fn statement_cache(self, statements: usize) -> Mysql {
        self.with(|plan| plan.statement_cache = statements)
    }

    /// Where it connects, as errors say it: `host:port/database as user`.
    pub fn place(&self) -> String {
        self.plan.place(None).to_string()
    }
}

/// Without passwords.
impl fmt::Debug for Mysql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &*self.plan;
        f.debug_struct("Mysql")
            .field("target", &plan.target.to_string())
            .field("database", &plan.database)
            .field("user", &plan.user)
            .field("ssl_mode", &plan.ssl_mode)
            .field("reset", &plan.reset)
            .field("statement_cache", &plan.statement_cache)
            .finish_non_exhaustive()
    }
}
