//! Several servers, and none.

use std::time::{Duration, Instant};

use cenote::Node;
use cenote_cluster::discovery::Discovery;
use cenote_etcd::Etcd;
use cenote_testkit::Sim;
use serde_json::json;

use crate::fake::{Fake, Reply, Store};
use crate::{etcd, keys, next};

const SHORT: Duration = Duration::from_millis(200);

// D-1
#[tokio::test]
async fn whoever_does_not_answer_in_time_is_left_for_the_next_and_not_asked_again() {
    let store = Store::with(&["a"]);
    let silent = Fake::start(|_| Reply::Silence).await;
    let leaderless =
        Fake::start(|_| Reply::Json(503, json!({ "error": "etcdserver: no leader", "code": 14 })))
            .await;
    let well = Fake::of(&store).await;
    let etcd = etcd(&[&silent, &leaderless, &well]).answer_timeout(SHORT);
    let mut source = etcd.nodes("/n/").check_every(Duration::from_millis(100));
    let began = Instant::now();
    assert_eq!(keys(&next(&mut source).await), ["a"]);
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    store.node("b", 1);
    next(&mut source).await;
    let asked = |fake: &Fake| fake.asked("/v3/kv/range").len();
    assert_eq!((asked(&silent), asked(&leaderless)), (1, 1));
    assert!(asked(&well) >= 1);
}

// D-1
#[tokio::test]
async fn when_the_server_of_the_watch_stops_answering_the_next_one_is_watched() {
    let store = Store::with(&["a"]);
    let first = {
        let (store, frozen) = (store.clone(), std::sync::atomic::AtomicUsize::new(0));
        Fake::start(move |asked| {
            // It lists, begins a watch, and then takes what it is told and says nothing.
            if frozen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2 {
                return store.answer(asked);
            }
            Reply::Silence
        })
        .await
    };
    let second = Fake::of(&store).await;
    let etcd = etcd(&[&first, &second]).answer_timeout(SHORT);
    let mut source = etcd.nodes("/n/").check_every(Duration::from_millis(100));
    assert_eq!(keys(&next(&mut source).await), ["a"]);
    store.lock().deaf = true;
    // The look finds that nobody is at home, and all begins anew next door.
    assert_eq!(keys(&next(&mut source).await), ["a"]);
    assert_eq!((first.asked("/v3/watch").len(), second.asked("/v3/watch").len()), (1, 1));
}

// D-3, S
#[tokio::test]
async fn when_no_server_answers_each_is_named_and_the_wait_grows() {
    let html = b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\n<html>404".to_vec();
    let other = Fake::start(move |_| Reply::Raw(html.clone())).await;
    // A port that was free a moment ago.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("http://{gone}");
    let mut source = Etcd::new([gone.clone(), other.url()]).unwrap().nodes("/n/");
    let began = Instant::now();
    for _ in 0..4 {
        let update = next(&mut source).await;
        let is = format!(
            "etcd /n/: no server of etcd answers: {gone}: nothing listens there: start the service, or correct host and port; \
             {}: it answered 404 Not Found: see whether etcd 3.4 or later listens there, with its JSON gateway",
            other.url()
        );
        assert_eq!(update.error(), Some(is.as_str()));
    }
    // 100, 200 and 400 ms, of each at least a half.
    assert!(began.elapsed() >= Duration::from_millis(350), "{:?}", began.elapsed());
}

// S
#[test]
fn without_a_runtime_it_says_so() {
    let etcd = Etcd::new(["http://127.0.0.1:1"]).unwrap();
    let mut source = etcd.nodes("/n/");
    let sim = Sim::new(1);
    let update = sim.run(async { source.next(&*sim.env()).await });
    assert_eq!(update.unwrap().error(), Some("etcd /n/ needs a tokio runtime to be asked on"));
    let error = sim.run(etcd.register("/n/", &Node::new("a", "x")).keep_alive()).unwrap_err();
    assert!(error.to_string().starts_with("a registration needs a tokio runtime"), "{error}");
}
