//! What can be done, by whom, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cenote::{Pool, State};
use cenote_testkit::{Act, Script};

use crate::common::{House, TOKEN, ask, operation};

// P-22
#[tokio::test(start_paused = true)]
async fn pools_are_resized_paused_resumed_and_cleared() {
    let house = House::locked().await;
    drop(house.pool.acquire().await.unwrap());
    let answer = house.operate(r#"{"op": "resize", "target": "orders", "value": 7}"#).await;
    assert_eq!(answer.code, StatusCode::OK);
    assert_eq!(
        answer.sentence(),
        "pool \"orders\": max_size was 4 and is 7; running, size 1 of 7, using 0, available 1, waiting 0"
    );
    assert_eq!(house.pool.status().max, 7);
    let answer = house.operate(r#"{"op": "resize", "target": "orders", "value": 0}"#).await;
    assert_eq!(answer.code, StatusCode::BAD_REQUEST);
    assert!(answer.sentence().contains("max_size"), "{}", answer.text);
    assert_eq!(house.status().await.pools[0].status.state, "running");
    let answer = house.operate(r#"{"op": "pause", "target": "orders"}"#).await;
    assert!(answer.sentence().starts_with("pool \"orders\" is paused"), "{}", answer.text);
    assert_eq!(house.pool.status().state, State::Paused);
    assert_eq!(house.status().await.pools[0].status.state, "paused", "seen at once");
    house.operate(r#"{"op": "resume", "target": "orders"}"#).await;
    assert_eq!(house.pool.status().state, State::Running);
    let answer = house.operate(r#"{"op": "clear", "target": "orders"}"#).await;
    assert!(answer.sentence().ends_with("; 1 idle closed"), "{}", answer.text);
    house.pool.close(Duration::from_secs(1)).await;
    let answer = house.operate(r#"{"op": "pause", "target": "orders"}"#).await;
    assert_eq!(answer.code, StatusCode::CONFLICT);
    assert_eq!(answer.sentence(), "pool \"orders\" is closed and stays so");
}

// C-6, C-18
#[tokio::test(start_paused = true)]
async fn nodes_are_ejected_restored_drained_and_weighted() {
    let house = House::locked().await;
    let by_hand = |key: &str| house.shop.status().node(key).unwrap().by_hand.map(|how| how.name());
    let answer = house.operate(r#"{"op": "eject_node", "target": "shop", "node": "b"}"#).await;
    assert_eq!(answer.code, StatusCode::OK);
    assert!(answer.sentence().starts_with("cluster \"shop\", node \"b\" is ejected"));
    assert_eq!(by_hand("b"), Some("ejected"));
    let answer = house.operate(r#"{"op": "eject_node", "target": "shop", "node": "a"}"#).await;
    assert!(
        answer.sentence().contains("; it is the only primary: writers wait"),
        "{}",
        answer.text
    );
    for key in ["a", "b"] {
        let body = format!(r#"{{"op": "restore_node", "target": "shop", "node": "{key}"}}"#);
        assert!(house.operate(&body).await.sentence().ends_with("is restored"));
        assert_eq!(by_hand(key), None);
        assert!(house.operate(&body).await.sentence().ends_with("was not taken out"));
    }
    let body = r#"{"op": "set_weight", "target": "shop", "node": "c", "value": 5}"#;
    assert!(house.operate(body).await.sentence().ends_with("has weight 5 now"));
    assert_eq!(house.shop.status().node("c").unwrap().weight, 5);

    let held = house.shop.write().await.unwrap();
    let drain = r#"{"op": "drain_node", "target": "shop", "node": "a", "value": 2}"#;
    let answer = house.operate(drain).await;
    assert_eq!(answer.code, StatusCode::OK);
    let sentence = answer.sentence();
    assert!(sentence.contains("gets nothing new; after 2 s 1 still lent"), "{sentence}");
    assert!(sentence.contains("operations.rs"), "it says by whom: {sentence}");
    drop(held);
    let sentence = house.operate(drain).await.sentence();
    assert!(sentence.contains("is drained: nothing of it is lent any more"), "{sentence}");
    assert_eq!(by_hand("a"), Some("drained"));
    // The pool of a node, by the node or by its own name.
    house.operate(r#"{"op": "resize", "target": "shop", "node": "b", "value": 3}"#).await;
    assert_eq!(house.shop.pool("b").unwrap().status().max, 3);
    house.operate(r#"{"op": "resize", "target": "shop:replica:b", "value": 2}"#).await;
    assert_eq!(house.shop.pool("b").unwrap().status().max, 2);
    let answer = house.operate(r#"{"op": "pause", "target": "shop"}"#).await;
    assert!(answer.sentence().starts_with("cluster \"shop\" is paused"), "{}", answer.text);
    house.operate(r#"{"op": "resume", "target": "shop"}"#).await;
    let answer = house.operate(r#"{"op": "clear", "target": "shop"}"#).await;
    assert!(answer.sentence().ends_with("; 3 idle closed"), "{}", answer.text);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_with_a_sentence_that_says_why() {
    let house = House::locked().await;
    let twin = Pool::builder(Script::new()).name("twin").build().unwrap();
    let other = Pool::builder(Script::new()).name("twin").build().unwrap();
    house.registry.pool(&twin);
    house.registry.pool(&other);
    let longish = format!(r#"{{"op": "pause", "target": "{}"}}"#, "x".repeat(201));
    let long = format!(r#"{{"op": "pause", "target": "{}"}}"#, "x".repeat(20_000));
    for (body, code, part) in [
        ("", 400, "this is no operation"),
        ("{", 400, "this is no operation"),
        ("[]", 400, "this is no operation"),
        (r#"{"op": "pause"}"#, 400, "missing field `target`"),
        (r#"{"op": "pause", "target": "orders", "extra": 1}"#, 400, "unknown field `extra`"),
        (r#"{"op": "resize", "target": "orders", "value": -1}"#, 400, "this is no operation"),
        (
            r#"{"op": "delete", "target": "orders"}"#,
            400,
            "there is no such operation: there are resize",
        ),
        (r#"{"op": "resize", "target": "orders"}"#, 400, "needs a value"),
        (r#"{"op": "resize", "target": "shop", "value": 1}"#, 400, "name a node"),
        (r#"{"op": "eject_node", "target": "shop"}"#, 400, "eject_node needs a node"),
        (
            r#"{"op": "eject_node", "target": "orders", "node": "b"}"#,
            400,
            "only clusters have nodes",
        ),
        (
            r#"{"op": "drain_node", "target": "shop", "node": "b", "value": 301}"#,
            400,
            "300 seconds at most",
        ),
        (
            r#"{"op": "set_weight", "target": "shop", "node": "b", "value": 5000000000}"#,
            400,
            "needs a value",
        ),
        (r#"{"op": "pause", "target": "nobody"}"#, 404, "no pool and no cluster of this name"),
        (
            r#"{"op": "eject_node", "target": "shop", "node": "z"}"#,
            404,
            "has no node \"z\": it has a, b, c",
        ),
        (r#"{"op": "pause", "target": "shop", "node": "z"}"#, 404, "no such node"),
        (r#"{"op": "pause", "target": "twin"}"#, 409, "2 of them are called so"),
        (longish.as_str(), 400, "a name is longer than 200 bytes"),
        (long.as_str(), 413, "longer than 16384 bytes"),
    ] {
        let answer = house.operate(body).await;
        let sentence = answer.sentence();
        assert_eq!(answer.code.as_u16(), code, "{body}: {sentence}");
        assert!(sentence.contains(part) && !sentence.contains('\n'), "{body}: {sentence}");
    }
    assert_eq!(house.pool.status().state, State::Running, "nothing was done");
}

// P-29
#[tokio::test(start_paused = true)]
async fn every_operation_is_in_the_log_with_what_happened() {
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let log = move |level, line: &str| kept.lock().unwrap().push(format!("{level} {line}"));
    let house = House::new(|builder| builder.token(TOKEN).log_with(log)).await;
    house.operate(r#"{"op": "resize", "target": "orders", "value": 7}"#).await;
    house.operate(r#"{"op": "eject_node", "target": "shop", "node": "z"}"#).await;
    let log = house.status().await.log;
    let of = |target: &str, part: &str| {
        log.iter().any(|entry| entry.of == target && entry.text.contains(part))
    };
    assert!(of("orders", "operation resize: pool \"orders\": max_size was 4 and is 7"), "{log:?}");
    assert!(
        of("shop", "operation eject_node of node \"z\": cluster \"shop\" has no node"),
        "{log:?}"
    );
    let lines = lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.starts_with("warn operation resize:")), "{lines:?}");
}

fn post(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(path).header("host", "ops.example:7070");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(r#"{"op": "pause", "target": "orders"}"#)).unwrap()
}

// S
#[tokio::test(start_paused = true)]
async fn only_the_token_opens_and_only_from_the_same_origin() {
    let house = House::locked().await;
    let router = house.admin.router();
    let bearer = format!("Bearer {TOKEN}");
    let good = ("authorization", bearer.as_str());
    let short = &bearer[..bearer.len() - 1];
    let long = format!("{bearer}x");
    for headers in [
        vec![],
        vec![("authorization", "Bearer")],
        vec![("authorization", "Bearer ")],
        vec![("authorization", "Bearer wrong")],
        vec![("authorization", short)],
        vec![("authorization", long.as_str())],
        vec![("authorization", TOKEN)],
        vec![("authorization", "Basic dXNlcjpwYXNz")],
        vec![("x-token", TOKEN)],
        vec![("cookie", bearer.as_str())],
    ] {
        let answer = ask(&router, post("/operations", &headers)).await;
        assert_eq!(answer.code, StatusCode::UNAUTHORIZED, "{headers:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    for origin in [
        "http://evil.example",
        "http://ops.example",
        "null",
        "http://ops.example:7071",
        "",
        "x",
        "http://ops.example:7070.evil.example",
    ] {
        let answer = ask(&router, post("/operations", &[good, ("origin", origin)])).await;
        assert_eq!(answer.code, StatusCode::FORBIDDEN, "{origin}");
    }
    for site in ["cross-site", "same-site"] {
        let answer = ask(&router, post("/operations", &[good, ("sec-fetch-site", site)])).await;
        assert_eq!(answer.code, StatusCode::FORBIDDEN, "{site}");
    }
    assert_eq!(house.pool.status().state, State::Running, "nothing was done");
    for more in [
        vec![],
        vec![("origin", "http://ops.example:7070"), ("sec-fetch-site", "same-origin")],
        vec![("origin", "https://OPS.example:7070")],
        vec![("sec-fetch-site", "none")],
    ] {
        let headers: Vec<_> = more.into_iter().chain([good]).collect();
        let answer = ask(&router, post("/operations", &headers)).await;
        assert_eq!(answer.code, StatusCode::OK, "{headers:?}");
    }
    assert_eq!(house.pool.status().state, State::Paused);
}

// S
#[tokio::test(start_paused = true)]
async fn a_token_that_was_read_from_a_file_is_that_without_the_line_end() {
    let house = House::new(|b| b.token(format!(" {TOKEN}\r\n"))).await;
    let bearer = format!("Bearer {TOKEN}");
    let answer =
        ask(&house.admin.router(), post("/operations", &[("authorization", &bearer)])).await;
    assert_eq!(answer.code, StatusCode::OK, "{}", answer.text);
}

// S
#[tokio::test(start_paused = true)]
async fn operations_are_off_without_a_token_and_an_empty_one_is_none() {
    for builder in [
        |b: cenote_admin::Builder| b,
        |b: cenote_admin::Builder| b.token(""),
        |b: cenote_admin::Builder| b.token(" "),
    ] {
        let house = House::new(builder).await;
        assert!(!house.status().await.operations);
        for headers in
            [vec![], vec![("authorization", "Bearer ")], vec![("authorization", "Bearer  ")]]
        {
            let answer = ask(&house.admin.router(), post("/operations", &headers)).await;
            assert_eq!(answer.code, StatusCode::FORBIDDEN);
            assert!(answer.sentence().contains("operations are off"), "{}", answer.text);
        }
        assert_eq!(house.pool.status().state, State::Running);
    }
}

// S
#[tokio::test(start_paused = true)]
async fn a_token_in_a_url_is_refused_wherever_it_is_sent() {
    let house = House::locked().await;
    for path in [
        format!("/status?token={TOKEN}"),
        "/status?TOKEN=x".to_owned(),
        "/live?access_token=x".to_owned(),
        "/metrics?a=b&%74oken=x".to_owned(),
        format!("/charts/wait.svg?of={TOKEN}"),
        format!("/?{TOKEN}"),
    ] {
        let answer = house.get(&path).await;
        assert_eq!(answer.code, StatusCode::BAD_REQUEST, "{path}");
        let sentence = answer.sentence();
        assert!(sentence.contains("does not belong into a URL") && !sentence.contains(TOKEN));
    }
    let post = Request::post(format!("/operations?token={TOKEN}"))
        .body(Body::from(r#"{"op": "pause", "target": "orders"}"#))
        .unwrap();
    assert_eq!(ask(&house.admin.router(), post).await.code, StatusCode::BAD_REQUEST);
    assert_eq!(house.pool.status().state, State::Running);
}

#[tokio::test(start_paused = true)]
async fn actions_run_as_the_service_says_and_a_panic_in_one_is_told() {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let house = House::new(|builder| {
        builder
            .token(TOKEN)
            .group("Faults")
            .open_action("kill", "Kill it", move || {
                count.fetch_add(1, Ordering::Relaxed);
                async { Ok("it is dead".to_owned()) }
            })
            .open_action("late", "Panics later", || async { panic!("on purpose") })
            .open_action("soon", "Panics at once", || -> std::future::Ready<_> {
                panic!("on purpose")
            })
            .action("close", "Close", || async { Err("it is open".to_owned()) })
    })
    .await;
    let router = house.admin.router();
    let actions = house.status().await.actions;
    let shown: Vec<_> =
        actions.iter().map(|a| (a.name.as_str(), a.open, a.group.as_str())).collect();
    assert_eq!(shown[0], ("kill", true, "Faults"));
    assert_eq!(shown[3], ("close", false, "Faults"));
    let answer = ask(&router, post("/actions/kill", &[])).await;
    assert_eq!((answer.code, answer.sentence().as_str()), (StatusCode::OK, "it is dead"));
    let other = ask(&router, post("/actions/kill", &[("origin", "http://evil.example")])).await;
    assert_eq!(other.code, StatusCode::FORBIDDEN);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    for name in ["late", "soon"] {
        let answer = ask(&router, post(&format!("/actions/{name}"), &[])).await;
        assert_eq!(answer.code, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.sentence(), format!("the action \"{name}\" panicked"));
    }
    assert_eq!(ask(&router, post("/actions/close", &[])).await.code, StatusCode::UNAUTHORIZED);
    // Who has no token does not learn what there is.
    assert_eq!(ask(&router, post("/actions/nothing", &[])).await.code, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {TOKEN}");
    let answer = ask(&router, post("/actions/close", &[("authorization", &bearer)])).await;
    assert_eq!((answer.code, answer.sentence().as_str()), (StatusCode::CONFLICT, "it is open"));
    let answer = ask(&router, post("/actions/nothing", &[("authorization", &bearer)])).await;
    assert_eq!(answer.code, StatusCode::NOT_FOUND);
    let log = house.status().await.log;
    assert!(log.iter().any(|entry| entry.text == "action kill: it is dead"), "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn so_many_operations_run_at_once_and_the_next_is_told_to_come_later() {
    let house = House::locked().await;
    let held = house.shop.write().await.unwrap();
    let router = house.admin.router();
    let drain = r#"{"op": "drain_node", "target": "shop", "node": "a", "value": 60}"#;
    let drains: Vec<_> = (0..16)
        .map(|_| {
            let router = router.clone();
            tokio::spawn(async move { ask(&router, operation(drain)).await.code })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = house.operate(drain).await;
    assert_eq!(answer.code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "10");
    drop(held);
    for drain in drains {
        assert_eq!(drain.await.unwrap(), StatusCode::OK);
    }
    // A clear whose closes hang is not waited for longer than it may take.
    drop(house.pool.acquire().await.unwrap());
    house.script.hold(Act::Close);
    let answer = house.operate(r#"{"op": "clear", "target": "orders"}"#).await;
    assert_eq!(answer.code, StatusCode::OK, "{}", answer.text);
}
