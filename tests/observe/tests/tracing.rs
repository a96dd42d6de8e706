//! Events and spans for `tracing`: levels, names, fields.

use std::time::Duration;

use cenote::{Fate, Fault, Pool, TestOnAcquire};
use cenote_observe_tests::{Line, Lines};
use cenote_testkit::{Script, Sim, Step};
use tracing::Level;

/// Runs a pool named "orders" while a subscriber listens: a failed connect, a test, a reset, a queue.
fn trace(asked: bool) -> Lines {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let sim = Sim::new(1);
        let script = Script::with_env(sim.env());
        script.connects([Step::Error(Fault::Connection)]).on_release(Fate::Reset);
        let mut builder = Pool::builder(script).env(sim.env()).name("orders").max_size(1);
        builder = builder.test_on_acquire(TestOnAcquire::Always);
        if asked {
            builder = builder.tracing();
        }
        let pool = builder.build().unwrap();
        sim.run(async {
            drop(pool.acquire().await.unwrap());
            sim.sleep(Duration::from_secs(1)).await;
            drop(pool.acquire().await.unwrap());
            sim.sleep(Duration::from_secs(1)).await;
            drop(pool.try_acquire().unwrap());
            pool.close(Duration::from_secs(1)).await;
        });
    });
    lines
}

// P-31
#[test]
fn events_have_their_level_the_pools_name_and_a_correlation_id() {
    let events = trace(true).events();
    let find = |kind: &str| -> Vec<&Line> {
        events.iter().filter(|line| line.field("event") == kind).collect()
    };
    for line in &events {
        assert_eq!((line.target.as_str(), line.field("pool")), ("cenote", "orders"), "{line:?}");
    }
    assert_eq!(find("pool_created")[0].level, Level::INFO);
    assert_eq!(find("pool_created")[0].field("message"), "pool \"orders\": created");
    let failed = find("connect_failed");
    assert_eq!((failed.len(), failed[0].level), (1, Level::WARN));
    assert_eq!(failed[0].field("connection"), "1");
    assert!(failed[0].field("message").contains("scripted connection error in connect"));
    let started = find("acquire_started");
    assert_eq!((started.len(), started[0].level), (3, Level::TRACE));
    assert_eq!((started[0].field("acquire"), started[0].field("connection")), ("1", ""));
    assert_eq!(find("pool_closed").len(), 1);
}

// P-31
#[test]
fn waits_and_tasks_are_spans() {
    let lines = trace(true);
    let spans = lines.closed();
    let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
    assert_eq!(count("connect"), 2);
    assert_eq!(count("test"), 1);
    assert_eq!(count("reset"), 3);
    assert_eq!(count("close"), 1);
    assert_eq!(count("acquire"), 2, "a hit is no wait");
    assert_eq!(lines.open(), 0);
    for span in &spans {
        assert_eq!((span.target.as_str(), span.field("pool")), ("cenote", "orders"), "{span:?}");
        let id = if span.name == "acquire" { "acquire" } else { "connection" };
        assert!(!span.field(id).is_empty(), "{span:?}");
    }
}

// P-31
#[test]
fn a_pool_that_was_not_asked_traces_nothing() {
    let lines = trace(false);
    assert_eq!((lines.events().len(), lines.closed().len(), lines.open()), (0, 0, 0));
}
