//! Streams: their number, what they cost, and who reads slowly.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use cenote::{Event, EventKind, Pool, Subject};
use cenote_admin::document::{Document, Entry};
use cenote_testkit::Script;

use crate::common::{House, frame, send};

async fn live(house: &House) -> Response {
    send(&house.admin.router(), Request::get("/live").body(Body::empty()).unwrap()).await
}

/// The next event of this name, as JSON.
async fn next(body: &mut Body, name: &str) -> String {
    loop {
        let bytes = frame(body).await.expect("the stream goes on");
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let rest = text.strip_prefix("event: ").unwrap_or_else(|| panic!("{text:?}"));
        let (event, data) = rest.split_once("\ndata: ").unwrap();
        let data = data.strip_suffix("\n\n").unwrap();
        assert!(!data.contains('\n'), "an event is one line of data");
        if event == name {
            return data.to_owned();
        }
    }
}

async fn document(body: &mut Body) -> Document {
    serde_json::from_str(&next(body, "status").await).unwrap()
}

// P-27
#[tokio::test(start_paused = true)]
async fn the_waits_of_a_picture_are_those_of_some_seconds() {
    let house = House::new(|builder| builder).await;
    let mut body = live(&house).await.into_body();
    let mut seconds = async |n: u32| {
        for _ in 0..n {
            drop(house.pool.acquire().await.unwrap());
            document(&mut body).await;
        }
        let picture = house.get("/charts/wait.svg?of=orders").await.text;
        let (_, title) = picture.split_once("Now: ").unwrap();
        title.split_once("</title>").unwrap().0.to_owned()
    };
    seconds(2).await;
    let held = house.pool.acquire_many(4).await.unwrap();
    let pool = house.pool.clone();
    let slow = tokio::spawn(async move { drop(pool.acquire().await.unwrap()) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(held);
    slow.await.unwrap();
    // One that was slow is seen for longer than a glance, and not for ever.
    let soon = seconds(4).await;
    assert!(soon.starts_with("50 % none, 99 % 3") && soon.ends_with("ms"), "{soon}");
    assert_eq!(seconds(12).await, "50 % none, 99 % none");
}

// P-29
#[tokio::test(start_paused = true)]
async fn a_stream_has_the_document_each_second_and_each_entry_as_it_happens() {
    let house = House::new(|builder| builder).await;
    let response = live(&house).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = document(&mut body).await;
    house.pool.pause();
    let entry: Entry = serde_json::from_str(&next(&mut body, "log").await).unwrap();
    assert_eq!((entry.of.as_str(), entry.level.as_str()), ("orders", "info"));
    assert!(entry.text.contains("paused"), "{entry:?}");
    let second = document(&mut body).await;
    assert_eq!(second.pools[0].status.state, "paused");
    assert_eq!(second.log.last(), Some(&entry));
    let third = document(&mut body).await;
    assert!(second.at >= first.at);
    let interval = third.interval_ms.unwrap();
    assert!((900.0..1_100.0).contains(&interval), "{interval}");
}

#[tokio::test(start_paused = true)]
async fn there_are_64_streams_and_whoever_comes_then_is_told_to_come_later() {
    let house = House::new(|builder| builder).await;
    let mut streams = Vec::new();
    for _ in 0..64 {
        let response = live(&house).await;
        assert_eq!(response.status(), StatusCode::OK);
        streams.push(response.into_body());
    }
    let refused = live(&house).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "10");
    assert_eq!(house.metric("cenote_admin_streams").await, 64.0);
    // Each place can be had again.
    streams.pop();
    let again = live(&house).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(live(&house).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn each_update_is_written_once_for_all_and_nothing_is_looked_at_while_nobody_looks() {
    let house = House::new(|builder| builder).await;
    let written = async || house.metric("cenote_admin_documents_total").await;
    let before = written().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    // Asking is looking.
    assert_eq!(written().await, before + 1.0, "nobody looks on");
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(live(&house).await.into_body());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = written().await;
    let mut same = Vec::new();
    for _ in 0..10 {
        let mut texts = Vec::new();
        for body in &mut streams {
            texts.push(next(body, "status").await);
        }
        texts.dedup();
        same.push(texts.len());
    }
    assert_eq!(same, [1; 10], "all get the same bytes");
    let more = written().await - before;
    assert!((8.0..=12.0).contains(&more), "{more} documents for 10 updates of 50 streams");
    streams.clear();
    // For a while after.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let before = written().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(written().await, before + 1.0, "the last has gone");
    // And who comes then gets something new at once.
    house.pool.pause();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut body = live(&house).await.into_body();
    assert_eq!(document(&mut body).await.pools[0].status.state, "paused");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_misses_updates_gets_the_latest_and_holds_nobody_up() {
    let house = House::new(|builder| builder).await;
    let (mut slow, mut quick) = (live(&house).await.into_body(), live(&house).await.into_body());
    let first = document(&mut slow).await;
    for _ in 0..20 {
        document(&mut quick).await;
    }
    house.pool.pause();
    let last = loop {
        let last = next(&mut quick, "status").await;
        if last.contains("\"paused\"") {
            break last;
        }
    };
    let next = next(&mut slow, "status").await;
    assert_eq!(next, last, "not the one after its first");
    assert_eq!(first.pools[0].status.state, "running");
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_nothing_for_a_minute_loses_the_place() {
    let house = House::new(|builder| builder).await;
    let mut stuck = Vec::new();
    for _ in 0..64 {
        stuck.push(live(&house).await.into_body());
    }
    tokio::time::sleep(Duration::from_secs(50)).await;
    // One of them reads.
    assert!(frame(&mut stuck[0]).await.is_some());
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(house.metric("cenote_admin_streams").await, 1.0);
    assert_eq!(live(&house).await.status(), StatusCode::OK);
    assert!(frame(&mut stuck[1]).await.is_none(), "it has ended");
    assert!(frame(&mut stuck[0]).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_events_is_counted_and_not_sent() {
    let house = House::new(|builder| builder).await;
    let mut body = live(&house).await.into_body();
    for _ in 0..500 {
        house.pool.pause();
        house.pool.resume();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let document = house.status().await;
    let line = document.log.iter().find(|entry| entry.text.contains("are not shown")).unwrap();
    let n: u64 = line.text.split(' ').next().unwrap().parse().unwrap();
    assert!(n >= 800, "{line:?}");
    let mut sent = 0;
    while serde_json::from_str::<Entry>(&next(&mut body, "log").await).unwrap().n < line.n {
        sent += 1;
    }
    assert!(sent <= 200, "{sent}");
}

/// How many tickets are drawn by 1,000 hits: on the fast lane none is.
async fn tickets_of_hits(pool: &Pool<Script>) -> u64 {
    let drawn = async || {
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = std::sync::Mutex::new(Some(tell));
        let watch = pool.observe(move |event: &Event<'_>| {
            if let (EventKind::AcquireStarted { .. }, Subject::Acquire(ticket)) =
                (event.kind(), event.subject())
            {
                tell.lock().unwrap().take().unwrap().send(ticket).unwrap();
            }
        });
        drop(pool.acquire().await.unwrap());
        drop(watch);
        told.await.unwrap()
    };
    let before = drawn().await;
    for _ in 0..1000 {
        drop(pool.acquire().await.unwrap());
    }
    drawn().await - before
}

// P-2, P-29
#[tokio::test(start_paused = true)]
async fn hits_take_the_fast_lane_while_a_stream_is_open() {
    let house = House::locked().await;
    let mut body = live(&house).await.into_body();
    document(&mut body).await;
    let drawn = tickets_of_hits(&house.pool).await;
    assert!(drawn < 100, "{drawn} of 1,000 hits went by the lock");
    let members = house.shop.pool("a").unwrap();
    let drawn = tickets_of_hits(&members).await;
    assert!(drawn < 100, "{drawn} of 1,000 hits of a node's pool went by the lock");
    document(&mut body).await;
    // So it is seen when somebody wants to be told of each.
    let all = house.pool.observe(|_: &Event<'_>| {});
    assert!(tickets_of_hits(&house.pool).await >= 1000);
    drop(all);
}
