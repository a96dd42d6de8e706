//! How fast connections are made: a ramp, a bound, and a timeout for each connect.

use crate::common::{Bench, each_seed, ms, secs};
use cenote_testkit::{Event, Step};

/// How many connects began at each moment, in milliseconds.
fn rounds(bench: &Bench) -> Vec<(u128, usize)> {
    let mut rounds: Vec<(u128, usize)> = Vec::new();
    for logged in bench.script.log() {
        if logged.event == Event::ConnectBegan {
            let at = logged.at.since(cenote::Time::ZERO).as_millis();
            match rounds.last_mut() {
                Some((last, n)) if *last == at => *n += 1,
                _ => rounds.push((at, 1)),
            }
        }
    }
    rounds
}

// P-13
// lesson 7
#[test]
fn connects_ramp_two_at_a_time_and_double_while_they_succeed() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(100)));
        let pool = bench.builder().max_size(64).build().unwrap();
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..64 {
                callers.push(bench.borrow(&pool, secs(60)).await);
            }
            bench.sim.sleep(secs(2)).await;
            assert_eq!(pool.status().using, 64);
        });
        let rounds = rounds(bench);
        let sizes: Vec<usize> = rounds.iter().map(|&(_, n)| n).collect();
        assert_eq!(sizes, [2, 4, 8, 16, 16, 16, 2], "{rounds:?}");
        assert_eq!(bench.script.counts().peak_connecting, 16);
    });
}

// P-13
#[test]
fn the_ramp_can_be_switched_off() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(ms(100)));
    let pool =
        bench.builder().max_size(64).min_size(64).ramp(false).max_connecting(50).build().unwrap();
    bench.sim.run_for(ms(250));
    assert_eq!(rounds(&bench), [(0, 50), (100, 14)]);
    assert_eq!(pool.status().available, 64);
}

// P-13
// lesson 8
#[test]
fn max_connecting_bounds_the_connects_under_way() {
    for most in [1, 3] {
        let bench = Bench::new(1);
        bench.script.connect_always(Step::Slow(ms(10)));
        let pool = bench.builder().min_size(10).max_connecting(most).build().unwrap();
        bench.sim.run_for(secs(1));
        assert_eq!(pool.status().available, 10);
        assert_eq!(bench.script.counts().peak_connecting, most as u64);
    }
}

// P-13
#[test]
fn a_connect_has_its_own_timeout_and_is_tried_again() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Never]);
    let pool = bench.builder().max_size(1).connect_timeout(secs(1)).build().unwrap();
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        assert_eq!(conn.serial(), 1);
        assert!((secs(1)..=ms(1100)).contains(&bench.elapsed()), "{:?}", bench.elapsed());
        assert_eq!(bench.script.counts().connects_abandoned, 1);
        assert_eq!(pool.stats().counts.connect_failures.transient, 1);
    });
}

// P-13
#[test]
fn the_default_connect_timeout_is_five_seconds() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Never]);
    let pool = bench.pool(1);
    bench.sim.run(async {
        pool.acquire().await.unwrap();
        assert!((secs(5)..=ms(5100)).contains(&bench.elapsed()), "{:?}", bench.elapsed());
    });
}

// P-13
// lesson 6
#[test]
fn a_stuck_connect_does_not_starve_the_pool() {
    each_seed(|bench| {
        bench.script.connects([Step::Never]).connect_always(Step::Slow(ms(10)));
        let pool = bench.pool(3);
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..6 {
                callers.push(bench.borrow(&pool, ms(10)).await);
            }
            for caller in callers {
                let waited = caller.await.unwrap().unwrap().1;
                assert!(waited < ms(100), "{waited:?}");
            }
        });
    });
}

// P-13
#[test]
fn a_connect_may_take_as_long_as_it_likes_if_asked_for_by_name() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Slow(secs(3600)));
    let pool = bench
        .builder()
        .connect_timeout(cenote::Timeout::Never)
        .acquire_timeout(cenote::Timeout::Never)
        .build()
        .unwrap();
    bench.sim.run(async { assert!(pool.acquire().await.is_ok()) });
    assert_eq!(bench.elapsed(), secs(3600));
}
