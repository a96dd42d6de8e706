//! Making connections: what an error does, what a panic costs, what is kept.

use cenote::{BuildError, Error, Fate, Fault, OnConnectError, TestOnAcquire};
use cenote_testkit::{Act, Step};

use crate::face::{each_face, ms, until};

// P-25, P-14
#[test]
fn a_permanent_connect_error_fails_at_once_and_says_why() {
    each_face(|bench| {
        bench.script.connects([Step::Error(Fault::Permanent)]);
        let pool = bench.pool(2);
        let error = pool.acquire().map(drop).unwrap_err();
        assert!(matches!(error, Error::Connect { .. }), "{error}");
        assert!(error.to_string().contains("scripted permanent error"), "{error}");
        assert_eq!(pool.status().size, 0);
    });
}

// P-25, P-13, P-14
#[test]
fn a_passing_connect_error_is_tried_again_for_the_same_caller() {
    each_face(|bench| {
        bench.script.connects([Step::Error(Fault::Host), Step::Panic]);
        let pool = bench.build(|options| {
            options.max_size = 2.into();
            options.backoff_first = ms(1);
        });
        assert_eq!(pool.acquire().unwrap().serial(), 1);
        assert_eq!(bench.script.counts().connect_failures, 2);
        pool.assert_at_rest(&bench.script);
    });
}

// P-25, P-14
#[test]
fn a_caller_may_ask_to_hear_of_every_connect_error() {
    each_face(|bench| {
        bench.script.connects([Step::Error(Fault::Host)]);
        let pool = bench.build(|options| {
            options.max_size = 1.into();
            options.on_connect_error = OnConnectError::FailFirst;
            options.backoff_first = ms(1);
        });
        let error = pool.acquire().map(drop).unwrap_err();
        assert!(matches!(error, Error::Connect { .. }), "{error}");
        assert!(pool.acquire().is_ok());
    });
}

// P-25, P-3, P-14
#[test]
fn a_timeout_tells_why_connects_fail() {
    each_face(|bench| {
        bench.script.connect_always(Step::Error(Fault::Host));
        let pool = bench.pool(1);
        until(|| {
            assert!(pool.request(1, ms(10)).is_err());
            pool.stats().counts.connect_failures.transient > 0
        });
        let error = pool.request(1, ms(10)).map(drop).unwrap_err();
        assert!(matches!(error, Error::Timeout { last: Some(_), .. }), "{error}");
        assert!(error.to_string().contains("scripted host error in connect"), "{error}");
    });
}

// P-25, P-12
#[test]
fn a_caller_takes_what_comes_first_a_release_or_its_connect() {
    each_face(|bench| {
        let pool = bench.pool(2);
        let guard = pool.acquire().unwrap();
        bench.script.hold(Act::Connect);
        let caller = pool.caller();
        until(|| bench.script.held(Act::Connect) == 1);
        drop(guard);
        assert_eq!(caller.got().unwrap(), 1);
        bench.script.let_go(Act::Connect);
        until(|| pool.status().available == 1);
        assert_eq!(pool.status().size, 2, "the connect was not lost");
    });
}

// P-25, P-11
#[test]
fn minimums_are_filled_at_once_and_again_after_a_loss() {
    each_face(|bench| {
        let pool = bench.build_ready(|options| options.min_size = 3).unwrap();
        assert_eq!(pool.status().available, 3);
        pool.acquire().unwrap().discard();
        until(|| pool.status().available == 3);
        assert_eq!(bench.script.counts().connected, 4);
    });
}

// P-25, P-11
#[test]
fn building_a_pool_that_must_be_ready_tells_why_it_cannot_be() {
    each_face(|bench| {
        bench.script.connect_always(Step::Error(Fault::Permanent));
        for min_size in [0, 2] {
            let built = bench.build_ready(|options| options.min_size = min_size).map(drop);
            match built {
                Err(BuildError::Ready(Error::Connect { .. })) => {}
                other => panic!("{other:?}"),
            }
        }
        let built = bench.build_ready(|options| options.min_size = 11).map(drop);
        assert!(matches!(built, Err(BuildError::Config(_))), "{built:?}");
    });
}

// P-25, P-23
#[test]
fn a_panic_in_any_call_of_the_managers_costs_at_most_one_connection() {
    each_face(|bench| {
        let script = &bench.script;
        let pool = bench.build(|options| {
            options.max_size = 1.into();
            options.backoff_first = ms(1);
            options.test_on_acquire = TestOnAcquire::Always;
        });
        let serial = || pool.acquire().unwrap().serial();
        script.connects([Step::Panic]);
        assert_eq!(serial(), 1);
        script.checks([Step::Panic]);
        assert_eq!(serial(), 2);
        script.on_release(Fate::Reset).resets([Step::Panic]);
        assert_eq!(serial(), 2);
        assert_eq!(serial(), 3);
        script.on_release_with(|_| panic!("on purpose"));
        assert_eq!(serial(), 3);
        script.on_release(Fate::Keep);
        assert_eq!(serial(), 4);
        script.closes([Step::Panic]);
        pool.acquire().unwrap().discard();
        assert_eq!(serial(), 5);
        script.is_closed_with(|_| panic!("on purpose"));
        assert!(matches!(pool.request(1, ms(50)).map(drop), Err(Error::Timeout { .. })));
        script.is_closed_with(|_| false);
        assert!(pool.acquire().is_ok());
        pool.assert_at_rest(script);
    });
}

// P-25, P-15, P-16
#[test]
fn a_connection_that_dies_in_use_is_closed_at_its_release() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let guard = pool.acquire().unwrap();
        bench.script.kill(1);
        drop(guard);
        assert_eq!(pool.acquire().unwrap().serial(), 2);
        pool.assert_at_rest(&bench.script);
    });
}
