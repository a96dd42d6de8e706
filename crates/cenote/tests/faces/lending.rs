//! Lending: who gets a connection, in which order, and what becomes of it afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use cenote::{Error, Fate, Fault, TestOnAcquire, Timeout};
use cenote_testkit::{Act, ScriptError, Step};

use crate::face::{LONG, each_face, ms, until};

// P-25, P-1, P-27
#[test]
fn a_connection_goes_back_when_its_guard_is_dropped_and_is_lent_again() {
    each_face(|bench| {
        let pool = bench.pool(2);
        for _ in 0..3 {
            assert_eq!(pool.acquire().unwrap().serial(), 1);
        }
        let guard = pool.acquire().unwrap();
        assert_eq!((pool.status().using, pool.status().size), (1, 1));
        std::thread::spawn(move || drop(guard)).join().unwrap();
        assert_eq!((pool.status().using, pool.status().available), (0, 1));
        assert_eq!(pool.stats().counts.acquired, 4);
        pool.assert_at_rest(&bench.script);
    });
}

// P-25, P-5, P-4
#[test]
fn who_waits_is_served_in_the_order_of_arrival() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let guard = pool.acquire().unwrap();
        let callers: Vec<_> = (0..5).map(|_| pool.caller()).collect();
        assert_eq!(pool.status().waiting, 5);
        drop(guard);
        let mut callers = callers.into_iter();
        while let Some(first) = callers.next() {
            assert_eq!(first.got().unwrap(), 1);
            assert_eq!(pool.status().waiting, callers.len());
            assert!(callers.as_slice().iter().all(|later| later.still_waits()));
            assert!(pool.try_acquire().is_err(), "a newcomer does not overtake");
        }
        until(|| pool.status().available == 1);
        pool.assert_at_rest(&bench.script);
    });
}

// P-25, P-4, P-3
#[test]
fn a_more_urgent_level_goes_first() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let guard = pool.acquire().unwrap();
        let later = pool.caller_in(2, LONG);
        let usual = pool.caller_in(1, LONG);
        let urgent = pool.caller_in(0, LONG);
        drop(guard);
        for caller in [urgent, usual, later] {
            assert_eq!(caller.got().unwrap(), 1);
        }
        until(|| pool.status().available == 1);
    });
}

// P-25, P-3, P-27
#[test]
fn one_deadline_covers_the_wait_and_the_connect() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let guard = pool.acquire().unwrap();
        for n in 0..2 {
            let began = Instant::now();
            let error = match n {
                0 => pool.request(1, ms(20)).map(drop).unwrap_err(),
                _ => pool.request_until(began + ms(20)).map(drop).unwrap_err(),
            };
            assert!(matches!(error, Error::Timeout { .. }), "{error}");
            assert!((ms(20)..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
            assert!(error.to_string().contains("using 1"), "{error}");
        }
        assert_eq!((pool.status().waiting, pool.stats().counts.timed_out), (0, 2));
        bench.script.hold(Act::Connect);
        guard.discard();
        until(|| pool.status().size == 0);
        let error = pool.request(1, ms(20)).map(drop).unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error}");
        assert_eq!(pool.status().connecting, 1, "the connect goes on");
        bench.script.let_go(Act::Connect);
        assert_eq!(pool.acquire().unwrap().serial(), 2);
        assert_eq!(bench.script.counts().connects, 2);
    });
}

// P-25, P-3
#[test]
fn a_wait_without_end_must_be_asked_for_and_ends_with_the_release() {
    each_face(|bench| {
        let pool = bench.build(|options| {
            options.max_size = 1.into();
            options.acquire_timeout = ms(10).into();
        });
        let guard = pool.request(1, LONG).unwrap();
        assert!(matches!(pool.acquire().map(drop), Err(Error::Timeout { .. })));
        let patient = pool.clone();
        let waits = std::thread::spawn(move || patient.request(1, Timeout::Never).map(drop));
        until(|| pool.status().waiting == 1);
        drop(guard);
        waits.join().unwrap().unwrap();
    });
}

// P-25, P-6
#[test]
fn with_no_waiting_allowed_a_full_pool_refuses_at_once() {
    each_face(|bench| {
        let pool = bench.build(|options| {
            options.max_size = 1.into();
            options.max_waiting = 0.into();
        });
        // There is room for a connect, so this one may wait for it.
        let guard = pool.acquire().unwrap();
        let error = pool.acquire().map(drop).unwrap_err();
        assert!(matches!(error, Error::QueueFull { .. }), "{error}");
        drop(guard);
        assert!(pool.acquire().is_ok());
    });
}

// P-25, P-3
#[test]
fn try_acquire_never_waits_and_never_connects() {
    each_face(|bench| {
        let pool = bench.pool(2);
        assert!(matches!(pool.try_acquire().map(drop), Err(Error::Exhausted { .. })));
        assert_eq!(bench.script.counts().connects, 0);
        drop(pool.acquire().unwrap());
        assert_eq!(pool.try_acquire().unwrap().serial(), 1);
        bench.script.kill(1);
        assert!(matches!(pool.try_acquire().map(drop), Err(Error::Exhausted { .. })));
        pool.assert_at_rest(&bench.script);
    });
}

// P-25, P-15
#[test]
fn when_a_test_fails_the_caller_gets_another_connection() {
    each_face(|bench| {
        let pool = bench.build(|options| {
            // No room for another while a test takes its time.
            options.max_size = 1.into();
            options.test_on_acquire = TestOnAcquire::Always;
        });
        drop(pool.acquire().unwrap());
        bench.script.sever(1);
        assert_eq!(pool.acquire().unwrap().serial(), 2);
        assert_eq!(pool.stats().counts.tests_failed, 1);
        bench.script.checks([Step::Panic]);
        assert_eq!(pool.acquire().unwrap().serial(), 3);
        pool.assert_at_rest(&bench.script);
        assert_eq!(bench.script.living(), [3]);
    });
}

// P-25, P-16
#[test]
fn a_used_connection_is_reset_before_anybody_gets_it_and_the_borrower_does_not_wait() {
    each_face(|bench| {
        bench.script.on_release(Fate::Reset).hold(Act::Reset);
        let pool = bench.pool(1);
        let mut guard = pool.acquire().unwrap();
        guard.note("half a transaction");
        drop(guard);
        assert_eq!((pool.status().resetting, pool.status().available), (1, 0));
        let caller = pool.caller();
        assert!(caller.still_waits());
        bench.script.let_go(Act::Reset);
        assert_eq!(caller.got().unwrap(), 1);
        drop(caller);
        assert_eq!(pool.acquire().unwrap().notes(), 0);
        assert!(bench.script.counts().resets >= 2);
    });
}

// P-25, P-9
#[test]
fn tainted_discarded_and_detached_connections_are_not_lent_again() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let mut guard = pool.acquire().unwrap();
        guard.taint();
        drop(guard);
        pool.acquire().unwrap().discard();
        let caller = pool.caller();
        assert_eq!(caller.got().unwrap(), 3);
        drop(caller);
        let own = pool.acquire().unwrap().detach();
        assert_eq!(pool.acquire().unwrap().serial(), 4);
        assert_eq!(bench.script.living(), [3, 4]);
        own();
        pool.assert_at_rest(&bench.script);
    });
}

// P-25, P-8
#[test]
fn with_borrows_runs_and_gives_back_and_an_error_decides_what_becomes_of_the_connection() {
    each_face(|bench| {
        let pool = bench.pool(1);
        assert_eq!(pool.with(|conn| Ok(conn.serial())).unwrap(), 1);
        let error = pool.with(|_| Err(ScriptError::new(Fault::Query, "no such table")));
        assert!(matches!(error, Err(Error::Run(_))));
        assert_eq!(pool.with(|conn| Ok(conn.serial())).unwrap(), 1);
        let error = pool.with(|_| Err(ScriptError::new(Fault::Connection, "cut off")));
        assert!(matches!(error, Err(Error::Run(_))));
        assert_eq!(pool.with(|conn| Ok(conn.serial())).unwrap(), 2);
        let panic = catch_unwind(AssertUnwindSafe(|| pool.with(|_| panic!("on purpose"))));
        assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "on purpose");
        assert_eq!(pool.with(|conn| Ok(conn.serial())).unwrap(), 3);
        pool.assert_at_rest(&bench.script);
    });
}

// P-25, P-1, P-23
#[test]
fn a_panic_in_a_borrower_costs_one_connection_and_no_slot() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let borrows = pool.clone();
        let thread = std::thread::spawn(move || {
            let _guard = borrows.acquire().unwrap();
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!(pool.acquire().unwrap().serial(), 2);
        pool.assert_at_rest(&bench.script);
    });
}

// P-25, P-5
#[test]
fn a_caller_that_gave_up_gets_nothing_and_loses_nothing_for_the_next() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let guard = pool.acquire().unwrap();
        let gives_up = pool.caller_in(1, ms(30));
        let stays = pool.caller();
        assert!(matches!(gives_up.got(), Err(Error::Timeout { .. })));
        drop(guard);
        assert_eq!(stays.got().unwrap(), 1);
        assert_eq!(pool.stats().counts.acquired, 2);
    });
}

// P-25, P-19, P-27
#[test]
fn what_is_found_dead_at_the_very_deadline_was_no_acquire_and_no_hit() {
    each_face(|bench| {
        bench.script.is_closed_with(|_| true);
        let pool = bench.pool(2);
        for micros in 0..300 {
            let wait = std::time::Duration::from_micros(10 * micros);
            assert!(matches!(pool.request(1, wait).map(drop), Err(Error::Timeout { .. })));
        }
        let counts = pool.stats().counts;
        assert_eq!((counts.acquired, counts.hits), (0, 0));
    });
}
