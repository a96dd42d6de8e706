//! The numbers for the `metrics` facade: names, labels, values.

use std::time::Duration;

use cenote::{Fault, Pool, Pooled, TestOnAcquire};
use cenote_observe_tests::Kept;
use cenote_testkit::{Script, Sim, Step};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Runs something of everything with a pool named "orders" while a recorder listens.
fn record(asked: bool) -> Kept {
    let kept = Kept::default();
    metrics::with_local_recorder(&kept, || {
        let sim = Sim::new(1);
        let script = Script::with_env(sim.env());
        script.connects([Step::Error(Fault::Overload), Step::Slow(ms(250))]);
        let mut builder = Pool::builder(script.clone()).env(sim.env()).name("orders").max_size(1);
        builder = builder.test_on_acquire(TestOnAcquire::Never).max_idle(1).measure_hold(true);
        if asked {
            builder = builder.metrics();
        }
        let pool = builder.build().unwrap();
        sim.run(async {
            let conn = pool.acquire().await.unwrap();
            let waiter = pool.acquire().timeout(ms(500));
            assert!(waiter.await.is_err());
            drop(conn);
            assert!(pool.acquire_many(2).await.is_err());
            pool.reconfigure(|options| options.max_size = 3.into()).unwrap();
            script.closes([Step::Error(Fault::Connection)]);
            Pooled::discard(pool.acquire().await.unwrap());
            pool.close(ms(100)).await;
        });
    });
    kept
}

const OF: &str = "db.client.connection.pool.name=orders";

// P-31
#[test]
fn names_follow_the_semantic_conventions_and_the_pool_is_a_label() {
    let kept = record(true);
    let named = |name: &str| format!("db.client.connection.{name}{{{OF}}}");
    let count = |state: &str| {
        let labels = format!("{OF},db.client.connection.state={state}");
        kept.all(&format!("db.client.connection.count{{{labels}}}"))
    };
    assert_eq!(kept.all(&named("max")), [1.0, 3.0]);
    assert_eq!(kept.all(&named("idle.max")), [1.0, 1.0]);
    assert_eq!(kept.all(&named("idle.min")), [0.0, 0.0]);
    assert_eq!(kept.all(&named("create_time")), [0.25]);
    assert_eq!(kept.all(&named("timeouts")), [1.0]);
    assert_eq!(kept.all(&named("use_time")), [0.5, 0.0]);
    let waits = kept.all(&named("wait_time"));
    assert_eq!(waits.len(), 4, "{waits:?}");
    assert!(waits[0] > 0.25 && waits[1] == 0.5 && waits[2..] == [0.0, 0.0], "{waits:?}");
    assert!(count("used").contains(&1.0) && count("idle").contains(&1.0));
    assert_eq!((count("used").last(), count("idle").last()), (Some(&0.0), Some(&0.0)));
    let pending = kept.all(&named("pending_requests"));
    assert!(pending.contains(&1.0) && pending.last() == Some(&0.0), "{pending:?}");
}

// P-31
#[test]
fn what_has_no_convention_is_named_cenote() {
    let kept = record(true);
    let labelled = |name: &str, label: &str| kept.last(&format!("cenote.{name}{{{OF},{label}}}"));
    assert_eq!(labelled("acquires", "outcome=ok"), Some(2.0));
    assert_eq!(labelled("acquires", "outcome=timeout"), Some(1.0));
    assert_eq!(labelled("acquires", "outcome=too_many"), Some(1.0));
    assert_eq!(labelled("connects", "outcome=ok"), Some(1.0));
    assert_eq!(labelled("connects", "outcome=overload"), Some(1.0));
    assert_eq!(labelled("closes", "reason=discarded"), Some(1.0));
    assert_eq!(kept.last(&format!("cenote.close_failures{{{OF}}}")), Some(1.0));
    assert_eq!(kept.last(&format!("cenote.connections.closing{{{OF}}}")), Some(0.0));
    for name in kept.names() {
        assert!(name.starts_with("db.client.connection.") || name.starts_with("cenote."), "{name}");
        assert!(name.contains(OF), "{name}");
    }
}

// P-31
#[test]
fn a_pool_that_was_not_asked_records_nothing() {
    assert_eq!(record(false).names(), [""; 0]);
}
