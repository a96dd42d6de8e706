//! How a connection is made: each address of the host in order, TLS if the URL says so, hyper's handshake. What speaks on
//! the wire then is a task of the runtime's.

use std::io;
use std::sync::Arc;

use cenote::Fault;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::runtime::Handle;

use crate::connection::{HttpConnection, Sender};
use crate::ended::Socket;
use crate::error::HttpError;
use crate::plan::Plan;
use crate::track::Track;

pub(crate) async fn connect(plan: &Arc<Plan>, two: bool) -> Result<HttpConnection, HttpError> {
    if Handle::try_current().is_err() {
        return Err(HttpError::settings(
            "HTTP connections need a tokio runtime: build the pool inside one",
        ));
    }
    let place = plan.place();
    let socket = reach(plan, &place).await?;
    // Small requests go out at once. A socket that cannot do that still works.
    let _ = socket.set_nodelay(true);
    if !plan.encrypted {
        return speak(plan, place, socket, two).await;
    }
    #[cfg(feature = "tls")]
    {
        let socket = crate::tls::encrypt(plan, &place, socket, two).await?;
        speak(plan, place, socket, two).await
    }
    #[cfg(not(feature = "tls"))]
    Err(HttpError::Connect {
        place,
        reason: "https wants TLS, and the program was built without it: switch on the feature tls of cenote-http".into(),
        fault: Fault::Permanent,
    })
}

async fn reach(plan: &Plan, place: &Arc<str>) -> Result<TcpStream, HttpError> {
    let unknown = |error: &io::Error| HttpError::Connect {
        place: Arc::clone(place),
        reason: format!(
            "the name of the host is not known ({error}): correct it, or see whether names are resolved here"
        ),
        // Names come back as servers do.
        fault: Fault::Host,
    };
    let found = lookup_host((plan.host.as_str(), plan.port)).await;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    let mut any = false;
    for address in found.map_err(|error| unknown(&error))? {
        any = true;
        match TcpStream::connect(address).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(if any { HttpError::unreachable(Arc::clone(place), &last) } else { unknown(&last) })
}

async fn speak<S>(
    plan: &Arc<Plan>,
    place: Arc<str>,
    socket: S,
    two: bool,
) -> Result<HttpConnection, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let track = Arc::new(Track::new(two));
    let io = TokioIo::new(Socket::new(socket, track.socket()));
    let failed = |error: hyper::Error| HttpError::Connect {
        place: Arc::clone(&place),
        reason: format!("it hung up at once ({error}): see what listens there"),
        fault: Fault::Connection,
    };
    // How it ended is told to whoever waits for an answer.
    let (sender, task) = if two {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        // Until the server has said how many requests it takes at a time, it gets one: more could be too many.
        builder.timer(TokioTimer::new()).initial_max_send_streams(1);
        if let Some(interval) = plan.ping {
            builder.keep_alive_interval(interval).keep_alive_timeout(interval);
            builder.keep_alive_while_idle(true);
        }
        let (sender, driver) = builder.handshake(io).await.map_err(failed)?;
        (Sender::Two(sender), tokio::spawn(async { _ = driver.await }))
    } else {
        let (sender, driver) = http1::handshake(io).await.map_err(failed)?;
        (Sender::One(sender), tokio::spawn(async { _ = driver.await }))
    };
    Ok(HttpConnection::new(sender, track, Arc::clone(plan), place, task))
}
