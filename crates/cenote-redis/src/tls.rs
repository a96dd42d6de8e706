//! TLS by rustls with ring. The server's certificate must be for the host's name, signed by somebody who is trusted, unless
//! one was told not to look.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::plan::Security;

/// What connections are encrypted with; made once for all of a manager.
pub(crate) fn client_config(security: &Security) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = match security.skip_verify {
        true => config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        false => config.with_root_certificates(roots(security.ca_cert.as_deref())?),
    };
    let config = match &security.identity {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = certificates(cert, "cert")?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|_| {
                format!("key: \"{}\" cannot be read or holds no private key in PEM form: give the path of one", key.display())
            })?;
            config.with_client_auth_cert(chain, private).map_err(|error| {
                format!("cert and key do not work together ({error}): give a pair")
            })?
        }
    };
    Ok(Arc::new(config))
}

pub(crate) async fn encrypt(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// The certificates of those who are trusted: of a file, or of the system.
fn roots(ca_cert: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca_cert else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        return match added {
            0 => Err("this system has no root certificates: give one by ca_cert".into()),
            _ => Ok(roots),
        };
    };
    for cert in certificates(path, "ca_cert")? {
        roots.add(cert).map_err(|error| {
            format!("ca_cert: a certificate in \"{}\" is of no use ({error}): give the one that signed the server's", path.display())
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
    let Ok(pem) = fs::read(path) else {
        return wrong("cannot be read");
    };
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => wrong("holds no certificate"),
    }
}

/// Encrypts, and looks at nothing but that the peer has the key of the certificate that it shows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
