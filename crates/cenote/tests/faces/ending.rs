//! Changing and ending a pool: clear, pause, limits, drain, close, and the last handle.

use std::time::Instant;

use cenote::{Error, State};
use cenote_testkit::{Act, Step};

use crate::face::{LONG, each_face, ms, until};

// P-25, P-18, P-20
#[test]
fn a_clear_closes_what_rests_now_and_what_is_lent_when_it_comes_back() {
    each_face(|bench| {
        let pool = bench.pool(3);
        let held = [pool.acquire().unwrap(), pool.acquire().unwrap()];
        let [kept, back] = held;
        drop(back);
        bench.script.closes([Step::Error(cenote::Fault::Connection)]);
        let report = pool.clear();
        assert_eq!((report.closed, report.errors.len()), (1, 1), "{report}");
        drop(kept);
        assert_eq!(pool.acquire().unwrap().serial(), 3);
        pool.assert_at_rest(&bench.script);
        assert_eq!(bench.script.living(), [3]);
    });
}

// P-25, P-21
#[test]
fn while_a_pool_is_paused_callers_queue_and_are_served_after_it() {
    each_face(|bench| {
        let pool = bench.pool(2);
        drop(pool.acquire().unwrap());
        pool.pause();
        assert_eq!(pool.status().state, State::Paused);
        assert!(matches!(pool.request(1, ms(10)).map(drop), Err(Error::Timeout { .. })));
        let caller = pool.caller();
        assert!(caller.still_waits());
        pool.resume();
        assert_eq!(caller.got().unwrap(), 1);
    });
}

// P-25, P-22
#[test]
fn a_limit_may_change_while_the_pool_runs() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let one = pool.acquire().unwrap();
        let two = pool.caller();
        let three = pool.caller();
        pool.set_max_size(3);
        let mut serials = [two.got().unwrap(), three.got().unwrap()];
        serials.sort_unstable();
        assert_eq!(serials, [2, 3]);
        pool.set_max_size(1);
        assert_eq!(pool.status().size, 3, "nobody's connection is pulled away");
        drop((two, three));
        until(|| pool.status().size == 1);
        drop(one);
        pool.assert_at_rest(&bench.script);
        assert_eq!(bench.script.living(), [1]);
    });
}

// P-25, P-21
#[test]
fn a_drain_serves_who_waits_and_takes_nobody_new() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let guard = pool.acquire().unwrap();
        let waits = pool.caller();
        let drains = pool.clone();
        let drain = std::thread::spawn(move || drains.drain(LONG));
        until(|| pool.status().state == State::Draining);
        assert!(matches!(pool.acquire().map(drop), Err(Error::Draining { .. })));
        assert!(!drain.is_finished());
        drop(guard);
        assert_eq!(waits.got().unwrap(), 1);
        drop(waits);
        let report = drain.join().unwrap();
        assert!(report.is_clean(), "{report}");
    });
}

// P-25, P-21
#[test]
fn a_drain_ends_at_its_deadline_and_names_who_still_holds() {
    each_face(|bench| {
        let pool = bench.pool(1);
        let _guard = pool.acquire().unwrap();
        let began = Instant::now();
        let report = pool.drain(ms(20));
        assert!((ms(20)..LONG).contains(&began.elapsed()));
        assert_eq!(report.holders.len(), 1, "{report}");
    });
}

// P-25, P-21
#[test]
fn a_close_fails_who_waits_and_lets_borrowers_finish() {
    each_face(|bench| {
        let pool = bench.pool(2);
        let guard = pool.acquire().unwrap();
        drop(pool.acquire().unwrap());
        let others: Vec<_> = (0..2).map(|_| pool.caller()).collect();
        let closes = pool.clone();
        let close = std::thread::spawn(move || closes.close(LONG));
        until(|| pool.status().state == State::Closed);
        assert_eq!(others[0].got().unwrap(), 2);
        assert!(matches!(others[1].got(), Err(Error::Closed { .. })));
        assert!(matches!(pool.acquire().map(drop), Err(Error::Closed { .. })));
        assert!(matches!(pool.try_acquire().map(drop), Err(Error::Closed { .. })));
        drop((guard, others));
        let report = close.join().unwrap();
        assert!(report.is_clean() && report.closed == 2, "{report}");
        assert_eq!((pool.status().size, bench.script.counts().live), (0, 0));
        assert_eq!(bench.script.counts().closed, 2);
    });
}

// P-25, P-21
#[test]
fn at_a_closes_deadline_the_report_names_the_place_of_each_leak() {
    each_face(|bench| {
        let pool = bench.pool(3);
        let leaked = pool.acquire().unwrap();
        let here = line!() - 1;
        let tried = {
            drop(pool.acquire().unwrap());
            pool.try_acquire().unwrap()
        };
        let there = line!() - 2;
        let report = pool.close(ms(20));
        let mut places: Vec<_> = report.holders.iter().map(|h| h.location).collect();
        places.sort_unstable_by_key(|place| place.line());
        assert_eq!([places[0].line(), places[1].line()], [here, there], "{report}");
        assert!(places.iter().all(|place| place.file().ends_with("faces/ending.rs")));
        assert!(report.to_string().contains("faces/ending.rs"), "{report}");
        assert_eq!(pool.status().size, 0);
        // A late return only closes it.
        drop((leaked, tried));
        until(|| bench.script.counts().closed == 2);
        assert_eq!(pool.status().size, 0);
    });
}

// P-25, P-21
#[test]
fn close_now_waits_for_no_borrower() {
    each_face(|bench| {
        let pool = bench.pool(2);
        let held = pool.acquire().unwrap();
        drop(pool.acquire().unwrap());
        let report = pool.close_now();
        assert_eq!((report.closed, report.holders.len()), (1, 1), "{report}");
        drop(held);
        until(|| bench.script.counts().closed == 2);
    });
}

// P-25, P-21
#[test]
fn a_connect_that_lands_after_the_close_is_closed() {
    each_face(|bench| {
        bench.script.hold(Act::Connect);
        let pool = bench.pool(1);
        let caller = pool.caller();
        until(|| bench.script.held(Act::Connect) == 1);
        pool.close(ms(10));
        assert!(matches!(caller.got(), Err(Error::Closed { .. })));
        bench.script.let_go(Act::Connect);
        until(|| bench.script.counts().closed == 1);
        assert_eq!((pool.status().size, bench.script.counts().live), (0, 0));
    });
}

// P-25, P-33
#[test]
fn dropping_the_last_handle_closes_what_rests_and_what_is_lent_when_it_comes_back() {
    each_face(|bench| {
        let pool = bench.build_ready(|options| options.min_size = 3).unwrap();
        let guard = pool.acquire().unwrap();
        drop(pool.clone());
        assert_eq!(pool.status().size, 3);
        drop(pool);
        until(|| bench.script.counts().live == 1);
        drop(guard);
        until(|| bench.script.counts().live == 0);
        assert_eq!(bench.script.counts().closed, 3);
    });
}
