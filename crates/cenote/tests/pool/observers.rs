//! Events: each exactly once, in an order that makes sense, outside the lock; and observers that come, go
//! and panic without hurting anybody.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::{Bench, Ears, assert_at_rest, each_seed, ms, poll_once, secs};
use cenote::{
    CloseReason, Event, EventKind, FailReason, Fault, FromLevel, Level, Observer, Pool, Pooled,
    Subject, TestOnAcquire,
};
use cenote_testkit::{Script, ScriptError, Step};

/// A pool of one connection that is idle, and nothing heard of it yet.
fn warm(bench: &Bench, ears: &Ears) -> Pool<Script> {
    let pool = bench.builder().max_size(1).observer(ears.clone()).build().unwrap();
    bench.sim.run(async { drop(pool.acquire().await.unwrap()) });
    ears.told();
    pool
}

// P-29
#[test]
fn the_first_acquire_of_a_pool_is_told_from_its_creation_on() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let pool = bench.builder().max_size(1).observer(ears.clone()).build().unwrap();
    bench.sim.run(async { drop(pool.acquire().await.unwrap()) });
    assert_eq!(
        ears.told(),
        [
            (Subject::Pool, "pool_created"),
            (Subject::Acquire(1), "acquire_started"),
            (Subject::Acquire(1), "acquire_queued"),
            (Subject::Connection(1), "connect_started"),
            (Subject::Connection(1), "connection_created"),
            (Subject::Connection(1), "connection_ready"),
            (Subject::Pool, "pool_ready"),
            (Subject::Acquire(1), "acquire_succeeded"),
            (Subject::Connection(1), "released"),
        ],
    );
}

// P-29
#[test]
fn an_observer_from_a_level_on_hears_of_every_failure_and_of_no_acquire() {
    let bench = Bench::new(1);
    let (info, warn) = (Ears::default(), Ears::default());
    let pool = bench.builder().max_size(1).slow_acquire(ms(20)).build().unwrap();
    let infos = pool.observe(FromLevel(Level::Info, info.clone()));
    let _warns = pool.observe(FromLevel(Level::Warn, warn.clone()));
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        assert_eq!(info.heard(), ["connection_ready", "pool_ready"]);
        assert!(pool.try_acquire().is_err());
        assert!(pool.acquire().timeout(ms(50)).await.is_err());
        drop(held);
        drop(pool.acquire().await.unwrap());
    });
    // The one that would not wait, and the one that waited too long.
    let failures = ["acquire_failed", "acquire_slow", "acquire_failed"];
    assert_eq!((info.heard(), warn.heard()), (failures.to_vec(), failures.to_vec()));
    // Somebody who wants all hears all, and the others do not.
    let all = Ears::default();
    let every = pool.observe(all.clone());
    bench.sim.run(async { drop(pool.acquire().await.unwrap()) });
    assert_eq!(all.heard(), ["acquire_started", "acquire_succeeded", "released"]);
    drop((every, infos));
    pool.pause();
    assert!(info.heard().is_empty() && warn.heard().is_empty());
}

// P-29
#[test]
fn a_hit_is_told_in_three_events() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let pool = warm(&bench, &ears);
    let hit = [
        (Subject::Acquire(2), "acquire_started"),
        (Subject::Acquire(2), "acquire_succeeded"),
        (Subject::Connection(1), "released"),
    ];
    bench.sim.run(async { drop(pool.acquire().await.unwrap()) });
    assert_eq!(ears.told(), hit);
    drop(pool.try_acquire().unwrap());
    assert_eq!(ears.heard(), hit.map(|(_, name)| name));
    bench.sim.run(pool.with(async |conn| Ok(conn.serial()))).unwrap();
    assert_eq!(ears.heard(), hit.map(|(_, name)| name));
}

// P-29, P-5
#[test]
fn a_release_is_told_before_the_acquire_that_it_serves() {
    each_seed(|bench| {
        let ears = Ears::default();
        let pool = warm(bench, &ears);
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let waiter = bench.borrow(&pool, ms(0)).await;
            drop(held);
            waiter.await.unwrap().unwrap();
        });
        let told = ears.told();
        let names: Vec<_> = told.iter().map(|(_, name)| *name).collect();
        assert_eq!(
            names,
            [
                "acquire_started",
                "acquire_succeeded",
                "acquire_started",
                "acquire_queued",
                "released",
                "acquire_succeeded",
                "released",
            ],
        );
        assert_eq!((told[2].0, told[3].0), (told[5].0, told[5].0), "one ticket all the way");
    });
}

/// Reasons of the failed acquires, whether they had an error, and their waits in milliseconds.
type Failures = Arc<Mutex<Vec<(FailReason, bool, u128)>>>;

fn failures(of: &Failures) -> impl Observer + use<> {
    let failures = Arc::clone(of);
    move |event: &Event<'_>| {
        if let EventKind::AcquireFailed { reason, error, waited } = *event.kind() {
            failures.lock().unwrap().push((reason, error.is_some(), waited.as_millis()));
        }
    }
}

// P-29
#[test]
fn a_failed_acquire_is_told_once_with_its_reason_and_its_wait() {
    let bench = Bench::new(1);
    let (ears, failed) = (Ears::default(), Failures::default());
    let builder = bench.builder().max_size(1).max_waiting(1);
    let builder = builder.observer(ears.clone()).observer(failures(&failed));
    let pool = builder.on_acquire(|request| match request.priority {
        0 => Err("not today".to_owned()),
        _ => Ok(()),
    });
    let pool = pool.build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        ears.told();

        assert!(pool.acquire().timeout(ms(30)).await.is_err());
        assert_eq!(ears.heard(), ["acquire_started", "acquire_queued", "acquire_failed"]);

        let waiter = bench.borrow(&pool, ms(0)).await;
        assert!(pool.acquire().await.is_err(), "the queue is full");
        bench.sim.sleep(ms(7)).await;
        waiter.abort();
        bench.settled().await;
        ears.told();

        assert!(pool.try_acquire().is_err());
        assert_eq!(ears.heard(), ["acquire_started", "acquire_failed"]);

        let refused = pool.acquire().priority(0).await.unwrap_err();
        assert_eq!(refused.to_string(), "pool \"bench\": the hook on_acquire refused: not today");
        assert_eq!(ears.heard(), ["acquire_started", "acquire_failed"]);

        bench.script.connect_always(Step::Error(Fault::Permanent));
        let waiter = bench.borrow(&pool, ms(0)).await;
        Pooled::discard(held);
        assert!(waiter.await.unwrap().is_err());

        pool.pause_and_refuse();
        assert!(pool.acquire().await.is_err());
        pool.resume();
        drop(pool.drain(secs(1)));
        assert!(pool.acquire().await.is_err());
        drop(pool.close(secs(1)));
        assert!(pool.acquire().await.is_err());
        let never_polled = pool.acquire();
        drop(never_polled);
    });
    assert_eq!(
        *failed.lock().unwrap(),
        [
            (FailReason::Timeout, true, 30),
            (FailReason::QueueFull, true, 0),
            (FailReason::Cancelled, false, 7),
            (FailReason::Exhausted, true, 0),
            (FailReason::Refused, true, 0),
            (FailReason::Connect, true, 0),
            (FailReason::Paused, true, 0),
            (FailReason::Draining, true, 0),
            (FailReason::Closed, true, 0),
        ],
    );
    assert_eq!(pool.stats().counts.refused, 1);
}

// P-29, P-13
#[test]
fn a_connect_that_fails_is_told_instead_of_a_ready_connection() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    bench.script.connects([Step::Error(Fault::Connection)]);
    let pool = bench.builder().max_size(1).observer(ears.clone()).build().unwrap();
    bench.sim.run(async { drop(pool.acquire().await.unwrap()) });
    assert_eq!(
        ears.told()[2..],
        [
            (Subject::Acquire(1), "acquire_queued"),
            (Subject::Connection(1), "connect_started"),
            (Subject::Connection(1), "connect_failed"),
            (Subject::Connection(2), "connect_started"),
            (Subject::Connection(2), "connection_created"),
            (Subject::Connection(2), "connection_ready"),
            (Subject::Pool, "pool_ready"),
            (Subject::Acquire(1), "acquire_succeeded"),
            (Subject::Connection(2), "released"),
        ],
    );
}

// P-29, P-20
#[test]
fn a_close_that_fails_is_told_before_the_connection_is_told_as_gone() {
    for step in [Step::Error(Fault::Connection), Step::Never, Step::Panic] {
        let bench = Bench::new(1);
        let ears = Ears::default();
        let pool = warm(&bench, &ears);
        bench.script.close_always(step);
        bench.sim.run(async {
            Pooled::discard(pool.acquire().await.unwrap());
            bench.sim.sleep(secs(6)).await;
        });
        assert_eq!(
            ears.heard()[2..],
            ["released", "connection_closing", "close_failed", "connection_closed"],
            "{step:?}",
        );
    }
}

// P-29, P-15, P-16
#[test]
fn tests_and_resets_that_fail_are_told() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let builder = bench.builder().max_size(1).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.observer(ears.clone()).build().unwrap();
    bench.script.checks([Step::Error(Fault::Query), Step::Ok, Step::Panic]);
    bench.sim.run(async {
        for _ in 0..4 {
            drop(pool.acquire().await.unwrap());
        }
        assert_eq!(ears.count("test_failed"), 2);
        bench.script.on_release(cenote::Fate::Reset).resets([Step::Error(Fault::Connection)]);
        drop(pool.acquire().await.unwrap());
        bench.settled().await;
        assert_eq!(ears.count("reset_failed"), 1);
    });
}

// P-29, P-18, P-21
#[test]
fn the_life_of_a_pool_is_told_in_order() {
    each_seed(|bench| {
        let ears = Ears::default();
        let pool = warm(bench, &ears);
        bench.sim.run(async {
            pool.pause().await;
            pool.pause().await;
            pool.resume().await;
            assert_eq!(
                ears.heard(),
                ["pool_paused", "pool_resumed"],
                "a change is told, not a call"
            );

            pool.clear().await;
            assert_eq!(ears.heard(), ["pool_cleared", "connection_closing", "connection_closed"]);

            pool.reconfigure(|options| options.max_size = 2.into()).unwrap();
            assert_eq!(ears.heard(), ["pool_reconfigured"]);

            let held = pool.acquire().await.unwrap();
            ears.told();
            let drained = pool.drain(secs(1));
            bench.borrow(&pool, ms(0)).await.detach();
            drop(held);
            drained.await;
            let told = ears.heard();
            assert_eq!(
                told,
                ["pool_draining", "acquire_started", "acquire_failed", "released", "pool_drained"],
            );

            pool.close(secs(1)).await;
            pool.close(secs(1)).await;
            assert_eq!(
                ears.heard(),
                ["pool_closing", "connection_closing", "connection_closed", "pool_closed"],
            );
            drop(pool);
            bench.sim.sleep(secs(5)).await;
            assert_eq!(ears.heard(), [""; 0], "closed is the last that is heard");
        });
    });
}

// P-29, P-21
#[test]
fn a_connection_that_was_given_up_is_told_as_closed_when_it_comes_back() {
    let bench = Bench::new(1);
    let (ears, holders) = (Ears::default(), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&holders);
    let pool = warm(&bench, &ears);
    let count = move |event: &Event<'_>| {
        if let EventKind::PoolClosed { holders } = *event.kind() {
            seen.store(holders, Ordering::SeqCst);
            assert_eq!(event.level(), Level::Warn);
        }
    };
    pool.observe(count).forget();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        ears.told();
        pool.close(secs(1)).await;
        assert_eq!(ears.heard(), ["pool_closing", "pool_closed"]);
        assert_eq!(holders.load(Ordering::SeqCst), 1);
        drop(held);
        bench.settled().await;
        assert_eq!(ears.heard(), ["connection_closing", "connection_closed"]);
    });
    assert_eq!(pool.stats().counts.observer_panics, 0);
}

// P-29, P-5
#[test]
fn a_grant_that_nobody_came_for_is_told() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let pool = warm(&bench, &ears);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut sleeper = Box::pin(pool.acquire());
        assert!(poll_once(sleeper.as_mut()).is_pending());
        let next = bench.borrow(&pool, secs(1)).await;
        ears.told();
        drop(held);
        next.await.unwrap().unwrap();
        let told = ears.told();
        assert_eq!(
            told[..3],
            [
                (Subject::Connection(1), "released"),
                (Subject::Acquire(3), "grant_taken_back"),
                (Subject::Acquire(4), "acquire_succeeded"),
            ],
        );
        drop(sleeper.await.unwrap());
        let told = ears.told();
        assert_eq!(told[0], (Subject::Acquire(3), "acquire_succeeded"), "{told:?}");
    });
}

// P-3, P-29
#[test]
fn a_slow_acquire_is_reported_once_with_its_causes() {
    let bench = Bench::new(1);
    let reports: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&reports);
    let builder = bench.builder().max_size(1).slow_acquire(secs(1)).observer(Ears::default());
    let builder = builder.log_with(move |level, line| {
        if line.contains("slow") {
            assert_eq!(level, Level::Warn);
            told.lock().unwrap().push(line.to_owned());
        }
    });
    let pool = builder.build().unwrap();
    let said = ScriptError::new(Fault::Connection, "");
    bench.script.connects([Step::SlowError(ms(700), said.fault), Step::Slow(ms(700))]);
    bench.sim.run(async {
        let holder = bench.borrow(&pool, ms(900)).await;
        bench.sim.sleep(ms(1)).await;
        assert!(holder.await.unwrap().is_ok(), "1.4 s and more");
        bench.script.connect_always(Step::Error(Fault::Connection));
        bench.borrow(&pool, ms(900)).await.await.unwrap().unwrap();
        let quick = bench.borrow(&pool, ms(900)).await;
        assert!(quick.await.unwrap().is_ok());
        Pooled::discard(pool.acquire().await.unwrap());
        assert!(pool.acquire().timeout(secs(3)).await.is_err());
    });
    let reports = reports.lock().unwrap();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].starts_with("pool \"bench\", acquire 1: slow, it took 1."), "{reports:?}");
    assert!(reports[0].contains("running, size 1 of 1, using 1"), "{reports:?}");
    assert!(reports[1].contains("the last connect failed: scripted connection error"));
    assert_eq!(pool.stats().counts.slow, 2);
}

/// Everything that can be told, in one life: failing steps, hooks that refuse, an end.
async fn live(bench: &Bench, pool: &Pool<Script>) {
    bench.script.connects([Step::Error(Fault::Host), Step::Ok, Step::Panic, Step::Ok]);
    bench.script.closes([Step::Error(Fault::Connection)]);
    let held = bench.hold(pool, 2).await;
    assert!(pool.acquire().timeout(ms(20)).await.is_err());
    let waiter = bench.borrow(pool, ms(5)).await;
    drop(held);
    waiter.await.unwrap().unwrap();
    let host = ScriptError::new(Fault::Host, "gone");
    assert!(pool.with(async |_| Err::<(), _>(host)).await.is_err());
    pool.pause().await;
    pool.resume().await;
    drop(pool.acquire().await.unwrap());
    drop(Pooled::detach(pool.acquire().await.unwrap()));
    pool.clear().await;
    pool.drain(secs(1)).await;
    bench.settled().await;
}

// P-29, P-23
#[test]
fn an_observer_that_panics_at_every_event_hurts_nobody() {
    let heard = |panics: bool| {
        let bench = Bench::new(7);
        let ears = Ears::default();
        let mut builder = bench.builder().max_size(2);
        if panics {
            builder = builder.observer(|event: &Event<'_>| panic!("at {event}"));
        }
        let pool = builder.observer(ears.clone()).build().unwrap();
        bench.sim.run(live(&bench, &pool));
        assert_at_rest_but_detached(&pool, &bench.script);
        (ears.heard(), pool.stats().counts)
    };
    let (calm, counts) = heard(false);
    let (wild, wild_counts) = heard(true);
    assert_eq!(counts.observer_panics, 0);
    let told = wild.iter().filter(|name| **name == "observer_panicked").count();
    assert_eq!(told, calm.len(), "each panic is told to the other one");
    assert_eq!(wild_counts.observer_panics as usize, calm.len());
    let rest: Vec<_> = wild.into_iter().filter(|name| *name != "observer_panicked").collect();
    assert_eq!(rest, calm);
}

fn assert_at_rest_but_detached(pool: &Pool<Script>, script: &Script) {
    let status = pool.status();
    assert_eq!((status.using, status.waiting, status.size), (0, 0, status.available), "{status}");
    assert_eq!(script.counts().live as usize, status.size, "{status}");
}

// P-29, P-23
#[test]
fn a_panic_at_one_event_costs_no_connection_and_no_slot() {
    let names = {
        let bench = Bench::new(3);
        let ears = Ears::default();
        let pool = bench.builder().max_size(2).observer(ears.clone()).build().unwrap();
        bench.sim.run(live(&bench, &pool));
        let mut names = ears.heard();
        names.sort_unstable();
        names.dedup();
        names
    };
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let bench = Bench::new(3);
        let builder = bench.builder().max_size(2).observer(move |event: &Event<'_>| {
            assert_ne!(event.kind().name(), name, "on purpose");
        });
        let pool = builder.build().unwrap();
        bench.sim.run(live(&bench, &pool));
        assert!(pool.stats().counts.observer_panics > 0, "{name}");
        assert_at_rest_but_detached(&pool, &bench.script);
    }
}

// P-29
#[test]
fn two_observers_that_panic_do_not_tell_each_other_for_ever() {
    let bench = Bench::new(1);
    let wild = |_: &Event<'_>| panic!("on purpose");
    let pool = bench.builder().observer(wild).observer(wild).build().unwrap();
    // The creation, told to two; each panic told to the other, and that is that.
    assert_eq!(pool.stats().counts.observer_panics, 4);
}

// P-29, P-23
#[test]
fn observers_are_told_outside_the_lock() {
    let bench = Bench::new(1);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = bench.builder().max_size(2).observer(move |event: &Event<'_>| {
        let status = event.status();
        assert!(status.size <= 2 && event.options().max_size == 2.into(), "{event}");
        count.fetch_add(1, Ordering::SeqCst);
    });
    let pool = builder.build().unwrap();
    bench.sim.run(live(&bench, &pool));
    assert!(asked.load(Ordering::SeqCst) > 30);
    assert_eq!(pool.stats().counts.observer_panics, 0);
}

// P-29
#[test]
fn the_status_that_a_release_shows_is_the_one_after_it() {
    let bench = Bench::new(1);
    let using = Arc::new(AtomicUsize::new(9));
    let pool = bench.pool(1);
    let seen = Arc::clone(&using);
    let watching = pool.observe(move |event: &Event<'_>| {
        seen.store(event.status().using, Ordering::SeqCst);
    });
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        assert_eq!(using.load(Ordering::SeqCst), 1);
        drop(conn);
        assert_eq!(using.load(Ordering::SeqCst), 0);
    });
    drop(watching);
}

// P-29
#[test]
fn observers_come_and_go_while_the_pool_runs() {
    let bench = Bench::new(1);
    let pool = warm(&bench, &Ears::default());
    let (one, two, three) = (Ears::default(), Ears::default(), Ears::default());
    let first = pool.observe(one.clone());
    pool.observe(two.clone()).forget();
    drop(pool.try_acquire().unwrap());
    let third = pool.observe(three.clone());
    drop(first);
    drop(pool.try_acquire().unwrap());
    drop(third);
    drop(pool.try_acquire().unwrap());
    assert_eq!((one.heard().len(), two.heard().len(), three.heard().len()), (3, 9, 3));
    let late = pool.observe(one.clone());
    bench.sim.run(async { pool.close(secs(1)).await });
    drop(pool);
    bench.sim.settle();
    drop(late);
    assert_eq!(one.heard().last(), Some(&"pool_closed"));
}

// P-29
#[test]
fn an_observer_that_has_gone_is_dropped() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let token = Arc::new(());
    let inside = Arc::clone(&token);
    let watching = pool.observe(move |_: &Event<'_>| assert_eq!(*inside, ()));
    assert_eq!(Arc::strong_count(&token), 2);
    drop(watching);
    assert_eq!(Arc::strong_count(&token), 1);
}

// P-29
#[test]
fn an_observer_may_add_and_drop_observers() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let (weak, ears) = (pool.downgrade(), Ears::default());
    let added = Mutex::new(None);
    let heard = ears.clone();
    pool.observe(move |_: &Event<'_>| {
        let pool = weak.upgrade().unwrap();
        drop(added.lock().unwrap().replace(pool.observe(heard.clone())));
    })
    .forget();
    bench.sim.run(async { drop(pool.acquire().await.unwrap()) });
    assert!(!ears.heard().is_empty());
    assert_eq!(pool.stats().counts.observer_panics, 0);
}

// P-29
#[test]
fn one_observer_may_watch_many_pools() {
    let bench = Bench::new(1);
    let names: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&names);
    let observer: Arc<dyn Observer> = Arc::new(move |event: &Event<'_>| {
        told.lock().unwrap().push(event.pool().to_owned());
    });
    let pools = ["orders", "users"]
        .map(|name| bench.builder().name(name).observer(Arc::clone(&observer)).build().unwrap());
    assert_eq!(*names.lock().unwrap(), ["orders", "users"]);
    drop(pools);
}

// P-29
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn among_threads_each_acquire_has_one_beginning_and_one_end() {
    let ears = Ears::default();
    let builder = Pool::builder(Script::new()).max_size(2).observer(ears.clone());
    let pool = builder.build().unwrap();
    let borrowers: Vec<_> = (0..8)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for n in 0..200 {
                    let acquire = pool.acquire();
                    if n % 5 == 0 {
                        let _ = poll_once(pin!(acquire).as_mut());
                    } else {
                        drop(acquire.await.unwrap());
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in borrowers {
        task.await.unwrap();
    }
    let mut lives = std::collections::BTreeMap::<u64, Vec<&str>>::new();
    for (subject, name) in ears.told() {
        if let Subject::Acquire(ticket) = subject {
            lives.entry(ticket).or_default().push(name);
        }
    }
    assert_eq!(lives.len(), 1600);
    for life in lives.values() {
        let queued = life.contains(&"acquire_queued");
        assert_eq!(life[0], "acquire_started", "{life:?}");
        assert_eq!(life.len(), if queued { 3 } else { 2 }, "{life:?}");
        assert!(["acquire_succeeded", "acquire_failed"].contains(life.last().unwrap()));
    }
}

// P-29, P-27
#[test]
fn a_connection_has_one_beginning_and_one_end() {
    each_seed(|bench| {
        let ears = Ears::default();
        let pool = bench.builder().max_size(2).observer(ears.clone()).build().unwrap();
        bench.sim.run(async {
            live(bench, &pool).await;
            pool.close(secs(1)).await;
        });
        let told = ears.told();
        let mut lives = std::collections::BTreeMap::<u64, Vec<&str>>::new();
        for (subject, name) in told {
            if let Subject::Connection(id) = subject {
                lives.entry(id).or_default().push(name);
            }
        }
        for (id, mut life) in lives {
            life.retain(|name| !["released", "close_failed"].contains(name));
            let lives: [&[&str]; 3] = [
                &["connect_started", "connect_failed"],
                &[
                    "connect_started",
                    "connection_created",
                    "connection_ready",
                    "connection_closing",
                    "connection_closed",
                ],
                &[
                    "connect_started",
                    "connection_created",
                    "connection_ready",
                    "connection_detached",
                ],
            ];
            assert!(lives.contains(&&life[..]), "{id}: {life:?}");
        }
        assert_at_rest(&pool, &bench.script);
    });
}

// P-29
#[test]
fn every_event_has_a_line_and_a_level() {
    let bench = Bench::new(1);
    let lines: Arc<Mutex<Vec<(Level, String)>>> = Arc::default();
    let told = Arc::clone(&lines);
    let builder = bench.builder().max_size(2).log_with(move |level, line| {
        told.lock().unwrap().push((level, line.to_owned()));
    });
    let pool = builder.build().unwrap();
    bench.sim.run(live(&bench, &pool));
    let lines = lines.lock().unwrap();
    let has = |level: Level, text: &str| {
        assert!(
            lines.iter().any(|(l, line)| *l == level && line.contains(text)),
            "{text}: {lines:#?}"
        );
    };
    has(Level::Info, "pool \"bench\": created");
    has(Level::Trace, "pool \"bench\", acquire 1: started at ");
    has(Level::Trace, "common/mod.rs:");
    has(
        Level::Warn,
        "pool \"bench\", connection 1: connect failed after 0.0ns (host): scripted host",
    );
    has(Level::Info, "connection 2: ready after");
    has(Level::Warn, "failed after 20.0ms (timeout): pool \"bench\": no connection within");
    has(Level::Warn, "cleared, because a borrower's error says that the host failed");
    has(Level::Info, "closed (cleared)");
    assert!(lines.iter().all(|(_, line)| !line.contains('\n')));
}

// P-29, P-27
#[test]
fn close_reasons_are_told_as_they_are_counted() {
    let bench = Bench::new(1);
    let closed: Arc<Mutex<Vec<CloseReason>>> = Arc::default();
    let told = Arc::clone(&closed);
    let pool = bench.builder().max_size(2).observer(move |event: &Event<'_>| {
        if let EventKind::ConnectionClosed { reason } = *event.kind() {
            told.lock().unwrap().push(reason);
        }
    });
    let pool = pool.build().unwrap();
    bench.sim.run(async {
        live(&bench, &pool).await;
        pool.close(secs(1)).await;
    });
    let closed = closed.lock().unwrap();
    let closes = pool.stats().counts.closes;
    assert_eq!(closed.len() as u64, closes.total());
    for (reason, n) in closes.iter() {
        assert_eq!(closed.iter().filter(|told| **told == reason).count() as u64, n, "{reason}");
    }
}
