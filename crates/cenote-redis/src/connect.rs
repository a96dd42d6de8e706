//! How a connection is made: each address of the host in order, until one of them lets us in. What speaks on the wire then
//! is a task of the runtime's, which ends with the connection.

use std::io;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::sync::SetOnce;

use crate::connection::RedisConnection;
use crate::error::RedisError;
use crate::login::Login;
use crate::plan::{Plan, Target};
use crate::session::Session;
use crate::socket::{Address, Socket};
use crate::tap::Tap;

pub(crate) async fn connect(plan: &Arc<Plan>) -> Result<RedisConnection, RedisError> {
    let Ok(runtime) = Handle::try_current() else {
        return Err(RedisError::settings(
            "Redis connections need a tokio runtime: build the pool inside one",
        ));
    };
    let credentials = match &plan.credentials {
        None => None,
        Some(ask) => Some(
            ask()
                .await
                .map_err(|source| RedisError::Credentials { place: plan.place(None), source })?,
        ),
    };
    let login = Login::new(plan, credentials);
    let place = plan.place(login.user());
    let addresses = addresses(&plan.target).await;
    let mut last = None;
    for address in
        addresses.map_err(|error| RedisError::unresolved(&place, &plan.target, &error))?
    {
        match to_address(plan, &place, &address, &login, &runtime).await {
            Ok(conn) => return Ok(conn),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        let none = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        RedisError::unresolved(&place, &plan.target, &none)
    }))
}

async fn addresses(target: &Target) -> io::Result<Vec<Address>> {
    Ok(match target {
        Target::Unix { path } => vec![Address::Unix(path.clone())],
        Target::Tcp { host, port } => {
            lookup_host((host.as_str(), *port)).await?.map(Address::Tcp).collect()
        }
    })
}

async fn to_address(
    plan: &Arc<Plan>,
    place: &Arc<str>,
    address: &Address,
    login: &Login,
    runtime: &Handle,
) -> Result<RedisConnection, RedisError> {
    let socket = Socket::open(address)
        .await
        .map_err(|error| RedisError::unreachable(Arc::clone(place), &error))?;
    let mut socket = encrypted(plan, place, socket).await?;
    login.enter(&mut socket, plan).await.map_err(|refusal| RedisError::refused(place, refusal))?;
    let session = Session::new(Arc::clone(place), Arc::clone(plan), login.clone());
    let tap = Tap::new(socket, Arc::clone(session.hook()));
    // Who logs in has done so already, and how long an answer may take is the borrower's to say.
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let made = MultiplexedConnection::new_with_config(&info, tap, config).await;
    let (driver, task) =
        made.map_err(|source| RedisError::Command { place: Some(Arc::clone(place)), source })?;
    let task = runtime.spawn(drive(task, Arc::clone(session.ended())));
    Ok(RedisConnection::new(driver, Arc::new(session), task, runtime.clone()))
}

/// Speaks for a connection until it ends, however that comes.
async fn drive(driver: impl Future<Output = ()>, ended: Arc<SetOnce<()>>) {
    /// Says so even if the task is dropped.
    struct Told(Arc<SetOnce<()>>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.set(());
        }
    }
    let _told = Told(ended);
    driver.await;
}

/// With TLS, if that is wanted and there is a network.
#[cfg(feature = "tls")]
async fn encrypted(plan: &Plan, place: &Arc<str>, socket: Socket) -> Result<Socket, RedisError> {
    match (socket, &plan.target) {
        (Socket::Tcp(stream), Target::Tcp { host, .. }) if plan.security.tls => {
            let made = match plan.tls.get() {
                Some(made) => Arc::clone(made),
                None => {
                    let made = crate::tls::client_config(&plan.security);
                    let made = made.map_err(|reason| RedisError::no_tls(place, reason))?;
                    Arc::clone(plan.tls.get_or_init(|| made))
                }
            };
            let encrypted = crate::tls::encrypt(made, host, stream).await;
            let stream = encrypted.map_err(|error| RedisError::tls(place, &error))?;
            Ok(Socket::Tls(Box::new(stream)))
        }
        (socket, _) => Ok(socket),
    }
}

#[cfg(not(feature = "tls"))]
async fn encrypted(plan: &Plan, place: &Arc<str>, socket: Socket) -> Result<Socket, RedisError> {
    match plan.security.tls {
        false => Ok(socket),
        true => Err(RedisError::no_tls(
            place,
            "the URL wants TLS, and the program was built without it: switch on the feature tls of cenote-redis".to_owned(),
        )),
    }
}
