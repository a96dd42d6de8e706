//! User and password: a token is asked for once, shown each time, and asked for again when it is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::fake::{Asked, Fake, Reply, Store};
use crate::{etcd, keys, next, until};

const LOGIN: &str = "/v3/auth/authenticate";

/// A store that wants the token of the latest login, which is `token-N`.
async fn guarded(
    store: &Store,
    latest: &Arc<AtomicUsize>,
    invalid: &'static str,
    code: i64,
) -> Fake {
    let (store, latest) = (store.clone(), Arc::clone(latest));
    Fake::start(move |asked: &Asked| {
        if asked.path == LOGIN {
            if asked.body != json!({ "name": "shop", "password": "hunter2" }) {
                let why = "etcdserver: authentication failed, invalid user ID or password";
                return Reply::Json(400, json!({ "error": why, "message": why, "code": 3 }));
            }
            let n = latest.fetch_add(1, Ordering::SeqCst) + 1;
            return Reply::Json(200, json!({ "token": format!("token-{n}") }));
        }
        let wanted = format!("token-{}", latest.load(Ordering::SeqCst));
        match &asked.token {
            Some(token) if *token == wanted => store.answer(asked),
            _ => Reply::Json(401, json!({ "error": invalid, "message": invalid, "code": code })),
        }
    })
    .await
}

// D-1
#[tokio::test]
async fn a_token_that_is_refused_is_replaced_in_whatever_words_it_is_refused() {
    for (invalid, code) in [
        ("etcdserver: invalid auth token", 16),
        ("etcdserver: user name is empty", 3),
        ("etcdserver: revision of auth store is old", 3),
    ] {
        let (store, latest) = (Store::with(&["a"]), Arc::new(AtomicUsize::new(0)));
        let fake = guarded(&store, &latest, invalid, code).await;
        let etcd = etcd(&[&fake]).user("shop", "hunter2");
        let mut source = etcd.nodes("/n/").check_every(Duration::from_millis(100));
        assert_eq!(keys(&next(&mut source).await), ["a"]);
        assert_eq!(fake.asked(LOGIN).len(), 1, "one login for the list and the watch");
        assert_eq!(fake.asked(LOGIN)[0].token, None);
        // Nobody knows the old one any more.
        latest.fetch_add(1, Ordering::SeqCst);
        tokio::select! {
            update = next(&mut source) => panic!("{update:?}"),
            () = until("it has another", || fake.asked(LOGIN).len() == 2) => {}
        }
        store.node("b", 1);
        assert_eq!(next(&mut source).await.error(), None);
        assert_eq!(fake.asked("/v3/watch").len(), 1);
    }
}

// S
#[tokio::test]
async fn a_wrong_password_is_told_without_it_and_one_that_is_not_wanted_is_not_needed() {
    let (store, latest) = (Store::with(&["a"]), Arc::new(AtomicUsize::new(0)));
    let fake = guarded(&store, &latest, "etcdserver: user name is empty", 3).await;
    let wrong = etcd(&[&fake]).user("shop", "s3cret");
    let mut source = wrong.nodes("/n/");
    let update = next(&mut source).await;
    let is = format!(
        "etcd /n/: {}: etcd refuses it (etcdserver: authentication failed, invalid user ID or password): correct user and password",
        fake.url()
    );
    assert_eq!(update.error(), Some(is.as_str()));
    let shown = format!("{wrong:?} {source:?} {update:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    // Nobody is given where somebody is wanted.
    let update = next(&mut etcd(&[&fake]).nodes("/n/")).await;
    assert!(
        update.error().unwrap().ends_with("it wants a user and a password: give them"),
        "{update:?}"
    );

    let open = store.clone();
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        LOGIN => {
            let why = "etcdserver: authentication is not enabled";
            Reply::Json(400, json!({ "error": why, "message": why, "code": 9 }))
        }
        _ => open.answer(asked),
    })
    .await;
    let mut source = etcd(&[&fake]).user("shop", "hunter2").nodes("/n/");
    assert_eq!(keys(&next(&mut source).await), ["a"]);
    assert_eq!(fake.asked("/v3/kv/range")[0].token, None);
}
