//! TLS by rustls with ring. The server's certificate must be for the host's name, signed by somebody who is trusted, unless
//! one was told not to look.

use std::io;
use std::sync::Arc;

use cenote_driver::tls::{self, Anybody, Identity};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::plan::Security;

/// What connections are encrypted with; made once for all of a manager.
pub(crate) fn client_config(security: &Security) -> Result<Arc<ClientConfig>, String> {
    let identity = security.identity.as_ref().map(|pair| Identity::new(pair, "cert", "key"));
    let config = if security.skip_verify {
        let anybody = Anybody::verifier();
        tls::config(|config| config.dangerous().with_custom_certificate_verifier(anybody), identity)
    } else {
        let roots = tls::roots(security.ca_cert.as_deref(), "ca_cert")?;
        tls::config(|config| config.with_root_certificates(roots), identity)
    };
    config.map(Arc::new)
}

pub(crate) async fn encrypt(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}
