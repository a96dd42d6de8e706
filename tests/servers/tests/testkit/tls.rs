//! A server speaks TLS as its settings say, with a certificate that clients can check.

use std::process::Command;

use cenote_testkit::servers::postgres::{Server, Settings, Tls};

/// Whether libpq speaks TLS with it, told by the server; or why it cannot.
fn connect(server: &Server, host: &str, query: &str) -> Result<String, String> {
    let url = format!("{}?{query}", server.url().replace("127.0.0.1", host));
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let mut psql = Command::new("psql");
    let output = psql.args(["-X", "-A", "-t", &url, "-c", sql]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn a_server_without_tls_says_so() {
    let server = Server::start().unwrap();
    assert_eq!(server.authority(), None);
    let refused = connect(&server, "127.0.0.1", "sslmode=require").unwrap_err();
    assert!(refused.contains("server does not support SSL"), "{refused}");
}

#[test]
fn tls_that_is_offered_can_be_checked_and_declined() {
    let server = Settings::new().tls(Tls::Offered).start().unwrap();
    let authority = server.authority().unwrap();
    let checked = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(connect(&server, host, &checked), Ok("t".to_owned()), "{host}");
    }
    assert_eq!(connect(&server, "127.0.0.1", "sslmode=disable"), Ok("f".to_owned()));
    // Another authority has not signed it.
    let unknown = format!("sslmode=verify-full&sslrootcert={}", other_authority().display());
    let refused = connect(&server, "127.0.0.1", &unknown).unwrap_err();
    assert!(refused.contains("certificate verify failed"), "{refused}");
}

/// One of those that the system trusts.
fn other_authority() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("cenote-other-authority-{}", std::process::id()));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args(["-subj", "/CN=other", "-keyout", "/dev/null", "-out"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(made.status.success());
    path
}

#[test]
fn tls_that_is_required_is_not_declined() {
    let server = Settings::new().tls(Tls::Required).start().unwrap();
    let refused = connect(&server, "127.0.0.1", "sslmode=disable").unwrap_err();
    assert!(refused.contains("no encryption"), "{refused}");
    assert_eq!(connect(&server, "127.0.0.1", "sslmode=require"), Ok("t".to_owned()));
    assert_eq!(server.run_sql("SELECT 1").unwrap(), "1");
    // So do its standbys.
    let standby = server.standby().unwrap();
    assert!(connect(&standby, "127.0.0.1", "sslmode=disable").is_err());
}
