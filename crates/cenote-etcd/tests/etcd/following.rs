//! The list and the watch: what changes is said, and whatever becomes of the watch, nothing is missed.

use std::time::Duration;

use cenote::Node;
use cenote_cluster::discovery::Update;

use crate::fake::{Fake, Store};
use crate::{etcd, keys, next, until};

const LOOK: Duration = Duration::from_millis(100);
/// Nobody looks whether the watch tells everything.
const NEVER: Duration = Duration::from_secs(3600);

// D-1
#[tokio::test]
async fn what_is_below_the_prefix_is_listed_and_each_change_is_said_as_it_comes() {
    let store = Store::with(&["b", "a"]);
    store.put("/n", "not below it");
    store.put("/n0", "neither");
    let fake = Fake::of(&store).await;
    let mut source = etcd(&[&fake]).nodes("/n/");
    assert_eq!(keys(&next(&mut source).await), ["a", "b"]);
    store.node("c", 7);
    let c = Node::new("c", "c:1").weight(7);
    assert_eq!(next(&mut source).await, Update::change([], [c]));
    store.remove("a");
    assert_eq!(next(&mut source).await, Update::change(["a".to_owned()], []));
    assert_eq!((fake.asked("/v3/kv/range").len(), fake.asked("/v3/watch").len()), (1, 1));
}

// D-1
#[tokio::test]
async fn a_list_of_many_pages_is_one_list_of_one_revision() {
    let names: Vec<String> = (0..600).map(|n| format!("{n:03}")).collect();
    let store = Store::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let fake = Fake::of(&store).await;
    let mut source = etcd(&[&fake]).nodes("/n/");
    assert_eq!(keys(&next(&mut source).await), names);
    let pages = fake.asked("/v3/kv/range");
    let revisions: Vec<&str> =
        pages.iter().map(|page| page.body["revision"].as_str().unwrap()).collect();
    assert_eq!(revisions, ["0", "600", "600"]);
    assert_eq!(fake.asked("/v3/watch")[0].body["create_request"]["start_revision"], "601");
}

// D-1
#[tokio::test]
async fn a_change_between_the_list_and_the_watch_is_not_missed() {
    let store = Store::with(&["a"]);
    let late = store.clone();
    let fake = Fake::start(move |asked| {
        if asked.path == "/v3/watch" {
            late.node("b", 1);
        }
        late.answer(asked)
    })
    .await;
    let mut source = etcd(&[&fake]).nodes("/n/");
    assert_eq!(keys(&next(&mut source).await), ["a"]);
    assert_eq!(next(&mut source).await, Update::change([], [Node::new("b", "b:1")]));
}

// D-1
#[tokio::test]
async fn a_watch_that_ends_is_begun_anew_without_a_word_of_failure() {
    let compacted = "{\"result\":{\"canceled\":true,\"compact_revision\":\"9\"}}\n";
    let canceled = "{\"result\":{\"canceled\":true,\"cancel_reason\":\"mvcc: no more\"}}\n";
    let error = "{\"error\":{\"grpc_code\":14,\"message\":\"etcdserver: no leader\"}}\n";
    for line in ["\n", compacted, canceled, error, "garbage\n"] {
        let store = Store::with(&["a", "b"]);
        let fake = Fake::of(&store).await;
        let mut source = etcd(&[&fake]).nodes("/n/").check_every(NEVER);
        assert_eq!(keys(&next(&mut source).await), ["a", "b"]);
        // Nobody watches when it happens.
        store.end_watches(line);
        store.remove("a");
        store.node("c", 1);
        assert_eq!(keys(&next(&mut source).await), ["b", "c"], "{line}");
        assert_eq!(store.watchers(), 1);
    }
}

// D-1
#[tokio::test]
async fn a_watcher_that_comes_too_late_lists_anew() {
    let store = Store::with(&["a"]);
    let fake = Fake::of(&store).await;
    let mut source = etcd(&[&fake]).nodes("/n/").check_every(NEVER);
    // The list is of a revision that is compacted away before the watch begins.
    store.lock().compacted = 10;
    assert_eq!(keys(&next(&mut source).await), ["a"]);
    store.lock().revision = 10;
    store.node("b", 1);
    assert_eq!(keys(&next(&mut source).await), ["a", "b"]);
}

// D-1
#[tokio::test]
async fn a_watch_that_is_silent_though_something_changed_is_left() {
    for change in ["put", "removal", "both", "revision"] {
        let store = Store::with(&["a", "b"]);
        let fake = Fake::of(&store).await;
        let mut source = etcd(&[&fake]).nodes("/n/").check_every(LOOK);
        next(&mut source).await;
        store.lock().deaf = true;
        let there: &[&str] = match change {
            "put" => {
                store.node("c", 1);
                &["a", "b", "c"]
            }
            "removal" => {
                store.remove("a");
                &["b"]
            }
            "both" => {
                store.remove("a");
                store.node("c", 1);
                &["b", "c"]
            }
            // An old copy: as many keys, none younger, and an earlier revision.
            _ => {
                store.lock().revision = 1;
                &["a", "b"]
            }
        };
        assert_eq!(keys(&next(&mut source).await), there, "{change}");
    }
}

// D-1
#[tokio::test]
async fn a_watch_that_tells_everything_is_looked_at_and_kept() {
    let store = Store::with(&["a"]);
    let fake = Fake::of(&store).await;
    let mut source = etcd(&[&fake]).nodes("/n/").check_every(LOOK);
    next(&mut source).await;
    let looks = || fake.asked("/v3/kv/range").len() - 1;
    tokio::select! {
        update = next(&mut source) => panic!("{update:?}"),
        () = until("it has looked", || looks() >= 5) => {}
    }
    assert_eq!(fake.asked("/v3/watch").len(), 1);
    let look = &fake.asked("/v3/kv/range")[1].body;
    assert_eq!((&look["keys_only"], &look["limit"]), (&true.into(), &"1".into()));
}

// D-3, S
#[tokio::test]
async fn what_may_not_be_watched_is_listed_and_says_so() {
    let store = Store::with(&["a"]);
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        "/v3/watch" => {
            let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
            let said = r#"{"result":{"created":true,"canceled":true,"cancel_reason":"etcdserver: permission denied"}}"#;
            sender.send(format!("{said}\n")).unwrap();
            crate::fake::Reply::Lines(lines)
        }
        _ => store.answer(asked),
    })
    .await;
    let mut source = etcd(&[&fake]).nodes("/n/");
    let update = next(&mut source).await;
    assert_eq!(keys(&update), ["a"]);
    let remarks: Vec<&str> = update.remarks().collect();
    let is = format!(
        "cannot be watched, and is listed each 5s: {}: etcd refuses it (etcdserver: permission denied): grant this user the prefix, or take another one",
        fake.url()
    );
    assert_eq!(remarks, [is]);
}
