//! What TLS is spoken with: rustls with ring, certificates from files in PEM form or the system's roots. Every error is a
//! sentence that names the setting, by the word that the driver's users know it by.
//!
//! ```no_run
//! # fn example() -> Result<(), String> {
//! use cenote_driver::tls;
//!
//! let roots = tls::roots(Some("ca.pem".as_ref()), "root_cert")?;
//! let config = tls::config(|config| config.with_root_certificates(roots), None)?;
//! # Ok(()) }
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    WantsVerifier,
};

/// Our own certificate and its key, files in PEM form, with the settings' names.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The certificate, and those that lead to one that the server trusts.
    pub cert: &'a Path,
    /// Its key.
    pub key: &'a Path,
    /// What the user calls the first setting.
    pub cert_word: &'a str,
    /// What the user calls the second.
    pub key_word: &'a str,
}

impl<'a> Identity<'a> {
    /// Of a pair of paths.
    pub fn new(
        (cert, key): &'a (PathBuf, PathBuf),
        cert_word: &'a str,
        key_word: &'a str,
    ) -> Identity<'a> {
        Identity { cert, key, cert_word, key_word }
    }
}

/// Ring, whatever the process has chosen for others.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Settings of TLS 1.2 and 1.3; `trust` says whom they trust, `identity` whom we are.
///
/// # Errors
/// If certificate or key cannot be read, or do not belong together.
pub fn config(
    trust: impl FnOnce(
        ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<Identity<'_>>,
) -> Result<ClientConfig, String> {
    let config = ClientConfig::builder_with_provider(provider());
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = trust(config);
    let Some(Identity { cert, key, cert_word, key_word }) = identity else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(cert, cert_word)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|_| {
        format!(
            "{key_word}: \"{}\" cannot be read or holds no private key in PEM form: give the path of one",
            key.display()
        )
    })?;
    config.with_client_auth_cert(chain, private).map_err(|error| match cert_word == key_word {
        true => {
            format!("{cert_word}: certificate and key do not work together ({error}): give a pair")
        }
        false => format!("{cert_word} and {key_word} do not work together ({error}): give a pair"),
    })
}

/// The certificates of those who are trusted: of a file, or of the system.
///
/// # Errors
/// If the file cannot be read or holds none, or the system has none.
pub fn roots(path: Option<&Path>, word: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = path else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        return match added {
            0 => Err(format!("this system has no root certificates: give one by {word}")),
            _ => Ok(roots),
        };
    };
    for cert in certificates(path, word)? {
        roots.add(cert).map_err(|error| {
            format!(
                "{word}: a certificate in \"{}\" is of no use ({error}): give the one that signed the server's",
                path.display()
            )
        })?;
    }
    Ok(roots)
}

fn certificates(path: &Path, word: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: &str| {
        Err(format!(
            "{word}: \"{}\" {why}: give the path of a certificate in PEM form",
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

/// Trusts whoever answers: encrypts, and keeps nobody out. The handshake's signatures are checked nevertheless, so who
/// answers has the key of the certificate that it shows.
#[derive(Debug)]
pub struct Anybody(Arc<CryptoProvider>);

impl Anybody {
    /// For [`rustls`'s dangerous part](rustls::client::danger).
    pub fn verifier() -> Arc<dyn ServerCertVerifier> {
        Arc::new(Anybody(provider()))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &Path) -> String {
        roots(Some(path), "root_cert").unwrap_err()
    }

    // section S
    #[test]
    fn a_file_that_is_no_certificate_is_named_with_the_users_word() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let why = told(&missing);
        assert!(why.starts_with("root_cert: \"") && why.contains("missing.pem"), "{why}");
        assert!(why.contains("does not exist") && why.contains("PEM"), "{why}");
        assert!(told(folder.path()).contains("cannot be read"));
        for text in ["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            let path = folder.path().join("rubbish.pem");
            fs::write(&path, text).unwrap();
            assert!(told(&path).contains("holds no certificate"), "{text}");
        }
        let path = folder.path().join("empty.pem");
        fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(told(&path).contains("is of no use"));
    }

    // section S
    #[test]
    fn an_identity_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let pair = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let config = || {
            let trust = |config: ConfigBuilder<ClientConfig, WantsVerifier>| {
                config.with_root_certificates(RootCertStore::empty())
            };
            config(trust, Some(Identity::new(&pair, "cert", "key"))).unwrap_err()
        };
        assert!(config().starts_with("cert: "), "{}", config());
        fs::write(&pair.0, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        assert!(config().starts_with("key: "), "{}", config());
    }
}
