//! While connects fail: back-off with jitter, one prober, no storm and no hot loop.

use std::time::Duration;

use crate::common::{Bench, each_seed, ms, secs};
use cenote::{Fault, OnConnectError};
use cenote_testkit::{Event, Step};

fn connect_times(bench: &Bench) -> Vec<Duration> {
    let began = bench.script.log().into_iter().filter(|l| l.event == Event::ConnectBegan);
    began.map(|l| l.at.since(cenote::Time::ZERO)).collect()
}

// P-13
#[test]
fn the_same_seed_draws_the_same_jitter_again() {
    let attempts = |seed| {
        let bench = Bench::new(seed);
        bench.script.connect_always(Step::Error(Fault::Host));
        let _pool = bench.builder().min_size(1).build().unwrap();
        bench.sim.run(bench.sim.sleep(secs(30)));
        connect_times(&bench)
    };
    assert!(attempts(1).len() > 5);
    assert_eq!(attempts(1), attempts(1));
    assert_ne!(attempts(1), attempts(2));
}

// P-13
#[test]
fn a_create_that_always_fails_is_tried_at_most_20_times_in_two_seconds_without_busy_work() {
    let steps = [
        Step::Error(Fault::Host),
        Step::Error(Fault::Connection),
        Step::Error(Fault::Timeout),
        Step::Error(Fault::Overload),
        Step::Error(Fault::Permanent),
        Step::SlowError(ms(1), Fault::Host),
        Step::Panic,
    ];
    for step in steps {
        let bench = Bench::new(1);
        bench.script.connect_always(step);
        let pool = bench.builder().max_size(16).min_size(4).build().unwrap();
        bench.sim.run(async {
            let mut callers = Vec::new();
            for _ in 0..20 {
                callers.push(bench.borrow(&pool, ms(0)).await);
            }
            let before = bench.sim.polls();
            bench.sim.sleep(secs(2)).await;
            let polls = bench.sim.polls() - before;
            let tries = bench.script.counts().connects;
            assert!((1..=20).contains(&tries), "{step:?}: {tries} tries");
            // Twenty ticks, the tries and twenty callers that may have failed.
            assert!(polls < 250, "{step:?}: {polls} polls");
        });
    }
}

// P-13, P-14
// lesson 8
#[test]
fn callers_that_come_back_at_once_after_each_error_cause_no_storm() {
    let rules = [OnConnectError::Retry, OnConnectError::FailFirst, OnConnectError::FailAll];
    for (rule, fail_fast) in rules.into_iter().flat_map(|rule| [(rule, false), (rule, true)]) {
        for fault in [Fault::Host, Fault::Permanent, Fault::Overload] {
            let bench = Bench::new(1);
            bench.script.connect_always(Step::Error(fault));
            let builder = bench.builder().on_connect_error(rule).fail_fast(fail_fast);
            let pool = builder.build().unwrap();
            for _ in 0..10 {
                let (pool, handle) = (pool.clone(), bench.sim.handle());
                let insistent = async move {
                    loop {
                        drop(pool.acquire().timeout(ms(50)).await);
                        handle.sleep(ms(1)).await;
                    }
                };
                bench.sim.spawn::<_>(insistent).detach();
            }
            bench.sim.run_for(secs(2));
            let tries = bench.script.counts().connects;
            assert!((1..=20).contains(&tries), "{rule:?} {fail_fast} {fault}: {tries} tries");
        }
    }
}

// P-13
#[test]
fn back_off_doubles_from_100_ms_to_5_s_with_jitter() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Error(Fault::Host));
        let _pool = bench.builder().min_size(1).build().unwrap();
        bench.sim.run_for(secs(60));
        let times = connect_times(bench);
        let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.len() > 12, "{pauses:?}");
        for (n, pause) in pauses.iter().enumerate() {
            let full = ms(100 << n.min(6)).min(secs(5));
            assert!((full / 2..=full).contains(pause), "pause {n} of {pauses:?}");
        }
        let last = &pauses[8..];
        assert!(last.iter().any(|pause| *pause != last[0]), "jitter: {last:?}");
    });
}

// P-13
#[test]
fn the_back_off_can_be_set() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let builder = bench.builder().min_size(1).backoff_first(secs(1)).backoff_max(secs(2));
    let _pool = builder.build().unwrap();
    bench.sim.run_for(secs(20));
    let times = connect_times(&bench);
    assert!((secs(0)..=secs(1)).contains(&(times[1] - times[0])));
    assert!(times.windows(2).skip(1).all(|t| (secs(1)..=secs(2)).contains(&(t[1] - t[0]))));
}

// P-13
// lesson 8
#[test]
fn after_a_failure_one_prober_tries_and_then_1_2_4() {
    each_seed(|bench| {
        bench.script.connect_always(Step::SlowError(ms(50), Fault::Host));
        let pool = bench.builder().max_size(16).build().unwrap();
        bench.sim.run(async {
            for _ in 0..16 {
                bench.borrow(&pool, secs(60)).await.detach();
            }
            assert_eq!(bench.script.counts().connecting, 2);
            bench.sim.sleep(ms(51)).await;
            for _ in 0..300 {
                bench.sim.sleep(ms(10)).await;
                assert!(bench.script.counts().connecting <= 1);
            }
            bench.script.connect_always(Step::Slow(ms(100)));
            let healed = bench.elapsed();
            bench.sim.sleep(secs(8)).await;
            assert_eq!(pool.status().using, 16);
            let times = connect_times(bench).into_iter().filter(|at| *at >= healed);
            let mut rounds: Vec<(Duration, usize)> = Vec::new();
            for at in times {
                match rounds.last_mut() {
                    Some((last, n)) if *last == at => *n += 1,
                    _ => rounds.push((at, 1)),
                }
            }
            let sizes: Vec<usize> = rounds.iter().map(|&(_, n)| n).collect();
            assert_eq!(sizes, [1, 2, 4, 8, 1], "{rounds:?}");
        });
    });
}

// P-13
#[test]
fn connects_that_were_under_way_together_count_as_one_failure() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::SlowError(ms(10), Fault::Host));
    let builder = bench.builder().max_size(16).min_size(16).ramp(false);
    let _pool = builder.build().unwrap();
    bench.sim.run_for(ms(115));
    let times = connect_times(&bench);
    assert_eq!(times.iter().filter(|at| **at == ms(0)).count(), 16);
    assert!(times.len() >= 17, "the second try comes within the first pause: {times:?}");
}
