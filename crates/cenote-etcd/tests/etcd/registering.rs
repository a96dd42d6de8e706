//! A service that registers itself: kept alive, put there again when the lease is lost, taken away in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cenote::Node;
use serde_json::json;

use crate::fake::{Asked, Fake, Reply, Store};
use crate::{etcd, until};

const SECOND: Duration = Duration::from_secs(1);

fn node() -> Node {
    Node::new("a", "postgres://app:hunter2@a/shop").weight(3)
}

// D-1
#[tokio::test]
async fn a_node_is_there_under_a_lease_that_is_kept_alive_until_it_is_revoked() {
    let store = Store::default();
    let fake = Fake::of(&store).await;
    let registration =
        etcd(&[&fake]).register("/n/", &node()).ttl(3 * SECOND).keep_alive().await.unwrap();
    assert!(store.has("/n/a") && registration.key() == "/n/a");
    assert_eq!(fake.asked("/v3/lease/grant")[0].body, json!({ "TTL": "3" }));
    until("it is kept alive", || fake.asked("/v3/lease/keepalive").len() >= 4).await;
    assert_eq!((registration.error(), store.lock().leases.len()), (None, 1));
    registration.revoke().await.unwrap();
    assert!(!store.has("/n/a") && store.lock().leases.is_empty());
    assert_eq!(fake.asked("/v3/kv/put").len(), 1, "it was never lost");
    // Dropping it does the same, a moment later.
    let registration = etcd(&[&fake]).register("/n/", &node()).keep_alive().await.unwrap();
    assert!(store.has("/n/a"));
    drop(registration);
    until("it is gone", || !store.has("/n/a")).await;
}

// D-1
#[tokio::test]
async fn a_lease_that_was_lost_is_replaced_and_the_node_is_there_again() {
    let store = Store::default();
    let fake = Fake::of(&store).await;
    let registration =
        etcd(&[&fake]).register("/n/", &node()).ttl(SECOND).keep_alive().await.unwrap();
    for lease in 1..=2 {
        store.lock().expire(lease).unwrap();
        assert!(!store.has("/n/a"));
        until("it is there again", || store.has("/n/a")).await;
    }
    // Somebody else has put it there since: it stays when we go.
    store.put("/n/a", "theirs");
    store.lock().disown(3);
    registration.revoke().await.unwrap();
    assert!(store.has("/n/a"));
}

// D-1, S
#[tokio::test]
async fn an_etcd_that_is_away_is_told_and_asked_again_and_nothing_shows_the_address() {
    let (store, away) = (Store::default(), Arc::new(AtomicBool::new(false)));
    let (answers, is_away) = (store.clone(), Arc::clone(&away));
    let fake = Fake::start(move |asked: &Asked| match is_away.load(Ordering::SeqCst) {
        true => Reply::Json(503, json!({ "error": "etcdserver: no leader", "code": 14 })),
        false => answers.answer(asked),
    })
    .await;
    let register = etcd(&[&fake]).register("/n/", &node()).ttl(SECOND);
    let mut shown = format!("{register:?}");
    let registration = register.keep_alive().await.unwrap();
    away.store(true, Ordering::SeqCst);
    until("it is told", || registration.error().is_some()).await;
    let is = format!(
        "/n/a may not be listed: no server of etcd answers: {}: etcd cannot do it now (etcdserver: no leader)",
        fake.url()
    );
    assert_eq!(registration.error(), Some(is));
    shown += &format!("{registration:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    away.store(false, Ordering::SeqCst);
    until("it is well again", || registration.error().is_none()).await;
    away.store(true, Ordering::SeqCst);
    let error = registration.revoke().await.unwrap_err().to_string();
    assert!(error.starts_with("no server of etcd answers: "), "{error}");
    let error = etcd(&[&fake]).register("/n/", &node()).keep_alive().await.unwrap_err();
    assert!(error.to_string().contains("etcd cannot do it now"), "nothing is kept: {error}");
}

// D-1
#[tokio::test]
async fn whoever_stops_in_the_middle_of_it_leaves_no_node_behind() {
    let (store, slow) = (Store::default(), Arc::new(AtomicBool::new(false)));
    let (answers, is_slow) = (store.clone(), Arc::clone(&slow));
    let fake = Fake::start(move |asked: &Asked| {
        // The node is there, and nobody is told.
        let answer = answers.answer(asked);
        if asked.path == "/v3/kv/put" && is_slow.load(Ordering::SeqCst) {
            Reply::Silence
        } else {
            answer
        }
    })
    .await;
    let registration =
        etcd(&[&fake]).register("/n/", &node()).ttl(SECOND).keep_alive().await.unwrap();
    slow.store(true, Ordering::SeqCst);
    store.lock().expire(1).unwrap();
    until("it is put there again", || store.has("/n/a")).await;
    registration.revoke().await.unwrap();
    assert!(!store.has("/n/a"));
}
