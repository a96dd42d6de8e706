//! The document, and whether everything is ready.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cenote::{Fault, Pool};
use cenote_testkit::{Script, Step};

use crate::common::{House, ask, until};

const SECOND: Duration = Duration::from_secs(1);

// P-26, P-27, C-17
#[tokio::test(start_paused = true)]
async fn the_document_says_how_everything_stands() {
    let house = House::new(|builder| builder).await;
    let held = house.pool.acquire().await.unwrap();
    drop(house.pool.try_acquire());
    let document = house.status().await;
    assert_eq!((document.version, document.operations), (1, false));
    let pool = &document.pools[0];
    assert_eq!((pool.name.as_str(), pool.status.state.as_str()), ("orders", "running"));
    assert_eq!((pool.status.using, pool.status.max, pool.status.spare), (1, Some(4), Some(3)));
    assert_eq!((pool.counts.acquired, pool.counts.rejected, pool.counts.connected), (1, 1, 1));
    assert_eq!((pool.wait.count, pool.connect.count), (1, 1));
    let holder = &pool.holders[0];
    assert!(holder.location.contains("status.rs"), "{holder:?}");
    assert_eq!((pool.holders.len(), holder.connection), (1, cenote::Pooled::id(&held)));
    let shop = &document.clusters[0];
    assert_eq!((shop.name.as_str(), shop.no_primary.as_deref()), ("shop", None));
    let nodes: Vec<_> = shop.nodes.iter().map(|n| (n.key.as_str(), n.role.as_deref())).collect();
    assert_eq!(nodes, [("a", Some("primary")), ("b", Some("replica")), ("c", Some("replica"))]);
    let b = &shop.nodes[1];
    assert_eq!((b.condition.as_str(), b.serves, b.weight, b.share), ("online", true, 1, 1.0));
    assert_eq!((b.pool.name.as_str(), b.lag_ms, b.by_hand.clone()), ("shop:replica:b", None, None));
    assert_eq!((shop.total.size, shop.total.max), (3, Some(30)));
}

// P-27
#[tokio::test(start_paused = true)]
async fn rates_percentiles_and_traffic_are_those_of_the_last_interval() {
    let house = House::new(|builder| builder).await;
    // Of the past, and slow.
    let slow = Duration::from_millis(300);
    let held = house.pool.acquire_many(4).await.unwrap();
    let waits = tokio::spawn({
        let pool = house.pool.clone();
        async move { drop(pool.acquire().await.unwrap()) }
    });
    tokio::time::sleep(slow).await;
    drop(held);
    waits.await.unwrap();
    let first = house.status().await;
    assert_eq!(first.interval_ms, None, "nobody has looked before");
    assert_eq!((first.pools[0].wait.recent.is_none(), first.pools[0].rate.acquired), (true, 0.0));
    for _ in 0..20 {
        drop(house.pool.acquire().await.unwrap());
        drop(house.shop.write().await.unwrap());
    }
    for _ in 0..20 {
        drop(house.shop.read().await.unwrap());
    }
    tokio::time::sleep(2 * SECOND).await;
    let document = house.status().await;
    let seconds = document.interval_ms.unwrap() / 1e3;
    assert!((2.0..2.1).contains(&seconds), "{seconds}");
    let pool = &document.pools[0];
    assert!((pool.rate.acquired - 20.0 / seconds).abs() < 0.01, "{:?}", pool.rate);
    let recent = pool.wait.recent.as_ref().unwrap();
    assert_eq!((recent.count, recent.p99_ms), (20, 0.0), "the slow one is not of it");
    assert!(pool.wait.max_ms >= 299.0, "{:?}", pool.wait);
    let shop = &document.clusters[0];
    let traffic: Vec<f64> = shop.nodes.iter().map(|node| node.traffic).collect();
    assert_eq!(traffic[0], 0.5);
    assert!((traffic.iter().sum::<f64>() - 1.0).abs() < 0.001, "{traffic:?}");
    assert_eq!(shop.wait.recent.as_ref().unwrap().count, 40);
    // Who looks too soon after another gets what that one got.
    let again = house.status().await;
    assert_eq!(again, document);
    // Too long ago to mean anything.
    tokio::time::sleep(20 * SECOND).await;
    assert_eq!(house.status().await.interval_ms, None);
}

// P-26
#[tokio::test(start_paused = true)]
async fn whoever_looks_often_still_gets_an_interval_that_means_something() {
    let house = House::new(|builder| builder).await;
    for n in 0..30 {
        drop(house.pool.acquire().await.unwrap());
        let document = house.status().await;
        if n >= 5 {
            let interval = document.interval_ms.unwrap();
            assert!((500.0..2_000.0).contains(&interval), "{n}: {interval}");
            assert!(document.pools[0].wait.recent.as_ref().unwrap().count >= 4);
        }
        tokio::time::sleep(Duration::from_millis(110)).await;
    }
}

// P-21, C-12
#[tokio::test(start_paused = true)]
async fn ready_is_when_every_pool_and_cluster_can_serve() {
    let house = House::new(|builder| builder).await;
    let ready = async || {
        tokio::time::sleep(SECOND).await;
        let answer = house.get("/readyz").await;
        (answer.code.as_u16(), answer.text)
    };
    assert_eq!(ready().await, (200, "ready\n".to_owned()));
    house.pool.pause();
    assert_eq!(ready().await, (503, "pool \"orders\" is paused\n".to_owned()));
    house.pool.resume();
    house.shop.eject("a").unwrap();
    let (code, text) = ready().await;
    assert_eq!(code, 503);
    assert!(text.starts_with("cluster \"shop\" has no primary: there has been none for"), "{text}");
    house.shop.restore("a").unwrap();
    assert_eq!(ready().await.0, 200);
    // One that has nothing and cannot connect.
    house.script.connect_always(Step::Error(Fault::Host));
    let held = house.pool.acquire().timeout(SECOND).await;
    assert!(held.is_err());
    let (code, text) = ready().await;
    assert_eq!(code, 503, "{text}");
    assert!(text.starts_with("pool \"orders\" has no connection: "), "{text}");
    let error = house.status().await.pools[0].error.clone();
    assert!(text.contains(&error.unwrap()), "the document says it too");
    house.script.connect_always(Step::Ok);
    until(async || house.pool.acquire().await.is_ok()).await;
    assert_eq!(ready().await.0, 200);
    assert_eq!(house.get("/healthz").await.text, "ok\n");
    // What is dropped is no complaint.
    let gone = Pool::builder(Script::new()).name("gone").build().unwrap();
    house.registry.pool(&gone);
    gone.pause();
    drop(gone);
    assert_eq!(ready().await.0, 200);
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_pages_in_bounds() {
    let house = House::locked().await;
    for path in
        ["/", "/status", "/metrics", "/healthz", "/readyz", "/nowhere", "/operations", "/live"]
    {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = crate::common::send(&house.admin.router(), request).await;
        let header = |name: &str| response.headers().get(name).map(|v| v.to_str().unwrap());
        let policy = header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(name), Some(value), "{path}");
        }
        let kept = header("cache-control").unwrap();
        assert!(["no-store", "no-cache"].contains(&kept), "{path}: {kept}");
    }
}

#[tokio::test]
async fn it_works_wherever_it_is_mounted() {
    let house = House::new(|builder| builder).await;
    let app = axum::Router::new().nest("/ops/pools", house.admin.router());
    let get = async |path: &str| ask(&app, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(get("/ops/pools/status").await.code, StatusCode::OK);
    // Relative addresses need a place beside the others.
    let front = get("/ops/pools").await;
    assert_eq!(front.code, StatusCode::SEE_OTHER);
    assert_eq!(front.header("location"), "./pools/index.html");
    assert_eq!(get("/ops/pools/nowhere").await.sentence(), "there is nothing at this path");
    let method = ask(&app, Request::delete("/ops/pools/status").body(Body::empty()).unwrap()).await;
    assert_eq!(method.code, StatusCode::METHOD_NOT_ALLOWED);
    let short = cenote_admin::router(house.registry.clone());
    let operate = Request::post("/operations").body(Body::from("{}")).unwrap();
    assert_eq!(ask(&short, operate).await.code, StatusCode::FORBIDDEN);
}
