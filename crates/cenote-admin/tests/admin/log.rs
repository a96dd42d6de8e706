//! What is in the log, for whoever was woken up: what changed and what went wrong, also after an hour of it.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use cenote::{Fault, Pool};
use cenote_admin::document::Entry;
use cenote_testkit::{Script, Step};

use crate::common::{House, TOKEN, ask, operation, until};

const SECOND: Duration = Duration::from_secs(1);

/// The texts of a pool's entries, those of level trace or all others, the oldest first.
fn texts(log: &[Entry], of: &str, routine: bool) -> Vec<String> {
    let fits = |entry: &&Entry| entry.of == of && (entry.level == "trace") == routine;
    log.iter().filter(fits).map(|entry| entry.text.clone()).collect()
}

// P-29
#[tokio::test(start_paused = true)]
async fn a_start_is_one_line_and_its_connections_are_there_for_whoever_asks() {
    let house = House::new(|builder| builder).await;
    let large = Pool::builder(Script::new()).name("large").max_size(30).min_size(30);
    let large = large.build().unwrap();
    house.registry.pool(&large);
    until(async || large.status().available == 30).await;
    tokio::time::sleep(2 * SECOND).await;
    let log = house.status().await.log;
    assert_eq!(texts(&log, "large", false), ["pool \"large\": ready"]);
    let routine = texts(&log, "large", true);
    assert_eq!(routine.len(), 2, "{routine:?}");
    assert!(routine[0].contains("connection 1: ready after"), "{routine:?}");
    assert!(routine[1].ends_with("(one of 29 within 1 s)"), "{routine:?}");
    // So is their end, for a reason that somebody chose.
    large.set_min_size(0).unwrap();
    large.set_max_size(10).unwrap();
    until(async || large.status().size == 10).await;
    // A look is good for a tenth of a second.
    tokio::time::sleep(SECOND).await;
    let log = house.status().await.log;
    let changed = ["pool \"large\": ready", "pool \"large\": options changed"];
    assert_eq!(texts(&log, "large", false)[..2], changed);
    assert!(!texts(&log, "large", false).iter().any(|text| text.contains("closed")), "{log:?}");
    assert!(texts(&log, "large", true)[2].ends_with("closed (shrunk)"), "{log:?}");
}

// P-29
#[tokio::test(start_paused = true)]
async fn an_outage_is_told_by_its_beginning_its_course_and_its_end() {
    let house = House::new(|builder| builder).await;
    drop(house.pool.acquire().await.unwrap());
    house.script.connect_always(Step::Error(Fault::Host));
    house.script.kill_all();
    for _ in 0..3_000 {
        assert!(house.pool.acquire().timeout(SECOND / 10).await.is_err());
    }
    house.script.connect_always(Step::Ok);
    until(async || house.pool.acquire().await.is_ok()).await;
    tokio::time::sleep(SECOND).await;
    let log = texts(&house.status().await.log, "orders", false);
    assert!(log.len() < 50, "five minutes of it are {} lines: {log:#?}", log.len());
    let at = |part: &str| {
        log.iter()
            .position(|text| text.contains(part))
            .unwrap_or_else(|| panic!("{part:?} is not in {log:#?}"))
    };
    let [died, failed, told] = [at("closed (died)"), at("connect failed after"), at(": failed ")];
    let (course, end) = (at("within 32 s)"), at("ready after"));
    assert!(died < course && failed < course && told < course && course < end, "{log:#?}");
    let end = &log[end];
    assert!(end.contains(", the first since ") && end.ends_with(" connects failed"), "{end}");
}

// S
#[tokio::test(start_paused = true)]
async fn whoever_begins_something_and_leaves_is_in_the_log() {
    let house = House::new(|builder| {
        builder.token(TOKEN).open_action("slow", "Slow", || async {
            tokio::time::sleep(3 * SECOND).await;
            Ok("it was slow".to_owned())
        })
    })
    .await;
    let held = house.shop.write().await.unwrap();
    let drain = operation(r#"{"op": "drain_node", "target": "shop", "node": "a", "value": 60}"#);
    let slow = Request::post("/actions/slow").body(Body::empty()).unwrap();
    for request in [drain, slow] {
        let asked = tokio::time::timeout(SECOND, ask(&house.admin.router(), request)).await;
        assert!(asked.is_err(), "it takes longer");
    }
    drop(held);
    tokio::time::sleep(5 * SECOND).await;
    let log = house.status().await.log;
    let [drained, slow] = [texts(&log, "shop", false), texts(&log, "actions", false)];
    assert!(
        drained.iter().any(|text| text.contains("operation drain_node of node \"a\": ")
            && text.contains("is drained")),
        "{drained:?}"
    );
    assert!(slow.contains(&"action slow: it was slow".to_owned()), "{slow:?}");
}

// P-29
#[tokio::test(start_paused = true)]
async fn what_a_service_notes_is_in_the_log_by_its_name_and_without_its_secrets() {
    let house = House::locked().await;
    house.admin.note(cenote::Level::Info, "operator", "b leads: postgres://app:hunter2@b/shop");
    let log = house.status().await.log;
    let noted = log.last().unwrap();
    assert_eq!((noted.of.as_str(), noted.level.as_str()), ("operator", "info"));
    assert_eq!(noted.text, "operator: b leads: postgres://app:***@b/shop");
}
