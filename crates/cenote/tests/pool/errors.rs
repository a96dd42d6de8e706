//! What bad input and bad luck get: an error of one sentence that says what, where and what to do, with the
//! cause inside; never a hang past the deadline.

use std::error::Error as StdError;

use crate::common::{Bench, PoolError, ms, secs};
use cenote::{ConnectError, Error, Fault, Pool};
use cenote_testkit::{Script, ScriptError, Step};

/// One of every kind.
fn errors(bench: &Bench) -> Vec<PoolError> {
    let mut errors = Vec::new();
    let pool = bench.builder().name("orders").max_size(1).max_waiting(0).build().unwrap();
    bench.sim.run(async {
        errors.push(pool.try_acquire().unwrap_err());
        let held = pool.acquire().await.unwrap();
        errors.push(pool.acquire().await.unwrap_err());
        pool.set_max_waiting(9).unwrap();
        errors.push(pool.acquire().timeout(ms(5)).await.unwrap_err());
        pool.pause_and_refuse();
        errors.push(pool.acquire().await.unwrap_err());
        pool.resume();
        cenote::Pooled::discard(held);
        bench.script.connect_always(Step::Error(Fault::Host));
        errors.push(pool.acquire().timeout(ms(5)).await.unwrap_err());
        bench.sim.sleep(ms(1)).await;
        bench.script.connect_always(Step::Error(Fault::Permanent));
        errors.push(pool.acquire().await.unwrap_err());
        drop(pool.drain(secs(1)));
        errors.push(pool.acquire().await.unwrap_err());
        pool.close(secs(1)).await;
        errors.push(pool.acquire().await.unwrap_err());
    });
    errors
}

// P-3, P-6, P-14, P-21
#[test]
fn every_error_is_one_sentence_that_names_the_pool() {
    let bench = Bench::new(1);
    for error in errors(&bench) {
        let text = error.to_string();
        assert!(text.contains("pool \"orders\""), "{text}");
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
    }
}

// P-3, P-6, P-14, P-21
#[test]
fn an_error_says_whether_trying_again_makes_sense() {
    let bench = Bench::new(1);
    for error in errors(&bench) {
        let expected = match &error {
            Error::Exhausted { .. }
            | Error::QueueFull { .. }
            | Error::Timeout { .. }
            | Error::Paused { .. } => true,
            Error::Connect { error, .. } => error.fault() != Fault::Permanent,
            _ => false,
        };
        assert_eq!(error.is_transient(), expected, "{error}");
    }
}

// P-14
#[test]
fn a_connect_error_says_what_the_driver_said_and_passes_as_a_boxed_error() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Permanent));
    let pool = bench.builder().name("orders").build().unwrap();
    let error: Box<dyn StdError + Send + Sync> = bench.sim.run(pool.acquire()).unwrap_err().into();
    assert_eq!(
        error.to_string(),
        "pool \"orders\": cannot connect: scripted permanent error in connect"
    );
    let cause = error.source().expect("the cause is chained");
    let cause = cause.downcast_ref::<ConnectError<ScriptError>>().expect("it is the connect error");
    assert_eq!(cause.driver_error().unwrap().fault, Fault::Permanent);
}

// P-8
#[test]
fn the_closures_own_error_comes_back_as_it_is() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let own = ScriptError::new(Fault::Query, "duplicate key");
    let error = bench.sim.run(pool.with(async |_| Err::<(), _>(own.clone()))).unwrap_err();
    assert_eq!(error.to_string(), "duplicate key");
    match error {
        Error::Run(inner) => assert_eq!(inner, own),
        other => panic!("{other}"),
    }
}

// P-3, P-13, P-14
#[test]
fn an_unreachable_target_fails_by_the_deadline_with_the_connect_error_inside() {
    let answers = [
        (Step::Error(Fault::Host), "scripted host error in connect"),
        (Step::SlowError(ms(90), Fault::Connection), "scripted connection error in connect"),
        (Step::Never, "no answer within 300ms"),
        (Step::Panic, "the manager's connect panicked"),
    ];
    for (step, sentence) in answers {
        let bench = Bench::new(1);
        bench.script.connect_always(step);
        let pool = bench.builder().connect_timeout(ms(300)).acquire_timeout(secs(1));
        let pool = pool.build().unwrap();
        let error = bench.sim.run(pool.acquire()).unwrap_err();
        assert_eq!(bench.elapsed(), secs(1), "not a moment later");
        let text = error.to_string();
        assert!(text.contains("no connection within 1.0s"), "{text}");
        assert!(text.contains(&format!("the last connect failed: {sentence}")), "{text}");
        assert!(matches!(error, Error::Timeout { last: Some(_), .. }));
    }
}

// P-3, P-13
#[test]
fn a_deadline_before_the_first_answer_says_that_a_connect_is_under_way() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Never);
    let pool = bench.pool(1);
    let error = bench.sim.run(pool.acquire().timeout(secs(1))).unwrap_err();
    assert_eq!(bench.elapsed(), secs(1));
    let text = error.to_string();
    assert!(text.contains("connecting 1") && text.contains("size 1 of 1"), "{text}");
}

// P-3, P-14
#[tokio::test]
async fn an_unreachable_target_fails_by_the_deadline_in_real_time_too() {
    let script = Script::new();
    script.connect_always(Step::Error(Fault::Host));
    let pool = Pool::builder(script).acquire_timeout(ms(150)).build().unwrap();
    let began = std::time::Instant::now();
    let error = pool.acquire().await.unwrap_err();
    assert!(began.elapsed() >= ms(150));
    assert!(error.to_string().contains("scripted host error"), "{error}");
}
