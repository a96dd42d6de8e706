//! How connections close: off the borrower's path, under a timeout, and with a report.

use crate::common::{Bench, each_seed, ms, secs};
use cenote::{CloseError, Fault, FreeSlot};
use cenote_testkit::Step;

// P-20
#[test]
fn a_slow_close_is_never_on_the_borrowers_path() {
    let bench = Bench::new(1);
    bench.script.close_always(Step::Slow(secs(3)));
    let pool = bench.pool(1);
    bench.sim.run(async {
        cenote::Pooled::discard(pool.acquire().await.unwrap());
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        assert_eq!(bench.elapsed(), ms(0));
        assert_eq!(pool.status().closing, 1);
        bench.sim.sleep(ms(3001)).await;
        assert_eq!(pool.status().closing, 0);
    });
}

// P-20, P-23
#[test]
fn a_close_that_fails_hangs_or_panics_is_counted_and_reported() {
    let failures = [Step::Error(Fault::Connection), Step::Never, Step::Panic];
    for failure in failures {
        for end in [false, true] {
            let bench = Bench::new(1);
            let pool = bench.builder().max_size(3).close_timeout(secs(2)).build().unwrap();
            bench.sim.run(async {
                drop(bench.hold(&pool, 3).await);
                bench.script.closes([Step::Ok, failure]);
                let report = if end { pool.close(secs(60)).await } else { pool.clear().await };
                assert_eq!((report.closed, report.errors.len()), (3, 1), "{report}");
                assert!(!report.is_clean());
                match (failure, &*report.errors[0]) {
                    (Step::Error(_), CloseError::Failed(_))
                    | (Step::Panic, CloseError::Panicked) => {
                        assert_eq!(bench.elapsed(), ms(0));
                    }
                    (Step::Never, CloseError::TimedOut { after }) => {
                        assert_eq!((*after, bench.elapsed()), (secs(2), secs(2)));
                    }
                    other => panic!("{other:?}"),
                }
                assert_eq!(pool.stats().counts.close_failures, 1);
                let counts = bench.script.counts();
                assert_eq!((counts.live, counts.closed), (0, 3), "each is gone all the same");
            });
        }
    }
}

// P-20
#[test]
fn by_default_the_slot_of_a_closing_connection_is_free_at_once() {
    let bench = Bench::new(1);
    bench.script.close_always(Step::Slow(ms(100)));
    let pool = bench.pool(1);
    bench.sim.run(async {
        cenote::Pooled::discard(pool.acquire().await.unwrap());
        let status = pool.status();
        assert_eq!((status.size, status.closing, status.spare), (0, 1, 1));
        let _conn = pool.acquire().await.unwrap();
        assert_eq!(bench.script.counts().peak_live, 2, "for a moment the server sees two");
    });
}

// P-20
#[test]
fn a_closing_connection_counts_until_it_is_closed_if_asked() {
    each_seed(|bench| {
        bench.script.close_always(Step::Slow(ms(100)));
        let builder = bench.builder().max_size(2).free_slot(FreeSlot::WhenClosed);
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            for _ in 0..5 {
                cenote::Pooled::discard(pool.acquire().await.unwrap());
                let s = pool.status();
                assert_eq!(
                    s.size,
                    s.available + s.using + s.connecting + s.testing + s.resetting + s.closing
                );
            }
            assert_eq!(bench.script.counts().peak_live, 2, "the server never sees more");
            assert_eq!(bench.elapsed(), ms(200), "two by two");
        });
    });
}

// P-20, P-23
#[test]
fn a_close_that_hangs_gives_its_slot_back_at_its_timeout() {
    let bench = Bench::new(1);
    bench.script.closes([Step::Never]);
    let builder = bench.builder().max_size(1).free_slot(FreeSlot::WhenClosed);
    let pool = builder.close_timeout(secs(1)).build().unwrap();
    bench.sim.run(async {
        cenote::Pooled::discard(pool.acquire().await.unwrap());
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        assert_eq!(bench.elapsed(), secs(1));
    });
}

// P-20, P-22
#[test]
fn a_close_that_still_counts_is_none_too_many() {
    for resting in [0, 3, 5] {
        let bench = Bench::new(1);
        bench.script.close_always(Step::Slow(secs(1)));
        let pool = bench.builder().max_size(5).free_slot(FreeSlot::WhenClosed).build().unwrap();
        bench.sim.run(async {
            let mut held = pool.acquire_many(5).await.unwrap();
            held.truncate(5 - resting);
            pool.set_max_size(4).unwrap();
            // What is lent is over the limit until the first comes back.
            drop(held);
            let status = pool.status();
            assert_eq!((status.available, status.closing, status.size), (4, 1, 5), "{resting}");
            assert_eq!(
                pool.acquire_many(4).await.unwrap().len(),
                4,
                "the others are lent meanwhile"
            );
            bench.sim.sleep(secs(2)).await;
            assert_eq!((pool.status().size, pool.stats().counts.closes.total()), (4, 1));
        });
    }
}
