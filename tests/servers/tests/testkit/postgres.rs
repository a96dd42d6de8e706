//! A PostgreSQL server and all that can be done to it.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use cenote_testkit::servers::postgres::{Server, Settings, Stop};

use crate::said;

fn server() -> Server {
    Server::start().unwrap()
}

#[test]
fn a_server_answers_and_ends_with_its_value() {
    let server = server();
    assert_eq!(server.run_sql("SELECT 6 * 7, 'a'; SELECT 2").unwrap(), "42|a\n2");
    let (address, folder) = (server.address(), server.data());
    assert!(TcpStream::connect(address).is_ok() && folder.is_dir());
    let pid = server.pid().unwrap();
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.parent().unwrap().exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_statement_that_fails_says_why() {
    let server = server();
    let error = said(server.run_sql("SELECT 1; SELECT nothing"));
    assert!(
        error.contains("psql failed") && error.contains("column \"nothing\" does not exist"),
        "{error}"
    );
    assert!(
        said(server.run_sql_in("shop", "SELECT 1")).contains("database \"shop\" does not exist")
    );
}

#[test]
fn passwords_count_and_are_in_no_error() {
    let server = server();
    server.run_sql("CREATE ROLE app LOGIN PASSWORD 'se/cret'").unwrap();
    assert_eq!(
        server.url_for("app", "se/cret", "shop"),
        format!("postgres://app:se%2Fcret@127.0.0.1:{}/shop", server.port())
    );
    assert_eq!(psql(&server.url_for("app", "se/cret", "postgres")), Ok("app".to_owned()));
    let refused = psql(&server.url_for("app", "wrong", "postgres")).unwrap_err();
    assert!(refused.contains("password authentication failed for user \"app\""), "{refused}");
    assert!(!said(server.run_sql("SELECT nothing")).contains(server.password()));
    assert!(!format!("{server:?}").contains(server.password()));
}

/// Who the server says that we are.
fn psql(url: &str) -> Result<String, String> {
    let mut psql = std::process::Command::new("psql");
    let output = psql.args(["-X", "-A", "-t", url, "-c", "SELECT current_user"]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn what_is_committed_outlives_every_end() {
    let server = server();
    let port = server.port();
    server.run_sql("CREATE TABLE step (name text)").unwrap();
    let mut expected = 0;
    let mut survived = |how: &str| {
        assert_eq!(server.port(), port);
        server.start_again().unwrap();
        server.run_sql(&format!("INSERT INTO step VALUES ('{how}')")).unwrap();
        expected += 1;
        assert_eq!(
            server.run_sql("SELECT count(*) FROM step").unwrap(),
            expected.to_string(),
            "{how}"
        );
    };
    survived("start");
    for how in [Stop::Smart, Stop::Fast, Stop::Immediate] {
        server.stop(how).unwrap();
        assert!(TcpStream::connect(server.address()).is_err());
        assert!(said(server.run_sql("SELECT 1")).contains("Connection refused"));
        survived(&format!("{how:?}"));
    }
    server.kill();
    assert!(TcpStream::connect(server.address()).is_err());
    survived("killed");
    server.restart().unwrap();
    survived("restarted");
}

#[test]
fn settings_reach_the_server() {
    let server =
        Settings::new().max_connections(20).set("statement_timeout", "7s").set("work_mem", "1MB");
    let server = server.start().unwrap();
    let show = |name: &str| server.run_sql(&format!("SHOW {name}")).unwrap();
    assert_eq!(
        (show("max_connections"), show("statement_timeout")),
        ("20".to_owned(), "7s".to_owned())
    );
    assert_eq!(show("listen_addresses"), "127.0.0.1");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let error = said(Settings::new().set("nothing_like_this", 1).start());
    assert!(error.contains("postgres failed") && error.contains("nothing_like_this"), "{error}");
}

/// Asks whether the server would speak TLS: a question of eight bytes, and an answer of one.
fn asked(server: &Server) -> TcpStream {
    let mut conn = TcpStream::connect(server.address()).unwrap();
    conn.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    conn.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).unwrap();
    conn
}

#[test]
fn a_frozen_server_takes_connections_and_answers_nothing() {
    let server = server();
    server.freeze();
    let mut conn = asked(&server);
    let mut answer = [0];
    let silence = conn.read(&mut answer).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence:?}");
    server.thaw();
    conn.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    conn.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"N");
    assert_eq!(server.run_sql("SELECT 1").unwrap(), "1");
    // The end comes to a frozen one too.
    server.freeze();
    server.stop(Stop::Immediate).unwrap();
}

#[test]
fn a_kill_reaches_a_process_that_computes() {
    let server = std::sync::Arc::new(server());
    let busy = std::thread::spawn({
        let server = server.clone();
        move || server.run_sql("SELECT count(*) FROM generate_series(1, 1000000000000)")
    });
    let backend =
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT count(*)%' AND state = 'active'";
    let mut pid = String::new();
    crate::until("the query runs", || {
        pid = server.run_sql(backend).unwrap();
        !pid.is_empty()
    });
    server.kill();
    assert!(!crate::is_alive(pid.parse().unwrap()), "process {pid} lives on");
    assert!(said(busy.join().unwrap()).contains("server closed the connection"));
}
