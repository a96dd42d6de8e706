//! A Redis server and all that can be done to it; replicas that follow, and take its place.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use cenote_testkit::servers::redis::{Server, Settings};

use crate::{said, until};

fn get(server: &Server, key: &str) -> String {
    server.run(&["GET", key]).unwrap()
}

#[test]
fn a_server_answers_and_ends_with_its_value() {
    let server = Server::start().unwrap();
    server.run(&["RPUSH", "l", "a b", "c"]).unwrap();
    assert_eq!(server.run(&["LRANGE", "l", "0", "-1"]).unwrap(), "a b\nc");
    let (address, folder) = (server.address(), server.data());
    assert!(TcpStream::connect(address).is_ok() && folder.is_dir());
    let pid = server.pid().unwrap();
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.parent().unwrap().exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_command_that_fails_says_why() {
    let server = Server::start().unwrap();
    server.run(&["SET", "k", "x"]).unwrap();
    let error = said(server.run(&["INCR", "k"]));
    assert!(error.contains("redis-cli failed: ERR value is not an integer"), "{error}");
    assert!(!error.contains(server.password()));
    assert!(!format!("{server:?}").contains(server.password()));
}

#[test]
fn passwords_count() {
    let server = Server::start().unwrap();
    assert_eq!(
        server.url_for("app", "se/cret", 3),
        format!("redis://app:se%2Fcret@127.0.0.1:{}/3", server.port())
    );
    let mut conn = TcpStream::connect(server.address()).unwrap();
    conn.write_all(b"GET k\r\n").unwrap();
    let mut answer = [0; 7];
    conn.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"-NOAUTH");
}

#[test]
fn what_was_answered_outlives_every_end() {
    let server = Server::start().unwrap();
    let port = server.port();
    let mut expected = 0;
    let mut survived = |how: &str| {
        server.start_again().unwrap();
        assert_eq!(server.port(), port);
        expected += 1;
        let steps = server.run(&["INCR", "steps"]).unwrap();
        assert_eq!(steps, expected.to_string(), "{how}");
    };
    survived("started");
    server.stop().unwrap();
    assert!(TcpStream::connect(server.address()).is_err());
    assert!(said(server.run(&["PING"])).contains("Connection refused"));
    survived("stopped");
    server.kill();
    assert!(TcpStream::connect(server.address()).is_err());
    survived("killed");
    server.restart().unwrap();
    survived("restarted");
}

#[test]
fn settings_reach_the_server() {
    let server = Settings::new().max_clients(20).set("timeout", 7).start().unwrap();
    let shown = |name: &str| server.run(&["CONFIG", "GET", name]).unwrap();
    assert_eq!(
        (shown("maxclients"), shown("timeout")),
        ("maxclients\n20".into(), "timeout\n7".into())
    );
    assert_eq!(shown("bind"), "bind\n127.0.0.1");
    let error = said(Settings::new().set("nothing_like_this", 1).start());
    assert!(
        error.contains("redis-server failed") && error.contains("nothing_like_this"),
        "{error}"
    );
}

#[test]
fn clients_are_counted_by_their_name() {
    let server = Server::start().unwrap();
    let mut conn = TcpStream::connect(server.address()).unwrap();
    let hello = format!("AUTH {}\r\nCLIENT SETNAME one\r\n", server.password());
    conn.write_all(hello.as_bytes()).unwrap();
    conn.read_exact(&mut [0; 10]).unwrap();
    assert_eq!((server.clients("one").unwrap(), server.clients("on").unwrap()), (1, 0));
    drop(conn);
    until("it is gone", || server.clients("one").unwrap() == 0);
}

#[test]
fn a_frozen_server_takes_connections_and_answers_nothing() {
    let server = Server::start().unwrap();
    server.freeze();
    let mut conn = TcpStream::connect(server.address()).unwrap();
    conn.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    conn.write_all(b"PING\r\n").unwrap();
    let mut answer = [0];
    let silence = conn.read(&mut answer).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence:?}");
    server.thaw();
    conn.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    conn.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"-");
    // The end comes to a frozen one too.
    server.freeze();
    server.stop().unwrap();
}

#[test]
fn a_replica_has_what_its_primary_has_and_takes_no_writes() {
    let primary = Settings::new().max_clients(20).start().unwrap();
    primary.run(&["SET", "k", "1"]).unwrap();
    let replica = primary.replica().unwrap();
    assert_eq!(get(&replica, "k"), "1");
    primary.run(&["SET", "k", "2"]).unwrap();
    replica.catch_up(&primary).unwrap();
    assert_eq!(get(&replica, "k"), "2");
    assert!(said(replica.run(&["SET", "k", "3"])).contains("READONLY"));
    assert_eq!(replica.run(&["CONFIG", "GET", "maxclients"]).unwrap(), "maxclients\n20");
    // It follows a primary that comes back.
    primary.kill();
    assert_eq!(get(&replica, "k"), "2");
    primary.start_again().unwrap();
    primary.run(&["SET", "k", "4"]).unwrap();
    until("it arrives", || get(&replica, "k") == "4");
}

#[test]
fn after_a_failover_the_others_follow_the_new_primary() {
    let old = Server::start().unwrap();
    old.run(&["SET", "k", "1"]).unwrap();
    let (new, other) = (old.replica().unwrap(), old.replica().unwrap());
    old.kill();
    assert_eq!(
        said(old.replica()),
        "redis-server does not run at the moment: start it again first"
    );
    new.promote().unwrap();
    other.follow(&new).unwrap();
    // It comes back as the primary that it was; what only it has is lost when it follows.
    old.start_again().unwrap();
    old.run(&["SET", "k", "100"]).unwrap();
    old.follow(&new).unwrap();
    new.run(&["SET", "k", "2"]).unwrap();
    for replica in [&other, &old] {
        replica.catch_up(&new).unwrap();
        assert_eq!(get(replica, "k"), "2");
        assert_eq!(replica.replication("role").unwrap(), "slave");
    }
    // Both stay what they are.
    new.restart().unwrap();
    old.restart().unwrap();
    until("it follows", || old.replication("master_link_status").unwrap() == "up");
    assert_eq!(new.replication("role").unwrap(), "master");
}

#[test]
fn a_server_with_tls_speaks_nothing_else_and_so_do_its_replicas() {
    let server = Settings::new().tls().start().unwrap();
    assert!(server.url().starts_with("rediss://default:") && server.authority().is_some());
    assert_eq!(server.run(&["PING"]).unwrap(), "PONG");
    server.run(&["SET", "k", "1"]).unwrap();
    let replica = server.replica().unwrap();
    assert_eq!(get(&replica, "k"), "1");
    for server in [&server, &replica] {
        let mut conn = TcpStream::connect(server.address()).unwrap();
        conn.write_all(b"PING\r\n").unwrap();
        let mut answer = Vec::new();
        _ = conn.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"-") && !answer.starts_with(b"+"), "{answer:?}");
    }
}
