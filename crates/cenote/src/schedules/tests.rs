//! Each test is one thing that must hold in every order. Where time stands still, a wake-up that is lost leaves a
//! thread asleep for ever, and the scheduler reports that as a deadlock.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::world::{Lines, Scene, borrow, join};
use super::{explore, poll_up_to};
use crate::{Error, Pool, Pooled, State, Timeout};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than any test moves its clock.
const LONG: Duration = Duration::from_secs(3600);

/// Borrows a few times, or until the pool is closed. Not for ever: a schedule may let one thread run as long as it can.
fn borrow_to_the_end(pool: &Pool<Lines>) {
    for _ in 0..3 {
        match block_on(pool.acquire()) {
            Ok(line) => line.usage.alone(),
            Err(Error::Closed { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

// P-5, P-11, P-12
#[test]
fn whoever_waits_gets_a_connection_though_time_stands_still() {
    explore(|| {
        let scene = Scene::of(2);
        join([2, 1, 2, 1].map(|times| {
            scene.thread(move |pool| {
                for _ in 0..times {
                    borrow(&pool);
                }
            })
        }));
        assert!(scene.counts.made.load(SeqCst) <= 2);
        scene.end();
    });
}

// P-5
#[test]
fn what_was_meant_for_one_who_gives_up_goes_to_the_next() {
    explore(|| {
        let scene = Scene::of(1);
        let held = block_on(scene.pool.acquire()).unwrap();
        let fickle = [1, 2].map(|polls| {
            scene.thread(move |pool| {
                if let Some(line) = poll_up_to(polls, pool.acquire()) {
                    line.unwrap().usage.alone();
                }
            })
        });
        let patient = [(), ()].map(|()| scene.thread(|pool| borrow(&pool)));
        drop(held);
        join(fickle);
        join(patient);
        scene.end();
    });
}

// P-3, P-5
#[test]
fn a_deadline_and_a_grant_at_the_same_moment_lose_nothing() {
    explore(|| {
        let scene = Scene::of(1);
        let held = block_on(scene.pool.acquire()).unwrap();
        let hasty = [1, 2].map(|seconds| {
            scene.thread(move |pool| match block_on(pool.acquire().timeout(SECOND * seconds)) {
                Ok(line) => line.usage.alone(),
                Err(Error::Timeout { .. }) => {}
                Err(error) => panic!("{error}"),
            })
        });
        let patient = scene.thread(|pool| borrow(&pool));
        let pass = scene.hand();
        let hand = shuttle::thread::spawn(move || (0..3).for_each(|_| pass(SECOND)));
        drop(held);
        join([hand, patient]);
        // Whoever began to wait after the hand had stopped.
        scene.pass(SECOND * 2);
        join(hasty);
        scene.end();
    });
}

// P-5
#[test]
fn a_grant_that_is_not_fetched_for_a_second_goes_on() {
    explore(|| {
        let scene = Scene::built(|pool| pool.max_size(1).acquire_timeout(Timeout::Never));
        let held = block_on(scene.pool.acquire()).unwrap();
        let pool = scene.pool.clone();
        let mut sleeper = Box::pin(pool.acquire());
        let first = block_on(poll_fn(|cx| Poll::Ready(sleeper.as_mut().poll(cx).is_ready())));
        assert!(!first);
        let served = Arc::new(AtomicUsize::new(0));
        let patient = [(), ()].map(|()| {
            let served = Arc::clone(&served);
            scene.thread(move |pool| {
                borrow(&pool);
                served.fetch_add(1, SeqCst);
            })
        });
        drop(held);
        // The sleeper keeps its place, so each of the others waits for a second of its own.
        while served.load(SeqCst) < 2 {
            scene.pass(SECOND);
            shuttle::thread::yield_now();
        }
        join(patient);
        block_on(sleeper).unwrap().usage.alone();
        drop(pool);
        scene.end();
    });
}

// P-32
#[test]
fn a_connection_has_one_borrower_or_sharers_but_never_both() {
    explore(|| {
        let scene = Scene::built(|builder| builder.max_size(1).max_sharers(2));
        let sharers = [1, 2, 1].map(|times| {
            scene.thread(move |pool| {
                for _ in 0..times {
                    block_on(pool.share()).unwrap().together(2);
                }
            })
        });
        let alone = scene.thread(|pool| (0..2).for_each(|_| borrow(&pool)));
        let fickle = scene.thread(|pool| {
            if let Some(share) = poll_up_to(1, pool.share()) {
                share.unwrap().together(2);
            }
        });
        join(sharers);
        join([alone, fickle]);
        scene.end();
    });
}

// P-10
#[test]
fn borrowers_of_several_and_of_one_all_get_their_turn() {
    explore(|| {
        let scene = Scene::of(2);
        let several = |pool: Pool<Lines>| {
            let lines = block_on(pool.acquire_many(2)).unwrap();
            lines.iter().for_each(|line| line.usage.alone());
        };
        let several = [(), ()].map(|()| scene.thread(several));
        let one = scene.thread(|pool| (0..2).for_each(|_| borrow(&pool)));
        let fickle = scene.thread(|pool| drop(poll_up_to(2, pool.acquire_many(2))));
        join(several);
        join([one, fickle]);
        scene.end();
    });
}

// P-4, P-10
#[test]
fn nobody_who_comes_later_passes_one_who_waits_for_several() {
    explore(|| {
        let scene = Scene::of(2);
        let held = block_on(scene.pool.acquire_many(2)).unwrap();
        let pool = scene.pool.clone();
        let mut several = Box::pin(pool.acquire_many(2));
        let first = block_on(poll_fn(|cx| Poll::Ready(several.as_mut().poll(cx).is_ready())));
        assert!(!first);
        let served = Arc::new(AtomicUsize::new(0));
        let later = [(), ()].map(|()| {
            let served = Arc::clone(&served);
            scene.thread(move |pool| {
                let line = block_on(pool.acquire()).unwrap();
                assert_eq!(served.load(SeqCst), 1, "it passed the first");
                drop(line);
            })
        });
        drop(held);
        let lines = block_on(several).unwrap();
        served.store(1, SeqCst);
        drop(lines);
        join(later);
        drop(pool);
        scene.end();
    });
}

// P-18, P-22
#[test]
fn resizing_and_clearing_amid_the_traffic_lose_nobody() {
    explore(|| {
        let scene = Scene::of(2);
        let borrowers = [(), ()].map(|()| scene.thread(|pool| (0..2).for_each(|_| borrow(&pool))));
        let resizer = scene.thread(|pool| {
            pool.set_max_size(1).unwrap();
            pool.set_max_size(3).unwrap();
        });
        let clearer = scene.thread(|pool| {
            let made = pool.status().size;
            assert!(block_on(pool.clear()).closed <= made.max(3));
            borrow(&pool);
        });
        join(borrowers);
        join([resizer, clearer]);
        scene.end();
    });
}

// P-18
#[test]
fn nothing_made_before_a_clear_is_lent_after_it() {
    explore(|| {
        let scene = Scene::of(2);
        let line = block_on(scene.pool.acquire()).unwrap();
        let first = Pooled::id(&line);
        drop(line);
        let borrower = scene.thread(|pool| borrow(&pool));
        drop(scene.pool.clear());
        let line = block_on(scene.pool.acquire()).unwrap();
        assert!(Pooled::id(&line) > first);
        drop(line);
        join([borrower]);
        scene.end();
    });
}

// P-18, P-21
#[test]
fn whoever_waits_for_an_end_hears_of_it() {
    explore(|| {
        let scene = Scene::of(1);
        let line = block_on(scene.pool.acquire()).unwrap();
        let borrower = shuttle::thread::spawn(move || drop(line));
        block_on(scene.pool.clear());
        let report = block_on(scene.pool.close(LONG));
        assert!(report.is_clean() && scene.pool.status().size == 0, "{report}");
        join([borrower]);
        scene.fade();
    });
}

// P-21
#[test]
fn a_close_amid_the_traffic_settles_with_nothing_left() {
    explore(|| {
        let scene = Scene::of(2);
        let borrowers = [(), ()].map(|()| scene.thread(|pool| borrow_to_the_end(&pool)));
        let sharer = scene.thread(|pool| {
            if let Ok(share) = block_on(pool.share()) {
                share.together(64);
            }
        });
        let closer = scene.thread(|pool| {
            let report = block_on(pool.close(LONG));
            assert!(report.is_clean(), "{report}");
        });
        let report = block_on(scene.pool.close(LONG));
        assert!(report.is_clean(), "{report}");
        let status = scene.pool.status();
        assert_eq!((status.size, status.waiting, status.state), (0, 0, State::Closed), "{status}");
        join(borrowers);
        join([sharer, closer]);
        scene.fade();
    });
}

// P-21
#[test]
fn a_close_that_waits_for_nobody_still_closes_everything_once() {
    explore(|| {
        let scene = Scene::of(2);
        let borrowers = [(), ()].map(|()| scene.thread(|pool| borrow_to_the_end(&pool)));
        let sharer = scene.thread(|pool| {
            if let Ok(share) = block_on(pool.share()) {
                share.together(64);
            }
        });
        block_on(scene.pool.close_now());
        assert_eq!(scene.pool.status().size, 0);
        join(borrowers);
        join([sharer]);
        scene.fade();
    });
}

// P-9, P-21
#[test]
fn the_last_handle_to_go_closes_the_pool_once() {
    explore(|| {
        let scene = Scene::of(1);
        let weak = scene.pool.downgrade();
        let late = shuttle::thread::spawn(move || {
            if let Some(pool) = weak.upgrade() {
                borrow(&pool);
            }
        });
        let other = scene.thread(|pool| borrow(&pool));
        scene.fade_with([late, other]);
    });
}

// P-17, P-19
#[test]
fn a_connection_that_died_is_not_lent_and_its_place_is_filled() {
    explore(|| {
        let scene = Scene::of(1);
        let killer = scene.thread(|pool| {
            let line = block_on(pool.acquire()).unwrap();
            let usage = line.usage.clone();
            drop(line);
            usage.kill();
        });
        let borrowers = [(), ()].map(|()| scene.thread(|pool| borrow(&pool)));
        join([killer]);
        join(borrowers);
        scene.end();
    });
}

/// One step of a thread that does anything.
fn anything(pool: &Pool<Lines>, pass: &impl Fn(Duration)) {
    let mut rng = thread_rng();
    let polls = rng.gen_range(1..3);
    match rng.gen_range(0..12) {
        0..3 => {
            if let Some(Ok(line)) = poll_up_to(polls, pool.acquire()) {
                line.usage.alone();
                match rng.gen_range(0..4) {
                    0 => Pooled::discard(line),
                    1 => line.usage.kill(),
                    _ => {}
                }
            }
        }
        3 | 4 => drop(block_on(pool.acquire().timeout(SECOND * 40)).map(|line| line.usage.alone())),
        5 => {
            drop(poll_up_to(polls, pool.share()).map(|share| share.map(|share| share.together(2))))
        }
        6 => drop(poll_up_to(polls, pool.acquire_many(2))),
        7 => pool.set_max_size(rng.gen_range(1..4)).unwrap(),
        8 => drop(pool.clear()),
        9 => block_on(async {
            pool.pause().await;
            pool.resume().await;
        }),
        10 => drop(pool.try_acquire().map(|line| line.usage.alone())),
        _ => pass(SECOND),
    }
}

// P-5, P-21, P-22, P-32
#[test]
fn anything_in_any_order_leaves_a_pool_that_works() {
    explore(|| {
        let scene = Scene::built(|builder| builder.max_size(2).max_sharers(2));
        let threads = [(), (), ()].map(|()| {
            let pass = scene.hand();
            scene.thread(move |pool| (0..3).for_each(|_| anything(&pool, &pass)))
        });
        join(threads);
        scene.end();
    });
}
