//! Users, passwords and certificates; and the program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use cenote::Env;
use cenote::Node;
use cenote::env::Tokio;
use cenote_cluster::discovery::{Discovery, Update};
use cenote_etcd::{Etcd, EtcdSource};
use cenote_testkit::servers::etcd::{Server, Settings};

use super::{Followed, etcd, put};

async fn next(mut source: EtcdSource) -> Update {
    let env = Tokio::current().unwrap();
    let update = tokio::time::timeout(Duration::from_secs(20), source.next(&env as &dyn Env)).await;
    update.expect("it says something").unwrap()
}

/// A user who may do everything below `/n/`.
fn shop(server: &Server) {
    for command in [
        &["role", "add", "nodes"][..],
        &["role", "grant-permission", "--prefix=true", "nodes", "readwrite", "/n/"],
        &["user", "add", "shop:hunter2"],
        &["user", "grant-role", "shop", "nodes"],
    ] {
        server.run(command).unwrap();
    }
}

// D-1, S
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_a_password_follows_and_registers_also_when_tokens_are_forgotten() {
    let server = Settings::new().password().start().unwrap();
    shop(&server);
    put(&server, "b", 1);
    let shop = etcd(&server).user("shop", "hunter2");
    let node = Node::new("a", "x");
    let registration =
        shop.register("/n/", &node).ttl(Duration::from_secs(1)).keep_alive().await.unwrap();
    let source = shop.nodes("/n/").check_every(Duration::from_millis(100));
    let followed = Followed::start(source, "a1 b1").await;
    // It keeps its tokens in memory.
    server.kill();
    server.start_again().unwrap();
    put(&server, "c", 1);
    followed.until("a1 b1 c1").await;
    followed.well().await;
    registration.revoke().await.unwrap();
    followed.until("b1 c1").await;
    assert!(!followed.log().contains("hunter2"), "{}", followed.log());
    followed.end().await;

    for (etcd, says) in [
        (etcd(&server).user("shop", "s3cret"), "correct user and password"),
        (etcd(&server), "it wants a user and a password: give them"),
    ] {
        let update = next(etcd.nodes("/n/")).await;
        let why = update.error().unwrap();
        assert!(
            why.starts_with(&format!("etcd /n/: {}: etcd refuses it (", server.url())),
            "{why}"
        );
        assert!(why.ends_with(says) && !why.contains("s3cret"), "{why}");
    }
    let update = next(shop.nodes("/other/")).await;
    let why = update.error().unwrap();
    assert!(
        why.ends_with(
            "(etcdserver: permission denied): grant this user the prefix, or take another one"
        ),
        "{why}"
    );
    let error = shop.register("/other/", &node).keep_alive().await.unwrap_err().to_string();
    assert!(error.contains("permission denied"), "{error}");
}

// D-1, S
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_count_on_both_sides() {
    let server = Settings::new().client_certificates().start().unwrap();
    put(&server, "a", 1);
    let (authority, (cert, key)) = (server.authority().unwrap(), server.client().unwrap());
    let etcd = || Etcd::new([server.url()]).unwrap();
    let known = || etcd().root_cert(&authority);
    let followed = Followed::start(known().identity(&cert, &key).nodes("/n/"), "a1").await;
    put(&server, "b", 1);
    followed.until("a1 b1").await;
    followed.end().await;
    // Nobody vouches for the server; or for us.
    let update = next(etcd().identity(&cert, &key).nodes("/n/")).await;
    let why = update.error().unwrap();
    assert!(why.contains(": the TLS handshake failed (") && why.contains("root_cert"), "{why}");
    let update = next(known().nodes("/n/")).await;
    assert!(update.error().unwrap().contains(&server.url()), "{update:?}");
    // The same from a text.
    let url = format!(
        "{}/n/?root_cert={}&cert={}&key={}",
        server.url(),
        authority.display(),
        cert.display(),
        key.display()
    );
    let update = next(EtcdSource::from_url(&url).unwrap()).await;
    assert_eq!(update.nodes().map(<[Node]>::len), Some(2), "{update:?}");
}

// D-1, S
#[tokio::test]
async fn the_program_shows_what_lies_below_a_prefix_and_what_changes() {
    let server = Settings::new().password().start().unwrap();
    shop(&server);
    put(&server, "a", 1);
    let cenote = |args: &[&str], stderr: Stdio| {
        let mut cargo = Command::new(env!("CARGO"));
        // Built already where the whole workspace is tested.
        cargo.args(["run", "--quiet", "--package", "cenote-cli", "--", "nodes", "--source"]);
        cargo.args(args).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap()
    };
    let source = |login: &str| format!("etcd:http://{login}@{}/n/", server.address());
    // If it ends, everybody sees why.
    let mut child = cenote(&[&source("shop:hunter2"), "--watch"], Stdio::inherit());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().expect("it goes on").unwrap();
    assert_eq!((line().as_str(), line().as_str()), ("etcd /n/ lists 1 node", "  + a, weight 1"));
    put(&server, "b", 2);
    assert_eq!(line(), "  + b, weight 2");
    server.run(&["put", "/n/b", "hunter2"]).unwrap();
    let said = line();
    assert!(said.starts_with("  ! etcd key /n/b, line 1: it is no JSON"), "{said}");
    server.kill();
    let said = line();
    assert!(
        said.starts_with("  ! etcd /n/: no server of etcd answers: ")
            && said.ends_with("; the nodes stay as they are"),
        "{said}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    server.start_again().unwrap();
    let output = cenote(&[&source("shop:s3cret")], Stdio::piped()).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.starts_with("error: etcd /n/: ") && said.ends_with("correct user and password\n"),
        "{said}"
    );
    assert!(!said.contains("s3cret") && output.status.code() == Some(1), "{said}");
}
