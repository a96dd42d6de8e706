//! TLS by rustls with ring. What is checked follows libpq: `prefer` and `require` encrypt and check nothing,
//! `verify-ca` wants a certificate that somebody trusted has signed, `verify-full` wants it to be for the host's
//! name too; a root certificate given beside `require` makes it `verify-ca`.
//!
//! The certificate is also what SCRAM is bound to (`tls-server-end-point`, RFC 5929), so that nobody in between can
//! pass a login on, whether or not the certificate was checked.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use cenote_driver::tls::{self, Anybody, Identity};
use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::plan::{Security, SslMode};
use crate::socket::Socket;
use crate::tap::Tap;

/// What a connection is encrypted with; made once for all connections of a manager.
pub(crate) fn client_config(security: &Security) -> Result<Arc<ClientConfig>, String> {
    let verifier: Arc<dyn ServerCertVerifier> = match security.checks() {
        SslMode::VerifyFull => trusting(&security.root_cert)?,
        SslMode::VerifyCa => Arc::new(AnyName(trusting(&security.root_cert)?)),
        _ => Anybody::verifier(),
    };
    let identity = security.identity.as_ref().map(|pair| Identity::new(pair, "sslcert", "sslkey"));
    let config = tls::config(
        |config| config.dangerous().with_custom_certificate_verifier(verifier),
        identity,
    );
    config.map(Arc::new)
}

/// Trusts those whose certificates are in a file, or those whom the system trusts.
fn trusting(root_cert: &Option<PathBuf>) -> Result<Arc<WebPkiServerVerifier>, String> {
    let path = root_cert.as_deref().filter(|path| *path != Path::new("system"));
    let roots = Arc::new(tls::roots(path, "sslrootcert")?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, tls::provider());
    verifier.build().map_err(|error| format!("sslrootcert: {error}"))
}

/// Encrypts one connection.
pub(crate) struct Connector {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: String,
}

type Encrypted = Tap<tokio_rustls::client::TlsStream<Socket>>;

impl TlsConnect<Tap<Socket>> for Connector {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Tap<Socket>) -> Self::Future {
        Box::pin(async move {
            let (socket, ear) = stream.into_parts();
            let name = ServerName::try_from(self.name).map_err(io::Error::other)?;
            let stream = TlsConnector::from(self.config).connect(name, socket).await?;
            Ok(Tap::new(stream, ear.map(|ear| ear.anew())))
        })
    }
}

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        let certificates = self.io().get_ref().1.peer_certificates();
        match certificates.and_then(<[_]>::first).and_then(|cert| end_point(cert)) {
            Some(hash) => ChannelBinding::tls_server_end_point(hash),
            None => ChannelBinding::none(),
        }
    }
}

/// The certificate's hash by the algorithm that it is signed with, SHA-256 at least; none where that is unknown, as
/// of Ed25519.
fn end_point(cert: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match signature_algorithm(cert)? {
        // MD5 and SHA-1 with RSA, SHA-1 with ECDSA: RFC 5929 wants better. Then those with SHA-256.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4 | 5 | 11]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => &digest::SHA256,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => &digest::SHA384,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, cert).as_ref().to_vec())
}

/// `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, .. }, .. }`
fn signature_algorithm(cert: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OID: u8 = 0x06;
    let (certificate, _) = element(cert, SEQUENCE)?;
    let (_, after) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(after, SEQUENCE)?;
    Some(element(algorithm, OID)?.0)
}

/// The content of the first element of DER, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = der else { return None };
    if *first != tag {
        return None;
    }
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            if digits.len() > 4 {
                return None;
            }
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length)
}

/// Trusts whom the roots trust, whatever name the certificate is for. The name is looked at last, so when it is all
/// that is wrong, nothing else is.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        cert: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(cert, between, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(content: &[u8]) -> Vec<u8> {
        let mut der = vec![0x30];
        match content.len() {
            short @ 0..=0x7f => der.push(short as u8),
            long => der.extend([0x82, (long >> 8) as u8, long as u8]),
        }
        der.extend(content);
        der
    }

    fn signed_with(oid: &[u8]) -> Vec<u8> {
        let mut algorithm = vec![0x06, oid.len() as u8];
        algorithm.extend(oid);
        let mut certificate = sequence(&[1; 300]);
        certificate.extend(sequence(&algorithm));
        certificate.extend([0x03, 1, 0]);
        sequence(&certificate)
    }

    // section S
    #[test]
    fn a_login_is_bound_by_the_hash_of_the_certificates_own_signature() {
        for (oid, bytes) in [
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11][..], Some(32)),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], Some(32)),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], Some(48)),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13], Some(64)),
            (&[0x2b, 0x65, 0x70], None),
        ] {
            assert_eq!(end_point(&signed_with(oid)).map(|hash| hash.len()), bytes, "{oid:x?}");
        }
    }

    // section S
    #[test]
    fn what_is_no_certificate_is_no_panic() {
        let whole = signed_with(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
        for end in 0..whole.len() - 3 {
            assert_eq!(end_point(&whole[..end]), None, "{end}");
        }
        assert_eq!(end_point(&[0x30, 0xff, 1, 2]), None);
    }
}
