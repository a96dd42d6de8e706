//! DNS as the source, against a server of its own that is changed, killed and stopped.

use std::time::{Duration, Instant};

use cenote::Node;
use cenote::env::Tokio;
use cenote_cluster::discovery::{Discovery, DnsSource, Update, dns, dns_srv};
use cenote_testkit::servers::dnsmasq::Server;

/// The next answer, and how long it took.
async fn next(source: &mut DnsSource, env: &Tokio) -> (Update, Duration) {
    let began = Instant::now();
    let update = tokio::time::timeout(Duration::from_secs(30), source.next(env)).await;
    (update.expect("it answers or says that nobody does").unwrap(), began.elapsed())
}

/// Key, weight and rank of each.
fn shown(update: &Update) -> Vec<String> {
    let node = |node: &Node| {
        format!("{} {} {}", node.key(), node.configured_weight(), node.configured_backup())
    };
    update.nodes().unwrap_or_else(|| panic!("{update:?}")).iter().map(node).collect()
}

// D-1
// lesson 15
#[tokio::test]
async fn addresses_of_a_name_are_nodes_and_asked_for_again_no_sooner_than_in_five_seconds() {
    let two = ["host-record=db.test,10.0.0.2,fd00::1", "host-record=db.test,10.0.0.1"];
    let server = Server::start(&two).unwrap();
    let env = Tokio::current().unwrap();
    let mut source = dns("db.test.", 5432).server(server.address());
    assert_eq!(source.name(), "DNS name db.test.");
    let (update, took) = next(&mut source, &env).await;
    let answered = Instant::now();
    assert_eq!(shown(&update), ["10.0.0.1:5432 1 0", "10.0.0.2:5432 1 0", "[fd00::1]:5432 1 0"]);
    assert!(took < Duration::from_secs(4), "{took:?}");
    // The server says one second.
    server.serve(&["host-record=db.test,10.0.0.3"]).unwrap();
    let (update, _) = next(&mut source, &env).await;
    let after = answered.elapsed();
    assert_eq!(shown(&update), ["10.0.0.3:5432 1 0"]);
    assert!((4_500..20_000).contains(&after.as_millis()), "{after:?}");
}

// D-1
#[tokio::test]
async fn services_have_weights_and_those_of_a_worse_priority_are_backups() {
    let server = Server::start(&[
        "srv-host=_db._tcp.test,one.test,5432,10,60",
        "srv-host=_db._tcp.test,two.test,5433,10,20",
        "srv-host=_db._tcp.test,far.test,5432,20,0",
        "srv-host=_none._tcp.test",
    ])
    .unwrap();
    let env = Tokio::current().unwrap();
    let mut source = dns_srv("_db._tcp.test.").server(server.address()).node(|found| {
        Node::new(found.host.clone(), format!("postgres://app@{}/shop", found.authority()))
    });
    let (update, _) = next(&mut source, &env).await;
    assert_eq!(shown(&update), ["one.test 60 0", "two.test 20 0", "far.test 1 1"]);
    assert_eq!(update.nodes().unwrap()[1].address(), "postgres://app@two.test:5433/shop");
    // A target that is the root says that there is no such service.
    let mut source = dns_srv("_none._tcp.test.").server(server.address());
    let (update, _) = next(&mut source, &env).await;
    assert_eq!(shown(&update), [""; 0]);
}

// D-3, S
#[tokio::test]
async fn a_name_that_is_not_there_lists_nothing_and_a_server_that_is_not_there_says_so() {
    let server = Server::start(&["txt-record=empty.test,nothing"]).unwrap();
    let env = Tokio::current().unwrap();
    for (name, told) in [("no.test.", "does not exist"), ("empty.test.", "has no such record")] {
        let mut source = dns(name, 1).server(server.address());
        let (update, _) = next(&mut source, &env).await;
        assert_eq!(shown(&update), [""; 0]);
        let remarks: Vec<&str> = update.remarks().collect();
        assert_eq!(remarks, [format!("DNS name {name} {told}")]);
    }
    for freezes in [true, false] {
        if freezes {
            server.freeze()
        } else {
            server.kill()
        }
        let mut source = dns("db.test.", 1).server(server.address());
        let (update, took) = next(&mut source, &env).await;
        let why = update.error().unwrap();
        assert!(why.starts_with("DNS name db.test. cannot be looked up: "), "{why}");
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    let mut source = dns("not a name..", 1).server(server.address());
    let (update, _) = next(&mut source, &env).await;
    assert!(update.error().is_some(), "{update:?}");
}
