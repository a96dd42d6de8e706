//! What becomes of a cluster while its etcd is killed, frozen, compacted and filled with garbage.

use std::time::Duration;

use cenote_testkit::proxy::Proxy;
use cenote_testkit::servers::etcd::Server;

use super::{Followed, etcd, put, remove};
use crate::world::until;

/// How long a server that is frozen is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

// D-1, D-2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_and_removed_is_followed_and_an_unchanged_value_says_nothing() {
    let server = Server::start().unwrap();
    put(&server, "a", 1);
    put(&server, "b", 1);
    server.run(&["put", "/nodes-of-others/x", "?"]).unwrap();
    let followed = Followed::start(etcd(&server).nodes("/n/"), "a1 b1").await;
    put(&server, "c", 5);
    followed.until("a1 b1 c5").await;
    put(&server, "b", 2);
    followed.until("a1 b2 c5").await;
    let updates = followed.cluster.status().sources[0].updates;
    put(&server, "b", 2);
    remove(&server, "a");
    followed.until("b2 c5").await;
    assert_eq!(followed.cluster.status().sources[0].updates, updates + 1);
    followed.end().await;
}

// D-1, D-3, S
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_is_killed_or_frozen_changes_nothing_and_is_followed_again_when_it_is_back() {
    let server = Server::start().unwrap();
    put(&server, "a", 1);
    put(&server, "b", 1);
    let source = etcd(&server).answer_timeout(PATIENCE).nodes("/n/");
    let source = source.check_every(Duration::from_millis(100));
    let followed = Followed::start(source, "a1 b1").await;
    server.kill();
    followed.told(&format!("{}: nothing listens there", server.url())).await;
    assert_eq!(followed.nodes(), "a1 b1");
    server.start_again().unwrap();
    put(&server, "c", 1);
    followed.until("a1 b1 c1").await;
    followed.well().await;
    server.freeze();
    followed.told(&format!("{}: no answer within {PATIENCE:?}", server.url())).await;
    assert_eq!(followed.nodes(), "a1 b1 c1");
    server.thaw();
    remove(&server, "a");
    followed.until("b1 c1").await;
    followed.well().await;
    followed.logged("source \"etcd /n/\": etcd /n/: no server of etcd answers: ").await;
    followed.end().await;
}

// D-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_compacted_while_the_watcher_was_cut_off_is_not_missed() {
    let server = Server::start().unwrap();
    put(&server, "a", 1);
    put(&server, "b", 1);
    let proxy = Proxy::start(server.address()).await.unwrap();
    let url = server.url_through(proxy.address());
    let source = cenote_etcd::Etcd::new([url.clone()]).unwrap().nodes("/n/");
    let followed = Followed::start(source, "a1 b1").await;
    proxy.down().await.unwrap();
    followed.told(&format!("{url}: nothing listens there")).await;
    put(&server, "c", 1);
    put(&server, "b", 7);
    remove(&server, "a");
    server.compact().unwrap();
    put(&server, "d", 1);
    server.compact().unwrap();
    proxy.up().unwrap();
    followed.until("b7 c1 d1").await;
    followed.well().await;
    // Cut off for a moment only, nobody is told of it.
    let lines = followed.log.lock().unwrap().len();
    assert!(proxy.cut().await > 0);
    put(&server, "e", 1);
    followed.until("b7 c1 d1 e1").await;
    let log = followed.log.lock().unwrap()[lines..].join("\n");
    assert!(!log.contains("no server"), "{log}");
    followed.end().await;
}

// D-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_servers_the_next_is_asked() {
    let server = Server::start().unwrap();
    put(&server, "a", 1);
    let (one, two) = (
        Proxy::start(server.address()).await.unwrap(),
        Proxy::start(server.address()).await.unwrap(),
    );
    let urls = [&one, &two].map(|proxy| server.url_through(proxy.address()));
    // Whoever does not listen is left at once. Whoever does is given time, so that nobody is said not to answer.
    let patience = Duration::from_secs(10);
    let source = cenote_etcd::Etcd::new(urls).unwrap().answer_timeout(patience).nodes("/n/");
    let followed = Followed::start(source, "a1").await;
    for (down, up, n) in [(&one, &two, 2), (&two, &one, 3)] {
        up.up().unwrap();
        let accepted = up.stats().accepted;
        down.down().await.unwrap();
        put(&server, &format!("x{n}"), 1);
        until("the next one is followed", || followed.cluster.nodes().len() == n).await;
        assert!(up.stats().accepted > accepted);
    }
    let log = followed.log();
    assert!(!log.contains("no server"), "{log}");
    followed.end().await;
}

// D-3, S
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_that_run_out_take_their_nodes_away_and_most_of_them_at_once_are_held() {
    let server = Server::start().unwrap();
    let leased = |seconds: &str, keys: &[&str]| {
        let said = server.run(&["lease", "grant", seconds]).unwrap();
        let id = said.split(' ').nth(1).unwrap().to_owned();
        let lease = format!("--lease={id}");
        for key in keys {
            server.run(&["put", &lease, &format!("/n/{key}"), "{\"address\": \"x\"}"]).unwrap();
        }
        id
    };
    ["a", "b", "c"].iter().for_each(|key| put(&server, key, 1));
    leased("4", &["d"]);
    let followed = Followed::start(etcd(&server).nodes("/n/"), "a1 b1 c1").await;
    // Nobody knows how long it takes to put so many. Its end comes when they are there.
    let lease = leased("600", &["e", "f", "g", "h"]);
    followed.until("a1 b1 c1 e1 f1 g1 h1").await;
    server.run(&["lease", "revoke", &lease]).unwrap();
    followed.told("is held for another").await;
    assert!(followed.nodes().contains("e1 f1 g1 h1"), "{}", followed.nodes());
    followed.logged("takes away more than half of").await;
    followed.end().await;
}

// D-3, S
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_under_one_key_is_told_with_the_key_and_costs_no_other_node_anything() {
    let server = Server::start().unwrap();
    ["a", "b"].iter().for_each(|key| put(&server, key, 1));
    let followed = Followed::start(etcd(&server).nodes("/n/"), "a1 b1").await;
    server
        .run(&["put", "/n/b", "{\"address\": \"postgres://app:hunter2@b\", \"weight\": \"heavy\"}"])
        .unwrap();
    server.run(&["put", "/n/c", "hunter2"]).unwrap();
    let wrong = "etcd key /n/b, line 1: node \"b\": its weight must be a whole number from 0 to 4294967295; it stays as it was";
    followed.told(wrong).await;
    followed.told("etcd key /n/c, line 1: it is no JSON").await;
    put(&server, "a", 9);
    followed.until("a9 b1").await;
    assert!(followed.reasons().contains(wrong), "{}", followed.reasons());
    followed.logged(wrong).await;
    followed.logged("etcd key /n/c, line 1: it is no JSON").await;
    assert!(!followed.log().contains("hunter2"), "{}", followed.log());
    put(&server, "b", 3);
    server.run(&["del", "/n/c"]).unwrap();
    followed.until("a9 b3").await;
    followed.well().await;
    // Nothing left at all is a mistake too.
    server.run(&["del", "--prefix", "/n/"]).unwrap();
    followed.told("lists no node, which is taken for a mistake").await;
    assert_eq!(followed.nodes(), "a9 b3");
    followed.end().await;
}
