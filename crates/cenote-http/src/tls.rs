//! TLS by rustls with ring: the server's certificate must be for the host's name and signed by somebody who is trusted.
//! ALPN asks for the version of HTTP that the manager speaks; a server that speaks another is named.

use std::sync::Arc;

use cenote::Fault;
use cenote_driver::tls::{self, Identity};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::HttpError;
use crate::plan::Plan;

pub(crate) async fn encrypt(
    plan: &Plan,
    place: &Arc<str>,
    socket: TcpStream,
    two: bool,
) -> Result<TlsStream<TcpStream>, HttpError> {
    let failed = |reason, fault| HttpError::Connect { place: Arc::clone(place), reason, fault };
    let permanent = |reason: String| failed(reason, Fault::Permanent);
    let config = match plan.tls.get() {
        Some(made) => Arc::clone(made),
        None => {
            let made = client_config(plan, two).map_err(permanent)?;
            Arc::clone(plan.tls.get_or_init(|| made))
        }
    };
    let name = ServerName::try_from(plan.host.clone())
        .map_err(|_| permanent("TLS needs a host name or an address: correct the host".into()))?;
    let stream = TlsConnector::from(config).connect(name, socket).await.map_err(|error| {
        // The peer went away in the middle of it, or rustls has something against it.
        match error.get_ref() {
            None => failed(
                format!("it hung up in the TLS handshake ({error}): see whether TLS is spoken there"),
                cenote_driver::io::fault(&error),
            ),
            Some(_) => permanent(format!(
                "the TLS handshake failed ({error}): correct the host or root_cert, or the server's certificate"
            )),
        }
    })?;
    if two && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(permanent("it speaks no HTTP/2 over TLS: leave out http2()".into()));
    }
    Ok(stream)
}

/// What connections are encrypted with; made once for all connections of a manager.
fn client_config(plan: &Plan, two: bool) -> Result<Arc<ClientConfig>, String> {
    let roots = tls::roots(plan.root_cert.as_deref(), "root_cert")?;
    let identity = plan.identity.as_ref().map(|pair| Identity::new(pair, "identity", "identity"));
    let mut config = tls::config(|config| config.with_root_certificates(roots), identity)?;
    let protocol: &[u8] = if two { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}
