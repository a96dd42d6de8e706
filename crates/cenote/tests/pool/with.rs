//! `with`: acquire, run, release; and how the end of the use decides what becomes of the connection.

use std::sync::{Arc, Mutex};

use crate::common::{Bench, assert_at_rest, ms};
use cenote::{Ended, Error, Fate, Fault, Pooled};
use cenote_testkit::ScriptError;

// P-8
#[test]
fn with_acquires_runs_and_releases() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let text = "borrowed by the closure".to_owned();
        let len = pool
            .with(async |conn| {
                conn.note(&text);
                bench.sim.sleep(ms(5)).await;
                assert_eq!(pool.status().using, 1);
                Ok(conn.notes().len())
            })
            .await
            .unwrap();
        assert_eq!(len, 1);
        assert_eq!(pool.status().available, 1);
    });
}

// P-8
#[test]
fn with_tells_the_manager_how_the_use_ended() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    bench.script.on_release_with(move |how| {
        told.lock().unwrap().push(how);
        Fate::Keep
    });
    let fail = |fault| Err::<(), _>(ScriptError::new(fault, "said the closure"));
    bench.sim.run(async {
        pool.with(async |_| Ok(())).await.unwrap();
        for fault in [Fault::Query, Fault::Connection] {
            let error = pool.with(async |_| fail(fault)).await.unwrap_err();
            assert!(matches!(error, Error::Run(_)));
            assert_eq!(error.to_string(), "said the closure");
        }
        let task = {
            let pool = pool.clone();
            bench.sim.spawn(async move {
                pool.with(async |_| std::future::pending::<Result<(), _>>().await).await
            })
        };
        bench.settled().await;
        task.abort();
        let task = {
            let pool = pool.clone();
            bench.sim.spawn(async move {
                pool.with(async |_| -> Result<(), ScriptError> { panic!("inside with") }).await
            })
        };
        assert!(task.await.is_err());
        let mut conn = pool.acquire().await.unwrap();
        Pooled::taint(&mut conn);
        drop(conn);
    });
    assert_eq!(
        *seen.lock().unwrap(),
        [
            Ended::Returned,
            Ended::Failed(Fault::Query),
            Ended::Failed(Fault::Connection),
            Ended::Cancelled,
            Ended::Panicked,
            Ended::Tainted,
        ]
    );
    assert_at_rest(&pool, &bench.script);
}

// P-8
#[test]
fn by_default_a_return_or_a_query_error_keeps_the_connection_and_the_rest_closes_it() {
    let faults = [
        (Fault::Query, true),
        (Fault::Timeout, false),
        (Fault::Connection, false),
        (Fault::Host, false),
        (Fault::Role, false),
        (Fault::Overload, false),
        (Fault::Permanent, false),
    ];
    for (fault, kept) in faults {
        let bench = Bench::new(1);
        let pool = bench.pool(1);
        bench.sim.run(async {
            let error = pool.with(async |_| Err::<(), _>(ScriptError::new(fault, "no"))).await;
            assert!(error.is_err());
            assert_eq!(pool.acquire().await.unwrap().serial() == 1, kept, "{fault}");
        });
    }
}

// P-8, P-14
#[test]
fn the_users_judgement_of_errors_goes_before_the_managers() {
    let bench = Bench::new(1);
    let pool = bench
        .builder()
        .max_size(1)
        .classify_with(
            |error: &ScriptError| {
                if error.text == "harmless" { Fault::Query } else { error.fault }
            },
        )
        .build()
        .unwrap();
    bench.sim.run(async {
        let harmless = || ScriptError::new(Fault::Connection, "harmless");
        assert!(pool.with(async |_| Err::<(), _>(harmless())).await.is_err());
        assert_eq!(pool.acquire().await.unwrap().serial(), 1);
    });
}
