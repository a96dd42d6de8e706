//! Whoever answers may be anybody: each answer that is none of etcd's is a sentence, within the deadline and with bounded
//! memory, and what was known stays.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::unbounded_channel;

use crate::fake::{Fake, Reply, Store};
use crate::{etcd, keys, next};

/// An answer with this body.
fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

// S
#[tokio::test]
async fn what_answers_and_is_no_etcd_is_told_in_one_sentence() {
    let huge = format!("{{\"x\":\"{}\"}}", "y".repeat(5 << 20));
    let endless = [
        &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n100000000\r\n"[..],
        huge.as_bytes(),
    ]
    .concat();
    let disorder = br#"{"header":{"revision":"1"},"kvs":[{"key":"L24vYg=="},{"key":"L24vYQ=="}]}"#;
    for (answer, says) in [
        (ok(b"<html>hello</html>"), "the answer is no JSON"),
        (ok(b""), "the answer is no JSON"),
        (ok(b"{\"header\":{\"revi"), "the answer is no JSON"),
        (ok(b"\xff\xfe\x00"), "the answer is no JSON"),
        (ok("[".repeat(100_000).as_bytes()), "the answer is no JSON"),
        (ok(b"{}"), "the answer has no revision"),
        (ok(b"{\"header\":{\"revision\":\"1\"},\"kvs\":7}"), "the answer has no list of keys"),
        (ok(disorder), "the answer has its keys in no order"),
        (ok(huge.as_bytes()), "an answer is longer than 4 MiB"),
        (endless, "an answer is longer than 4 MiB"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"hea".to_vec(), "broke off"),
        (b"".to_vec(), "there was no answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "there was no answer"),
        (b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n".to_vec(), "it answered 500"),
    ] {
        let fake = Fake::start(move |_| Reply::Raw(answer.clone())).await;
        let mut source = etcd(&[&fake]).nodes("/n/");
        let began = Instant::now();
        let update = next(&mut source).await;
        let why = update.error().unwrap_or_else(|| panic!("{says}: {update:?}"));
        assert!(why.starts_with("etcd /n/: ") && why.contains(&fake.url()), "{why}");
        assert!(why.contains(says) && !why.contains(['\n', '\u{0}']) && why.len() < 500, "{why}");
        assert!(began.elapsed() < Duration::from_secs(10), "{says}: {:?}", began.elapsed());
    }
}

// S
#[tokio::test]
async fn a_watch_that_says_nonsense_is_left_and_what_was_known_stays() {
    for line in ["x".repeat(5 << 20), "{}\n".to_owned(), "\u{0}\n".to_owned()] {
        let (store, watches) = (Store::with(&["a"]), AtomicUsize::new(0));
        let fake = Fake::start(move |asked| {
            if asked.path != "/v3/watch" || watches.fetch_add(1, Ordering::Relaxed) > 0 {
                return store.answer(asked);
            }
            let (sender, lines) = unbounded_channel();
            sender.send("{\"result\":{\"created\":true}}\n".to_owned()).unwrap();
            sender.send(line.clone()).unwrap();
            Reply::Lines(lines)
        })
        .await;
        let mut source = etcd(&[&fake]).nodes("/n/");
        assert_eq!(keys(&next(&mut source).await), ["a"]);
        assert_eq!(keys(&next(&mut source).await), ["a"], "listed anew");
        assert_eq!(fake.asked("/v3/watch").len(), 2);
    }
}

// S
#[tokio::test]
async fn pages_become_smaller_where_values_are_large_and_garbage_costs_nobody_anything() {
    let store = Store::default();
    let large = |n: u32| format!("{{\"address\": \"{}\", \"zone\": \"{n}\"}}", "x".repeat(3_000));
    (0..300).for_each(|n| store.put(&format!("/n/{n:04}"), &large(n)));
    // A page of 256 nodes fits; one of 32 does not, if eight of these are on it.
    let garbage = "x".repeat(400 << 10);
    (0..8).for_each(|n| store.put(&format!("/n/0290-{n}"), &garbage));
    let fake = Fake::of(&store).await;
    let update = next(&mut etcd(&[&fake]).nodes("/n/")).await;
    assert_eq!((keys(&update).len(), update.remarks().count()), (300, 8));
    let pages = fake.asked("/v3/kv/range");
    let limits: Vec<&str> =
        pages.iter().map(|asked| asked.body["limit"].as_str().unwrap()).collect();
    assert_eq!(limits[..5], ["256", "256", "32", "32", "4"], "{limits:?}");
}

// S
#[tokio::test]
async fn a_list_without_an_end_is_an_error_before_it_fills_the_memory() {
    let value = "eHh4".repeat((2 << 20) / 4);
    let pages = AtomicUsize::new(0);
    let fake = Fake::start(move |_| {
        let n = pages.fetch_add(1, Ordering::Relaxed) + 10;
        let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("/n/{n}"));
        let page = format!(
            "{{\"header\":{{\"revision\":\"1\"}},\"more\":true,\"kvs\":[{{\"key\":\"{key}\",\"value\":\"{value}\"}}]}}"
        );
        Reply::Raw(ok(page.as_bytes()))
    })
    .await;
    let update = next(&mut etcd(&[&fake]).nodes("/n/")).await;
    let is = format!(
        "etcd /n/: {}: there are more than 16 MiB below the prefix: keep nothing but nodes there",
        fake.url()
    );
    assert_eq!(update.error(), Some(is.as_str()));
    assert_eq!(fake.asked("/v3/kv/range").len(), 11);
}
