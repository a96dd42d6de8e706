//! An etcd server and all that can be done to it.

use std::net::TcpStream;
use std::path::Path;

use cenote_testkit::servers::etcd::{Server, Settings};

use crate::said;

fn get(server: &Server, key: &str) -> String {
    server.run(&["get", "--print-value-only", key]).unwrap()
}

#[test]
fn a_server_answers_and_ends_with_its_value() {
    let server = Server::start().unwrap();
    server.run(&["put", "k", "v"]).unwrap();
    assert_eq!(get(&server, "k"), "v");
    let (address, pid) = (server.address(), server.pid().unwrap());
    assert!(TcpStream::connect(address).is_ok());
    let shown = format!("{server:?}");
    let folder = shown.split('"').nth(1).unwrap().to_owned();
    assert!(Path::new(&folder).is_dir(), "{shown}");
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!Path::new(&folder).exists() && !Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn what_was_put_outlives_every_end_but_being_forgotten_and_compaction_forgets_what_was() {
    let server = Server::start().unwrap();
    let port = server.port();
    server.run(&["put", "k", "1"]).unwrap();
    let first = server.revision().unwrap();
    server.run(&["put", "k", "2"]).unwrap();
    assert_eq!(server.revision().unwrap(), first + 1);
    let old = format!("--rev={first}");
    assert_eq!(server.run(&["get", "--print-value-only", &old, "k"]).unwrap(), "1");
    server.compact().unwrap();
    assert!(said(server.run(&["get", &old, "k"])).contains("has been compacted"));
    server.kill();
    server.start_again().unwrap();
    assert_eq!(get(&server, "k"), "2");
    server.stop().unwrap();
    server.start_again().unwrap();
    assert_eq!((get(&server, "k").as_str(), server.port()), ("2", port));
    server.kill();
    server.forget().unwrap();
    server.start_again().unwrap();
    assert_eq!(get(&server, "k"), "");
}

#[test]
fn passwords_and_certificates_count() {
    let server = Settings::new().password().client_certificates().start().unwrap();
    server.run(&["put", "k", "v"]).unwrap();
    let password = server.password().unwrap();
    assert!(!format!("{server:?}").contains(password));
    let authority = server.authority().unwrap();
    let (cert, key) = server.client().unwrap();
    let ctl = |certified: bool, user: &str| {
        let mut ctl = std::process::Command::new("etcdctl");
        ctl.args(["--endpoints", &server.url(), "--dial-timeout=1s", "--command-timeout=2s"]);
        ctl.arg("--cacert").arg(&authority).env("ETCDCTL_USER", user);
        if certified {
            ctl.arg("--cert").arg(&cert).arg("--key").arg(&key);
        }
        ctl.args(["get", "k"]).output().unwrap().status.success()
    };
    assert!(ctl(true, &format!("root:{password}")));
    assert!(!ctl(false, &format!("root:{password}")));
    assert!(!ctl(true, "root:wrong"));
    let error = said(server.run(&["get", "--nothing"]));
    assert!(error.starts_with("etcdctl failed: ") && !error.contains(password), "{error}");
}
