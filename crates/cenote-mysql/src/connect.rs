//! How a connection is made: each address of the host in order, until one of them lets us in. And how errands about a
//! connection are done on another one: the protocol answers nothing on a connection that is busy, so to stop a query or to
//! end a session one must come in by a second door.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use cenote::Fault;
use cenote_driver::Credentials;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder};
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::connection::MysqlConnection;
use crate::error::MysqlError;
use crate::plan::{Plan, SslMode, Target};
use crate::session::Session;

/// Who a server is, so that a connection that leads to another one is told apart: behind one address there may be
/// several.
const WHO: &str = "SELECT CONCAT_WS(':', @@hostname, @@port, @@server_id)";

pub(crate) async fn connect(plan: &Arc<Plan>) -> Result<MysqlConnection, MysqlError> {
    let Ok(runtime) = Handle::try_current() else {
        return Err(MysqlError::settings(
            "MySQL connections need a tokio runtime: build the pool inside one",
        ));
    };
    let login = log_in(plan).await?;
    let place = plan.place(login.as_ref().and_then(|login| login.user()));
    let mut last = None;
    for address in addresses(plan, &place).await? {
        match to_address(plan, &place, address, login.as_ref()).await {
            Ok(session) => return Ok(MysqlConnection::new(session, runtime)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        unresolved(&place, &io::Error::new(io::ErrorKind::NotFound, "it has no address"))
    }))
}

async fn log_in(plan: &Plan) -> Result<Option<Credentials>, MysqlError> {
    let Some(ask) = &plan.credentials else { return Ok(None) };
    match ask().await {
        Ok(credentials) => Ok(Some(credentials)),
        Err(source) => Err(MysqlError::Credentials { place: plan.place(None), source }),
    }
}

/// Where one connection goes. Errands about it must go to the very same place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Address {
    Tcp(IpAddr),
    Socket,
}

async fn addresses(plan: &Plan, place: &Arc<str>) -> Result<Vec<Address>, MysqlError> {
    let Target::Tcp { host, port } = &plan.target else { return Ok(vec![Address::Socket]) };
    let found = lookup_host((host.as_str(), *port)).await;
    let found = found.map_err(|error| unresolved(place, &error))?;
    Ok(found.map(|address| Address::Tcp(address.ip())).collect())
}

fn unresolved(place: &Arc<str>, error: &io::Error) -> MysqlError {
    MysqlError::Connect {
        place: Arc::clone(place),
        reason: format!(
            "the host's name is not known ({error}): correct it, or see whether names are resolved here"
        ),
        // Names come back as servers do.
        fault: Fault::Host,
        source: None,
    }
}

async fn to_address(
    plan: &Arc<Plan>,
    place: &Arc<str>,
    address: Address,
    login: Option<&Credentials>,
) -> Result<Session, MysqlError> {
    let (conn, server) = open(plan, place, address, login, Purpose::Session).await?;
    let (id, place) = (conn.id(), Arc::clone(place));
    let side = Side { plan: Arc::clone(plan), place, address, id, server: server.into() };
    Ok(Session::new(conn, side))
}

/// Who may have signed the server's certificate, where the plan names somebody: certificates in PEM form.
fn authority(plan: &Plan, place: &Arc<str>) -> Result<Option<Vec<u8>>, MysqlError> {
    let Some(path) = &plan.ssl_ca else { return Ok(None) };
    match std::fs::read(path) {
        Ok(pem) => Ok(Some(pem)),
        Err(error) => Err(MysqlError::Connect {
            place: Arc::clone(place),
            reason: format!(
                "ssl_ca: \"{}\" cannot be read ({error}): give the path of a certificate in PEM form",
                path.display()
            ),
            fault: Fault::Permanent,
            source: None,
        }),
    }
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Session,
    Errand,
}

/// A connection, and who is at its other end.
async fn open(
    plan: &Plan,
    place: &Arc<str>,
    address: Address,
    login: Option<&Credentials>,
    purpose: Purpose,
) -> Result<(Conn, String), MysqlError> {
    let failed = |error| MysqlError::connect(Arc::clone(place), error);
    let may = may_encrypt(plan, place, address)?;
    let plain = &plan.learned.plain;
    let preferred = plan.ssl_mode == SslMode::Preferred;
    let encrypt = may && !(preferred && plain.load(Ordering::Relaxed));
    let authority = if encrypt { authority(plan, place)? } else { None };
    let opts =
        |encrypt: bool| options(plan, address, login, purpose, encrypt.then(|| authority.clone()));
    let opened = match Conn::new(opts(encrypt)).await {
        Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if preferred && encrypt => {
            plain.store(true, Ordering::Relaxed);
            Conn::new(opts(false)).await
        }
        Err(error) => {
            // It may have learned to since.
            plain.store(false, Ordering::Relaxed);
            Err(error)
        }
        opened => opened,
    };
    let mut conn = opened.map_err(failed)?;
    match conn.query_first::<String, _>(WHO).await {
        Ok(server) => Ok((conn, server.unwrap_or_default())),
        Err(error) => {
            hang_up(conn);
            Err(failed(error))
        }
    }
}

/// Whether TLS is spoken at all. On a socket of the machine's own nothing is encrypted.
fn may_encrypt(plan: &Plan, place: &Arc<str>, address: Address) -> Result<bool, MysqlError> {
    if matches!(address, Address::Socket) || plan.ssl_mode == SslMode::Disabled {
        return Ok(false);
    }
    #[cfg(feature = "tls")]
    {
        let _ = place;
        // The driver takes the process's own cryptography, and panics where nobody chose any.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // If somebody else was quicker there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Ok(true)
    }
    #[cfg(not(feature = "tls"))]
    match plan.ssl_mode {
        SslMode::Preferred => Ok(false),
        _ => Err(MysqlError::Connect {
            place: Arc::clone(place),
            reason: "this ssl_mode wants TLS, and the program was built without it: switch on the feature tls of cenote-mysql".to_owned(),
            fault: Fault::Permanent,
            source: None,
        }),
    }
}

fn options(
    plan: &Plan,
    address: Address,
    login: Option<&Credentials>,
    purpose: Purpose,
    encrypt: Option<Option<Vec<u8>>>,
) -> Opts {
    let user = login.and_then(Credentials::user).or(plan.user.as_deref());
    let password = login.map(Credentials::secret).or(plan.password.as_deref());
    let mut opts = OptsBuilder::default()
        .user(user)
        .pass(password)
        .db_name(plan.database.as_deref())
        // The driver would leave for the server's socket where there is one.
        .prefer_socket(false);
    opts = match (&plan.target, address) {
        (Target::Tcp { host, port }, Address::Tcp(address)) => {
            opts.ip_or_hostname(host.as_str()).tcp_port(*port).resolved_ips(Some(vec![address]))
        }
        (target, _) => opts.socket(Some(target.to_string())),
    };
    opts = opts.tcp_keepalive(plan.keepalive);
    #[cfg(feature = "tls")]
    if let Some(authority) = encrypt {
        opts = opts.ssl_opts(Some(ssl_options(plan, authority)));
    }
    #[cfg(not(feature = "tls"))]
    let _ = encrypt;
    if purpose == Purpose::Session {
        opts = opts.stmt_cache_size(Some(plan.statement_cache));
        if !plan.settings.is_empty() {
            let set = |(name, value): &(String, String)| format!("SESSION {name} = {value}");
            let settings: Vec<String> = plan.settings.iter().map(set).collect();
            opts = opts.setup(vec![format!("SET {}", settings.join(", "))]);
        }
    } else {
        // An errand asks for little, so it need not ask how much it may ask for.
        opts = opts.max_allowed_packet(Some(1 << 20)).wait_timeout(Some(60));
    }
    opts.into()
}

#[cfg(feature = "tls")]
fn ssl_options(plan: &Plan, authority: Option<Vec<u8>>) -> mysql_async::SslOpts {
    mysql_async::SslOpts::default()
        .with_root_certs(authority.into_iter().map(Into::into).collect())
        .with_disable_built_in_roots(plan.ssl_ca.is_some())
        .with_danger_accept_invalid_certs(plan.ssl_mode < SslMode::VerifyCa)
        .with_danger_skip_domain_validation(plan.ssl_mode < SslMode::VerifyIdentity)
}

/// How long the server may take for an errand.
pub(crate) const ERRAND: Duration = Duration::from_secs(2);
/// There is no such session.
const UNKNOWN_SESSION: u16 = 1094;

/// What is needed for errands about a connection.
#[derive(Clone)]
pub(crate) struct Side {
    plan: Arc<Plan>,
    place: Arc<str>,
    address: Address,
    id: u32,
    server: Arc<str>,
}

impl Side {
    pub(crate) fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// Where sessions begin.
    pub(crate) fn database(&self) -> Option<&str> {
        self.plan.database.as_deref()
    }

    /// The session's number on the server.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Asks the server to stop what the session does. When this ends, whatever comes of it has come. Returns whether
    /// there was such a session.
    pub(crate) async fn stop_query(&self) -> Result<bool, MysqlError> {
        self.errand(async |conn| self.kill(conn, "QUERY").await).await
    }

    /// Asks the server to end the session, and waits until it has.
    pub(crate) async fn end_session(&self) -> Result<(), MysqlError> {
        let question =
            format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {}", self.id);
        self.errand(async |conn| {
            self.kill(conn, "CONNECTION").await?;
            while conn.query_first::<u64, _>(question.as_str()).await? != Some(0) {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        })
        .await
    }

    async fn kill(&self, conn: &mut Conn, what: &str) -> Result<bool, Error> {
        match conn.query_drop(format!("KILL {what} {}", self.id)).await {
            Ok(()) => Ok(true),
            Err(Error::Server(error)) if error.code == UNKNOWN_SESSION => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn errand<T>(
        &self,
        run: impl AsyncFnOnce(&mut Conn) -> Result<T, Error>,
    ) -> Result<T, MysqlError> {
        let refused = |reason: String, fault| MysqlError::Connect {
            place: Arc::clone(&self.place),
            reason,
            fault,
            source: None,
        };
        let done = async {
            let login = log_in(&self.plan).await?;
            let opened =
                open(&self.plan, &self.place, self.address, login.as_ref(), Purpose::Errand);
            let (mut conn, server) = opened.await?;
            // Numbers of sessions mean nothing on another server, or somebody else there.
            let done = if *server == *self.server {
                run(&mut conn)
                    .await
                    .map_err(|error| MysqlError::connect(Arc::clone(&self.place), error))
            } else {
                let reason = "a request to stop a query or a session came to another server than that of the session, so nothing was stopped: give each server an address of its own";
                Err(refused(reason.to_owned(), Fault::Connection))
            };
            let _ = conn.disconnect().await;
            done
        };
        timeout(ERRAND, done).await.unwrap_or_else(|_| {
            let reason =
                format!("a request to stop a query or a session had no answer within {ERRAND:?}");
            Err(refused(reason, Fault::Timeout))
        })
    }
}

/// Drops a connection whose state is not known. Left to itself, the driver would read what is left of the answer, for as
/// long as that takes, in a task of its own; one that has begun to say goodbye it lets go.
pub(crate) fn hang_up(conn: Conn) {
    let goodbye = pin!(conn.disconnect());
    let _ = goodbye.poll(&mut Context::from_waker(Waker::noop()));
}
