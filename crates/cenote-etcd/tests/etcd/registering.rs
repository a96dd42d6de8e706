//! A service that registers itself: kept alive, put there again when the lease is lost, taken away in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cenote::Node;
use cenote_etcd::Etcd;
use serde_json::json;

use crate::fake::{Asked, Fake, Reply, Store};
use crate::{PATIENCE, etcd, until};

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

/// A gateway that has no leader until it is told to answer.
async fn away(store: &Store) -> (Fake, Arc<AtomicBool>) {
    let (answers, is_away) = (store.clone(), Arc::new(AtomicBool::new(true)));
    let away = Arc::clone(&is_away);
    let fake = Fake::start(move |asked: &Asked| match is_away.load(Ordering::SeqCst) {
        true => Reply::Json(503, json!({ "error": "etcdserver: no leader", "code": 14 })),
        false => answers.answer(asked),
    })
    .await;
    (fake, away)
}

// D-1
#[tokio::test]
async fn a_service_that_starts_while_etcd_is_away_is_listed_when_it_is_back() {
    let store = Store::default();
    let (fake, away) = away(&store).await;
    // So long that nothing but the first time can be meant.
    let register = || etcd(&[&fake]).register("/n/", &node()).ttl(3600 * SECOND);
    let registration = register().keep_trying().unwrap();
    let yet = "/n/a is not listed yet: etcd is being asked";
    assert_eq!((registration.key(), registration.error().as_deref()), ("/n/a", Some(yet)));
    until("it is tried again", || fake.asked("/v3/lease/grant").len() >= 3).await;
    until("it is told why", || registration.error().unwrap().contains("no leader")).await;
    let listed = tokio::time::timeout(Duration::ZERO, registration.listed()).await;
    assert!(listed.is_err(), "it is not");
    away.store(false, Ordering::SeqCst);
    tokio::time::timeout(PATIENCE, registration.listed()).await.unwrap().unwrap();
    assert!(store.has("/n/a"));
    assert_eq!(registration.error(), None);
    registration.listed().await.unwrap();
    registration.revoke().await.unwrap();
    assert!(!store.has("/n/a") && store.lock().leases.is_empty());
    // Who is listed at once waits for nothing either.
    let registration = register().keep_alive().await.unwrap();
    registration.listed().await.unwrap();
}

// D-1
#[tokio::test]
async fn who_goes_before_it_was_listed_leaves_nothing_behind_and_waits_for_nobody() {
    let store = Store::default();
    let (fake, away) = away(&store).await;
    let registration = etcd(&[&fake]).register("/n/", &node()).keep_trying().unwrap();
    until("it is tried", || !fake.asked("/v3/lease/grant").is_empty()).await;
    registration.revoke().await.unwrap();
    away.store(false, Ordering::SeqCst);
    // Its task has ended: this is all that was ever asked.
    assert!(fake.asked("/v3/kv/put").is_empty() && store.lock().leases.is_empty());
    // Nor when etcd says nothing at all.
    let mute = Fake::start(|_: &Asked| Reply::Silence).await;
    let registration = etcd(&[&mute]).register("/n/", &node()).keep_trying().unwrap();
    until("it is asked", || !mute.asked("/v3/lease/grant").is_empty()).await;
    tokio::time::timeout(SECOND * 5, registration.revoke()).await.unwrap().unwrap();
}

// D-1
#[tokio::test]
async fn who_may_not_write_there_is_listed_when_he_may() {
    let (store, may) = (Store::default(), Arc::new(AtomicBool::new(false)));
    let (answers, he_may) = (store.clone(), Arc::clone(&may));
    let fake = Fake::start(move |asked: &Asked| {
        if asked.path == "/v3/kv/put" && !he_may.load(Ordering::SeqCst) {
            let refused = json!({ "error": "etcdserver: permission denied", "code": 7 });
            return Reply::Json(403, refused);
        }
        answers.answer(asked)
    })
    .await;
    let registration = etcd(&[&fake]).register("/n/", &node()).keep_trying().unwrap();
    until("it is told", || registration.error().unwrap().contains("grant this user")).await;
    may.store(true, Ordering::SeqCst);
    tokio::time::timeout(PATIENCE, registration.listed()).await.unwrap().unwrap();
    assert!(store.has("/n/a"));
}

// D-1, section S
#[test]
fn a_registration_without_its_runtime_says_so() {
    let register = || Etcd::new(["http://127.0.0.1:1"]).unwrap().register("/n/", &node());
    let error = register().keep_trying().unwrap_err().to_string();
    assert_eq!(
        error,
        "a registration needs a tokio runtime: call keep_alive() or keep_trying() inside one"
    );
    let new = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = new();
    let registration = ended.block_on(async { register().keep_trying().unwrap() });
    drop(ended);
    let error = new().block_on(registration.listed()).unwrap_err().to_string();
    assert!(error.starts_with("the runtime ended before the node was listed: "), "{error}");
}
