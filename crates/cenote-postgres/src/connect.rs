//! How a connection is made: the hosts in order, each of their addresses in order, until one of them lets us in. What
//! speaks on the wire then is a task of the runtime's, which ends with the connection.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use cenote_driver::Credentials;
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::sync::SetOnce;
use tokio::time::timeout;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode as TheirMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use crate::connection::PostgresConnection;
use crate::error::PostgresError;
use crate::plan::{Plan, SslMode, Target};
use crate::session::Session;
use crate::socket::{Address, Socket};
use crate::tap::{Ear, Tap};
use crate::wire::Wire;

#[cfg(feature = "tls")]
type Secret = Tap<tokio_rustls::client::TlsStream<Socket>>;
#[cfg(not(feature = "tls"))]
type Secret = tokio_postgres::tls::NoTlsStream;

type Driver = tokio_postgres::Connection<Tap<Socket>, Secret>;

/// Why a connection ended; none if it was closed in order.
pub(crate) type Ending = Arc<SetOnce<Option<Arc<tokio_postgres::Error>>>>;

pub(crate) async fn connect(plan: &Arc<Plan>) -> Result<PostgresConnection, PostgresError> {
    let Ok(runtime) = Handle::try_current() else {
        return Err(PostgresError::settings(
            "PostgreSQL connections need a tokio runtime: build the pool inside one",
        ));
    };
    let first = &plan.targets[0];
    let credentials = match &plan.credentials {
        None => None,
        Some(ask) => Some(ask().await.map_err(|source| PostgresError::Credentials {
            place: plan.place(first, None),
            source,
        })?),
    };
    let mut order: Vec<&Target> = plan.targets.iter().collect();
    if plan.config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        shuffle(&mut order);
    }
    let mut last = None;
    for target in order {
        match to_target(plan, target, credentials.as_ref(), &runtime).await {
            Ok(conn) => return Ok(conn),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| PostgresError::settings("there is no host: give one")))
}

/// The standard library draws new keys for every map; that is luck enough to spread connections.
fn shuffle<T>(list: &mut [T]) {
    use std::hash::{BuildHasher, RandomState};
    for at in (1..list.len()).rev() {
        let drawn = RandomState::new().hash_one(at) as usize % (at + 1);
        list.swap(at, drawn);
    }
}

async fn to_target(
    plan: &Arc<Plan>,
    target: &Target,
    credentials: Option<&Credentials>,
    runtime: &Handle,
) -> Result<PostgresConnection, PostgresError> {
    let user = credentials.and_then(|credentials| credentials.user());
    let place = plan.place(target, user);
    let addresses = addresses(target).await.map_err(|error| unresolved(&place, target, &error))?;
    let mut last = None;
    for address in addresses {
        let attempt = to_address(plan, &place, address, credentials, runtime);
        let made = match plan.config.get_connect_timeout() {
            None => attempt.await,
            Some(after) => timeout(*after, attempt).await.unwrap_or_else(|_| {
                Err(PostgresError::Connect {
                    place: Arc::clone(&place),
                    reason: format!("no answer within {after:?}: see whether the host is up and no firewall swallows what you send"),
                    fault: cenote::Fault::Timeout,
                    source: None,
                })
            }),
        };
        match made {
            Ok(conn) => return Ok(conn),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        unresolved(&place, target, &io::Error::new(io::ErrorKind::NotFound, "it has no address"))
    }))
}

async fn addresses(target: &Target) -> io::Result<Vec<Address>> {
    let port = target.port;
    match (&target.host, target.address) {
        #[cfg(unix)]
        (Host::Unix(folder), _) => {
            Ok(vec![Address::Unix { path: folder.join(format!(".s.PGSQL.{port}")) }])
        }
        (Host::Tcp(name), Some(address)) => {
            Ok(vec![Address::Tcp { name: name.clone(), address: (address, port).into() }])
        }
        (Host::Tcp(name), None) => {
            let found = lookup_host((name.as_str(), port)).await?;
            Ok(found.map(|address| Address::Tcp { name: name.clone(), address }).collect())
        }
    }
}

fn unresolved(place: &Arc<str>, target: &Target, error: &io::Error) -> PostgresError {
    PostgresError::Connect {
        place: Arc::clone(place),
        reason: format!(
            "the name of the host {target} is not known ({error}): correct it, or see whether names are resolved here"
        ),
        // Names come back as servers do.
        fault: cenote::Fault::Host,
        source: None,
    }
}

async fn to_address(
    plan: &Arc<Plan>,
    place: &Arc<str>,
    address: Address,
    credentials: Option<&Credentials>,
    runtime: &Handle,
) -> Result<PostgresConnection, PostgresError> {
    let mut config = plan.config.clone();
    if let Some(login) = credentials {
        if let Some(user) = login.user() {
            config.user(user);
        }
        config.password(login.secret());
    }
    let connector = connector(plan, place, &address, &mut config)?;
    let socket = Socket::open(&address, &config)
        .await
        .map_err(|error| PostgresError::unreachable(Arc::clone(place), &error))?;
    let wire = Arc::new(Wire::new());
    let tap = Tap::new(socket, Some(Ear::new(Arc::clone(&wire))));
    let (client, driver) = config
        .connect_raw(tap, connector)
        .await
        .map_err(|error| PostgresError::connect(Arc::clone(place), error))?;
    let ending = Ending::default();
    let task = runtime.spawn(drive(driver, Arc::clone(&ending)));
    let session = Session::new(client, wire, Arc::clone(place), address, ending, plan);
    let conn = PostgresConnection::new(Arc::new(session), task, runtime.clone());
    suits(plan, conn.session().driver(), place).await?;
    Ok(conn)
}

/// What encrypts the connection; tells the driver whether anything is to be.
fn connector(
    plan: &Plan,
    place: &Arc<str>,
    address: &Address,
    config: &mut Config,
) -> Result<Connector, PostgresError> {
    let mode = match (plan.security.mode, address.name()) {
        (SslMode::Disable, _) | (_, None) => TheirMode::Disable,
        (SslMode::Prefer, _) => TheirMode::Prefer,
        _ => TheirMode::Require,
    };
    let refuse = |reason: String| PostgresError::Connect {
        place: Arc::clone(place),
        reason,
        fault: cenote::Fault::Permanent,
        source: None,
    };
    build_connector(plan, address, mode, config).map_err(refuse)
}

#[cfg(feature = "tls")]
use crate::tls::Connector;

#[cfg(feature = "tls")]
fn build_connector(
    plan: &Plan,
    address: &Address,
    mode: TheirMode,
    config: &mut Config,
) -> Result<Connector, String> {
    config.ssl_mode(mode);
    let made = match plan.tls.get() {
        Some(made) => Arc::clone(made),
        None => {
            let made = crate::tls::client_config(&plan.security)?;
            Arc::clone(plan.tls.get_or_init(|| made))
        }
    };
    Ok(Connector { config: made, name: address.name().unwrap_or_default().to_owned() })
}

#[cfg(not(feature = "tls"))]
type Connector = tokio_postgres::NoTls;

#[cfg(not(feature = "tls"))]
fn build_connector(
    _: &Plan,
    _: &Address,
    mode: TheirMode,
    config: &mut Config,
) -> Result<Connector, String> {
    match mode {
        TheirMode::Disable | TheirMode::Prefer => {
            config.ssl_mode(TheirMode::Disable);
            Ok(tokio_postgres::NoTls)
        }
        _ => Err("this sslmode wants TLS, and the program was built without it: switch on the feature tls of cenote-postgres".into()),
    }
}

/// Whether the server is of the kind that was asked for.
async fn suits(plan: &Plan, client: &Client, place: &Arc<str>) -> Result<(), PostgresError> {
    let wanted = match plan.config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "off",
        TargetSessionAttrs::ReadOnly => "on",
        _ => return Ok(()),
    };
    let answer = client.simple_query("SHOW transaction_read_only").await;
    let answer = answer.map_err(|error| PostgresError::connect(Arc::clone(place), error))?;
    let is = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    if is == Some(wanted) {
        return Ok(());
    }
    let reason = match wanted {
        "off" => {
            "it takes no writes, and target_session_attrs wants read-write: wait for a primary, or correct the hosts"
        }
        _ => "it takes writes, and target_session_attrs wants read-only: correct the hosts",
    };
    Err(PostgresError::Connect {
        place: Arc::clone(place),
        reason: reason.to_owned(),
        fault: cenote::Fault::Role,
        source: None,
    })
}

/// Speaks for a connection until it ends, however that comes.
async fn drive(mut driver: Driver, ending: Ending) {
    /// Says so even if the task is dropped.
    struct Told(Ending, Option<Arc<tokio_postgres::Error>>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.set(self.1.take());
        }
    }
    let mut told = Told(ending, None);
    let ended = poll_fn(|cx| {
        loop {
            match ready!(driver.poll_message(cx)) {
                // Notices and notifications: nobody has asked for them.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(error)),
                None => return Poll::Ready(None),
            }
        }
    });
    told.1 = ended.await.map(Arc::new);
}

/// How long the server may take to be told of a cancel when nobody says otherwise.
pub(crate) const CANCEL: Duration = Duration::from_secs(2);

/// Asks the server to stop what the session does. When this ends well, whatever comes of it has come: the server
/// signals the session before it hangs up, and whoever is signalled between two requests takes no notice.
pub(crate) async fn cancel(plan: &Plan, session: &Session) -> Result<(), PostgresError> {
    let place = session.place();
    let asked = async {
        let mut config = plan.config.clone();
        // Encrypted or not as the connection is: the token knows.
        let connector = connector(plan, place, session.address(), &mut config)?;
        let socket = Socket::open(session.address(), &config)
            .await
            .map_err(|error| PostgresError::unreachable(Arc::clone(place), &error))?;
        let token = session.driver().cancel_token();
        token
            .cancel_query_raw(Tap::new(socket, None), connector)
            .await
            .map_err(|error| PostgresError::connect(Arc::clone(place), error))
    };
    timeout(CANCEL, asked).await.unwrap_or_else(|_| {
        Err(PostgresError::Connect {
            place: Arc::clone(place),
            reason: format!("a request to cancel had no answer within {CANCEL:?}"),
            fault: cenote::Fault::Timeout,
            source: None,
        })
    })
}
