//! The end of a connection's life: idle time, lifetime, number of uses. Each close has its reason, and time
//! is kept to within `upkeep_interval`.

use std::sync::Mutex;
use std::time::Duration;

use crate::common::{Bench, assert_at_rest, each_seed, ms, secs};
use cenote::{Bound, CloseReason, FreeSlot, Pooled, Time, Timeout};
use cenote_testkit::{Event, Step};

/// When each connection was gone, in the order of their ends.
fn ends(bench: &Bench) -> Vec<Duration> {
    let log = bench.script.log().into_iter();
    let gone = log.filter(|logged| matches!(logged.event, Event::Gone { .. }));
    gone.map(|logged| logged.at.since(Time::ZERO)).collect()
}

// P-17
#[test]
fn idle_connections_close_after_the_idle_timeout_down_to_the_minimum() {
    for (min_size, min_idle) in [(0, 0), (2, 0), (0, 2)] {
        let bench = Bench::new(1);
        let builder = bench.builder().max_size(5).min_size(min_size).min_idle(min_idle);
        let pool = builder.idle_timeout(secs(10)).build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 5 - min_idle).await);
            let most = pool.status().size;
            bench.sim.sleep(ms(9_900)).await;
            assert_eq!(pool.status().size, most);
            bench.sim.sleep(ms(1_200)).await;
            let left = min_size.max(min_idle);
            assert_eq!(pool.status().available, left);
            bench.sim.sleep(secs(60)).await;
            assert_eq!(pool.status().available, left, "the minimum stays and is not replaced");
            let closes = pool.stats().counts.closes;
            assert_eq!(closes.get(CloseReason::IdleTimeout), closes.total());
            assert_eq!(closes.total() as usize, most - left);
            assert_at_rest(&pool, &bench.script);
        });
    }
}

// P-17
#[test]
fn the_default_idle_timeout_is_ten_minutes() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_lifetime(Timeout::Never).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.sim.sleep(secs(599)).await;
        assert_eq!(pool.status().size, 1);
        bench.sim.sleep(secs(3)).await;
        assert_eq!(pool.status().size, 0);
    });
}

// P-17
#[test]
fn idle_time_counts_from_the_release() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).idle_timeout(secs(5)).build().unwrap();
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        bench.sim.sleep(secs(60)).await;
        drop(conn);
        for _ in 0..5 {
            bench.sim.sleep(secs(3)).await;
            assert_eq!(pool.acquire().await.unwrap().serial(), 1);
        }
        bench.sim.sleep(ms(6_200)).await;
        assert_eq!(pool.status().size, 0);
    });
}

// P-17, P-2
#[test]
fn a_connection_in_sparse_use_is_not_taken_for_idle_by_the_coarse_clock() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(1).idle_timeout(secs(15));
    let pool = builder.upkeep_interval(secs(10)).build().unwrap();
    bench.sim.run(async {
        for gap in [10_900, 12_000].into_iter().cycle().take(20) {
            // Each use is over before the resting pool has looked at the time again.
            assert_eq!(pool.acquire().await.unwrap().serial(), 1, "at {:?}", bench.elapsed());
            bench.sim.sleep(ms(gap)).await;
        }
    });
}

// P-17, P-11
#[test]
fn the_hard_idle_timeout_replaces_even_the_minimum() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(4).min_size(2).idle_timeout(Timeout::Never);
    let pool = builder.idle_timeout_hard(secs(10)).build().unwrap();
    bench.sim.run(async {
        bench.sim.sleep(secs(9)).await;
        assert_eq!(bench.script.living(), [1, 2]);
        bench.sim.sleep(ms(2_200)).await;
        assert_eq!(bench.script.living(), [3, 4]);
        assert_eq!(pool.stats().counts.closes.get(CloseReason::IdleTimeout), 2);
    });
}

// P-17
#[test]
fn every_timeout_can_be_switched_off_by_name() {
    let bench = Bench::new(1);
    let builder = bench.builder().idle_timeout(Timeout::Never).max_lifetime(Timeout::Never);
    let pool = builder.max_uses(Bound::Unlimited).build().unwrap();
    bench.sim.run(async {
        for _ in 0..100 {
            drop(pool.acquire().await.unwrap());
        }
        bench.sim.sleep(secs(3 * 86_400)).await;
        assert_eq!(pool.acquire().await.unwrap().serial(), 1);
    });
}

// P-17
#[test]
fn a_lifetime_ends_at_its_length_less_at_most_the_jitter() {
    for jitter in [0, 25, 50] {
        let lives = Mutex::new(Vec::new());
        each_seed(|bench| {
            let builder = bench.builder().max_size(1).idle_timeout(Timeout::Never);
            let builder = builder.max_lifetime(secs(100)).lifetime_jitter_percent(jitter);
            let pool = builder.build().unwrap();
            bench.sim.run(async {
                drop(pool.acquire().await.unwrap());
                bench.sim.sleep(secs(110)).await;
            });
            let end = ends(bench)[0];
            let earliest = secs(100 - u64::from(jitter));
            assert!((earliest..=ms(101_100)).contains(&end), "{jitter} %: {end:?}");
            assert_eq!(pool.stats().counts.closes.get(CloseReason::MaxLifetime), 1);
            lives.lock().unwrap().push(end);
        });
        let lives = lives.into_inner().unwrap();
        let spread = *lives.iter().max().unwrap() - *lives.iter().min().unwrap();
        // Of 25 draws the first and the last lie far apart; without jitter only the upkeep's ticks differ.
        let far = secs(u64::from(jitter) / 3).max(ms(1_100));
        assert_eq!(spread > far, jitter > 0, "{jitter} %: {spread:?}");
    }
}

// P-17
// lesson 12
#[test]
fn connections_born_together_do_not_die_together() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(10).min_size(10).ramp(false);
    let builder = builder.idle_timeout(Timeout::Never).max_lifetime(secs(1000));
    let _pool = builder.build().unwrap();
    bench.sim.run_for(secs(1002));
    let ends = ends(&bench);
    assert_eq!(ends.len(), 10, "all of them had their time");
    assert!(ends[0] >= secs(500), "earlier for the distance, but not for ever: {ends:?}");
    // A width of 250 s over ten: 25 s between two, but for the grain of the upkeep.
    for pair in ends.windows(2) {
        assert!(pair[1] - pair[0] >= secs(23), "{ends:?}");
    }
}

// P-17
#[test]
fn a_lent_connection_whose_lifetime_ended_closes_at_its_return() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).max_lifetime(secs(10)).build().unwrap();
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        bench.sim.sleep(secs(60)).await;
        assert!(conn.is_alive() && bench.script.counts().live == 1);
        let waiter = bench.borrow(&pool, ms(0)).await;
        drop(conn);
        assert_eq!(waiter.await.unwrap().unwrap().0, 2, "the next one gets a new one");
        assert_eq!(pool.stats().counts.closes.get(CloseReason::MaxLifetime), 1);
    });
}

// P-17
#[test]
fn a_replacement_is_made_before_the_old_one_closes_when_there_is_room() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(200)));
        let builder = bench.builder().max_size(4).min_idle(2).idle_timeout(Timeout::Never);
        let pool = builder.max_lifetime(secs(30)).build().unwrap();
        bench.sim.run(async {
            bench.sim.sleep(secs(1)).await;
            while bench.elapsed() < secs(200) {
                bench.sim.sleep(ms(20)).await;
                assert!(pool.status().available >= 2, "at {:?}", bench.elapsed());
            }
            assert!(bench.script.counts().closed > 8);
        });
    });
}

// P-17
#[test]
fn without_room_a_replacement_is_made_after_the_old_one_closed() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(2).min_size(2).idle_timeout(Timeout::Never);
    let pool = builder.max_lifetime(secs(30)).free_slot(FreeSlot::WhenClosed).build().unwrap();
    bench.sim.run_for(secs(100));
    assert_eq!(pool.status().available, 2);
    assert_eq!(bench.script.counts().peak_live, 2);
    assert!(bench.script.counts().closed >= 4);
}

// P-17
#[test]
fn a_connection_retires_after_its_last_use() {
    for uses in [1, 3] {
        let bench = Bench::new(1);
        let pool = bench.builder().max_size(1).max_uses(uses).build().unwrap();
        bench.sim.run(async {
            for n in 0..uses * 3 {
                let conn = pool.acquire().await.unwrap();
                assert_eq!(conn.serial(), (n / uses) as u64 + 1);
                assert_eq!(Pooled::uses(&conn), (n % uses) as u64);
            }
            bench.settled().await;
            assert_eq!(pool.stats().counts.closes.get(CloseReason::MaxUses), 3);
            assert_at_rest(&pool, &bench.script);
        });
    }
}

// P-17, P-5
#[test]
fn a_used_up_connection_is_not_handed_to_a_waiter() {
    let bench = Bench::new(1);
    let pool = bench.builder().max_size(1).max_uses(1).build().unwrap();
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(0)).await;
        drop(conn);
        assert_eq!(waiter.await.unwrap().unwrap().0, 2);
    });
}

// P-17, P-2
#[test]
fn upkeep_is_late_by_at_most_its_interval() {
    for interval in [ms(200), secs(1), secs(20)] {
        let bench = Bench::new(1);
        let builder = bench.builder().upkeep_interval(interval).idle_timeout(secs(30));
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            bench.sim.sleep(secs(30) + interval + ms(200)).await;
            let end = ends(&bench)[0];
            assert!((secs(30)..=secs(30) + interval + ms(100)).contains(&end), "{end:?}");
        });
    }
}

// P-2, P-33
#[test]
fn a_resting_pool_wakes_once_per_interval_and_an_empty_one_never() {
    let bench = Bench::new(1);
    let pool = bench.builder().idle_timeout(Timeout::Never).max_lifetime(Timeout::Never);
    let pool = pool.upkeep_interval(secs(5)).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.sim.sleep(secs(10)).await;
        let before = (bench.sim.usage().timers, bench.sim.polls());
        bench.sim.sleep(secs(1000)).await;
        let after = (bench.sim.usage().timers, bench.sim.polls());
        assert!(after.0 - before.0 <= 201, "{} timers", after.0 - before.0);
        assert!(after.1 - before.1 <= 205, "{} polls", after.1 - before.1);
        pool.clear().await;
        bench.sim.sleep(secs(10)).await;
        let before = bench.sim.usage();
        bench.sim.sleep(secs(86_400)).await;
        assert_eq!(bench.sim.usage(), before, "an empty pool asks for nothing");
        assert!(pool.acquire().await.is_ok());
    });
}
