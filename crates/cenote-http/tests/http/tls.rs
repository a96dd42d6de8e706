//! TLS: who is trusted, what is told of who is not, and which version of HTTP comes of it.

use std::net::SocketAddr;
use std::sync::Arc;

use cenote::{Fault, Pool};
use cenote_http::{Fetch, Http};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::refusals::refused;
use super::{LIMIT, get, stranger};
use crate::service::serve_once;

/// A certificate for one name, signed with its own key.
pub(crate) struct Certificate {
    der: Vec<u8>,
    key: Vec<u8>,
}

/// A value of DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut der = vec![tag];
    match content.len() {
        short @ 0..=0x7f => der.push(short as u8),
        middling @ 0x80..=0xff => der.extend([0x81, middling as u8]),
        long => der.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    der.extend(content);
    der
}

impl Certificate {
    pub(crate) fn new(name: &str) -> Certificate {
        const SEQUENCE: u8 = 0x30;
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap();
        let signed_with = der(SEQUENCE, &[&der(6, &[b"\x2a\x86\x48\xce\x3d\x04\x03\x02"])]);
        // CN=test
        let common_name = der(SEQUENCE, &[&der(6, &[b"\x55\x04\x03"]), &der(0x0c, &[b"test"])]);
        let subject = der(SEQUENCE, &[&der(0x31, &[&common_name])]);
        let validity =
            der(SEQUENCE, &[&der(0x17, &[b"200101000000Z"]), &der(0x17, &[b"491231235959Z"])]);
        let curve = der(
            SEQUENCE,
            &[
                &der(6, &[b"\x2a\x86\x48\xce\x3d\x02\x01"]),
                &der(6, &[b"\x2a\x86\x48\xce\x3d\x03\x01\x07"]),
            ],
        );
        let public = der(SEQUENCE, &[&curve, &der(3, &[&[0], pair.public_key().as_ref()])]);
        // dNSName
        let names = der(SEQUENCE, &[&der(0x82, &[name.as_bytes()])]);
        let names = der(SEQUENCE, &[&der(6, &[b"\x55\x1d\x11"]), &der(4, &[&names])]);
        let to_sign = der(
            SEQUENCE,
            &[
                &der(0xa0, &[&der(2, &[&[2]])]),
                &der(2, &[&[1]]),
                &signed_with,
                &subject,
                &validity,
                &subject,
                &public,
                &der(0xa3, &[&der(SEQUENCE, &[&names])]),
            ],
        );
        let signature = pair.sign(&random, &to_sign).unwrap();
        let whole = [&to_sign, &signed_with, &der(3, &[&[0], signature.as_ref()])];
        Certificate {
            der: der(SEQUENCE, &whole.map(|part| part.as_slice())),
            key: key.as_ref().to_vec(),
        }
    }

    pub(crate) fn pem(&self) -> String {
        const SIGNS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for three in self.der.chunks(3) {
            let bits =
                (0..3).fold(0, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
            for at in 0..4 {
                let sign = SIGNS[(bits >> (18 - 6 * at) & 63) as usize];
                text.push(if at <= three.len() { char::from(sign) } else { '=' });
            }
        }
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }
}

/// A service for `localhost` with this certificate, which speaks these versions.
async fn service(certificate: &Certificate, speaks: &[&[u8]]) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let chain = vec![CertificateDer::from(certificate.der.clone())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.key.clone()));
    let mut config = config.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = speaks.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    stranger(move |socket| {
        let acceptor = acceptor.clone();
        async move {
            // Whoever does not trust it hangs up.
            if let Ok(socket) = acceptor.accept(socket).await {
                let two = socket.get_ref().1.alpn_protocol() == Some(b"h2");
                serve_once(socket, two).await;
            }
        }
    })
    .await
}

fn https(address: SocketAddr, host: &str) -> Http {
    Http::from_url(&format!("https://app:hunter2@{host}:{}", address.port())).unwrap()
}

// S, P-14
#[tokio::test]
async fn a_certificate_is_trusted_for_its_name_if_its_signer_is() {
    let folder = tempfile::tempdir().unwrap();
    let [trusted, other] = ["trusted.pem", "other.pem"].map(|name| folder.path().join(name));
    let certificate = Certificate::new("localhost");
    std::fs::write(&trusted, certificate.pem()).unwrap();
    std::fs::write(&other, Certificate::new("localhost").pem()).unwrap();
    let address = service(&certificate, &[b"h2", b"http/1.1"]).await;

    let known = https(address, "localhost").root_cert(&trusted);
    let pool = Pool::builder(known.clone()).build().unwrap();
    let answer = pool.fetch(get("/id")).await.unwrap();
    assert_eq!(answer.version(), cenote_http::hyper::Version::HTTP_11);
    assert_eq!(answer.into_body().text(LIMIT).await.unwrap(), "1");
    let pool = Pool::builder(known.http2()).build().unwrap();
    let answer = pool.fetch(get("/id")).await.unwrap();
    assert_eq!(answer.version(), cenote_http::hyper::Version::HTTP_2);
    assert_eq!(answer.into_body().text(LIMIT).await.unwrap(), "1");

    for (http, says) in [
        (https(address, "localhost").root_cert(&other), "the TLS handshake failed"),
        (https(address, "127.0.0.1").root_cert(&trusted), "not valid for name"),
        (https(address, "localhost").identity(&trusted, &other).root_cert(&trusted), "identity: "),
    ] {
        let (fault, told) = refused(http).await;
        assert!(fault == Fault::Permanent && told.contains(says), "{told}");
    }
    std::fs::write(&other, "nothing").unwrap();
    let (fault, told) = refused(https(address, "localhost").root_cert(&other)).await;
    assert!(fault == Fault::Permanent && told.contains("holds no certificate"), "{told}");
}

// S, P-14
#[tokio::test]
async fn a_service_that_speaks_no_http_2_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    let certificate = Certificate::new("localhost");
    std::fs::write(&trusted, certificate.pem()).unwrap();
    let address = service(&certificate, &[]).await;
    let http = https(address, "localhost").root_cert(&trusted);
    let pool = Pool::builder(http.clone().http2()).build().unwrap();
    let told = pool.share().await.map(drop).unwrap_err().to_string();
    assert!(told.contains("it speaks no HTTP/2 over TLS: leave out http2()"), "{told}");
    let pool = Pool::builder(http).build().unwrap();
    assert_eq!(pool.fetch(get("/id")).await.unwrap().status(), 200);
}
