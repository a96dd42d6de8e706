//! TLS by rustls with ring: the server's certificate must be for the host's name and signed by somebody who is trusted.
//! ALPN asks for the version of HTTP that the manager speaks; a server that speaks another is named.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cenote::Fault;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::HttpError;
use crate::fault;
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
                fault::of_io(&error),
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = config.with_root_certificates(trusted(plan.root_cert.as_deref())?);
    let mut config = match &plan.identity {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = certificates(cert, "identity")?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|_| {
                format!("identity: \"{}\" cannot be read or holds no private key in PEM form: give the path of one", key.display())
            })?;
            config.with_client_auth_cert(chain, private).map_err(|error| {
                format!("identity: certificate and key do not work together ({error}): give a pair")
            })?
        }
    };
    let protocol: &[u8] = if two { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

/// The certificates of those who are trusted: of a file, or of the system.
fn trusted(root_cert: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = root_cert else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        return match added {
            0 => Err("this system has no root certificates: give one by root_cert".into()),
            _ => Ok(roots),
        };
    };
    for cert in certificates(path, "root_cert")? {
        roots.add(cert).map_err(|error| {
            format!("root_cert: a certificate in \"{}\" is of no use ({error}): give the one that signed the server's", path.display())
        })?;
    }
    Ok(roots)
}

fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: &str| {
        Err(format!(
            "{what}: \"{}\" {why}: give the path of a certificate in PEM form",
            path.display()
        ))
    };
    let pem = match fs::read(path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return wrong("does not exist"),
        Err(_) => return wrong("cannot be read"),
    };
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => wrong("holds no certificate"),
    }
}
