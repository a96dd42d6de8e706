//! node-mysql (mysqljs/mysql 2.18) and what mysql2 tests beyond it. The pools are built from the preset with
//! node-mysql's defaults: ten connections, each pinged before it is lent, oldest first.

use std::sync::{Arc, Mutex};

use cenote::{
    Bound, Builder, CloseReason, ConnectError, Error, Event, EventKind, Fate, Fault, Observer,
    Pooled, Preset,
};
use cenote_testkit::{Script, ScriptError, Step};

use crate::common::{Bench, Ears, assert_at_rest, each_seed, ms, secs};

fn builder(bench: &Bench) -> Builder<Script> {
    bench.builder().preset(Preset::NodeMysql)
}

// P-21
#[test]
fn acquire_after_end() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        pool.close(secs(1)).await;
        let error = pool.acquire().await.unwrap_err();
        assert_eq!(error.to_string(), "pool \"bench\" is closed");
        assert!(matches!(pool.with(async |_| Ok(())).await, Err(Error::Closed { .. })));
        assert_eq!(bench.script.counts().connects, 1);
    });
}

// P-15, P-4
#[test]
fn acquire_timeout_existing() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(1).test_timeout(ms(200)).build().unwrap();
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            bench.script.checks([Step::Never]);
            let first = bench.borrow(&pool, ms(10)).await;
            let second = bench.borrow(&pool, ms(10)).await;
            assert_eq!(first.await.unwrap().unwrap(), (2, ms(200)), "the hung one is replaced");
            assert_eq!(second.await.unwrap().unwrap(), (2, ms(210)), "in the order of arrival");
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-13, P-14
#[test]
fn acquire_timeout_new() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Never]);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        match pool.acquire().await.unwrap_err() {
            Error::Connect { error, .. } => {
                assert!(matches!(*error, ConnectError::TimedOut { .. }), "{error}");
            }
            other => panic!("{other}"),
        }
        assert_eq!(bench.elapsed(), secs(10), "their default for a handshake");
        assert!(pool.acquire().await.is_ok(), "the slot is free again");
    });
}

// P-24
#[test]
fn acquire_timeout_defaults_to_10_seconds_and_can_be_set() {
    let bench = Bench::new(1);
    let options = builder(&bench).build().unwrap().options();
    assert_eq!((options.connect_timeout, options.test_timeout), (secs(10).into(), secs(10).into()));
    let pool = builder(&bench).connect_timeout(ms(300)).build().unwrap();
    bench.script.connects([Step::Never]);
    assert!(bench.sim.run(pool.acquire()).is_err());
    assert_eq!(bench.elapsed(), ms(300));
}

// P-16: theirs gives the next borrower the pool's own user again; ours resets before anybody gets it.
#[test]
fn change_user_restore() {
    each_seed(|bench| {
        bench.script.on_release(Fate::Reset).reset_always(Step::Slow(ms(5)));
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            let mut conn = pool.acquire().await.unwrap();
            conn.note("another user");
            let (clone, handle) = (pool.clone(), bench.sim.handle());
            let queued = bench.sim.spawn(async move {
                let conn = clone.acquire().await.unwrap();
                (conn.serial(), conn.notes().is_empty(), handle.now())
            });
            bench.settled().await;
            drop(conn);
            assert_eq!(queued.await.unwrap(), (1, true, cenote::Time::ZERO + ms(5)));
        });
    });
}

// P-15
#[test]
fn connection_bad() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            bench.script.sever(1);
            assert_eq!(pool.acquire().await.unwrap().serial(), 2);
            bench.settled().await;
            assert_eq!((bench.script.counts().checks, bench.script.counts().live), (1, 1));
        });
    });
}

// P-9, P-5
#[test]
fn connection_destroy() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(0)).await;
        // It is gone from the pool, and its end moves the queue.
        Pooled::discard(conn);
        assert_eq!(waiter.await.unwrap().unwrap().0, 2);
        assert_eq!(pool.stats().counts.closes.get(CloseReason::Discarded), 1);
    });
}

// P-14, P-21
#[test]
fn connection_fatal_end() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        assert!(matches!(pool.acquire().await, Err(Error::Connect { .. })));
        assert!(pool.close(secs(5)).await.is_clean());
        assert_eq!(pool.status().size, 0);
        let tries = bench.script.counts().connects;
        bench.sim.sleep(secs(60)).await;
        assert_eq!(bench.script.counts().connects, tries);
    });
}

// P-14, P-26
#[test]
fn a_connect_error_reaches_its_caller_at_once_and_frees_the_place() {
    each_seed(|bench| {
        bench.script.connects([Step::SlowError(ms(10), Fault::Permanent)]);
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            let caller = bench.borrow(&pool, ms(0)).await;
            let status = pool.status();
            assert_eq!(
                (status.size, status.connecting, status.spare),
                (1, 1, 0),
                "counted already"
            );
            assert!(matches!(caller.await.unwrap(), Err(Error::Connect { .. })));
            assert_eq!((bench.elapsed(), pool.status().size), (ms(10), 0));
        });
    });
}

// P-6
#[test]
fn connection_limit_no_wait() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).max_waiting(0).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        assert!(matches!(pool.acquire().await, Err(Error::QueueFull { .. })));
        assert_eq!(bench.elapsed(), ms(0));
        drop(held);
        assert!(pool.acquire().await.is_ok());
    });
}

// P-5, P-11
#[test]
fn connection_limit() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let waiter = bench.borrow(&pool, ms(0)).await;
            assert!(!waiter.is_finished());
            drop(held);
            assert_eq!(waiter.await.unwrap().unwrap(), (1, ms(0)));
        });
    });
}

// P-8
#[test]
fn connection_release_after_error() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        let wrong = ScriptError::new(Fault::Query, "syntax error");
        assert!(pool.with(async |_| Err::<(), _>(wrong)).await.is_err());
        assert_eq!(pool.acquire().await.unwrap().serial(), 1, "an error of a query costs nothing");
        let fatal = ScriptError::new(Fault::Connection, "broken pipe");
        assert!(pool.with(async |_| Err::<(), _>(fatal)).await.is_err());
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
    });
}

// P-19, P-5
#[test]
fn connection_reset() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        // The server closes one that rests; the driver is told.
        bench.script.kill(1);
        bench.sim.sleep(ms(1_200)).await;
        assert_eq!(bench.script.living(), [2], "nobody asked for it");
        assert_eq!(pool.stats().counts.closes.get(CloseReason::Died), 1);
        let both = bench.hold(&pool, 2).await;
        assert_eq!(both.iter().map(|conn| conn.serial()).collect::<Vec<_>>(), [2, 3]);
    });
}

// P-9, P-1
#[test]
fn destroy_connection() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        Pooled::discard(conn);
        assert_eq!((pool.status().size, pool.status().available), (0, 0));
        // One that the pool took out by itself may be given back later.
        let conn = pool.acquire().await.unwrap();
        pool.clear().await;
        bench.script.kill(2);
        drop(conn);
        assert_eq!((pool.status().size, pool.status().available), (0, 0));
    });
}

// P-21
#[test]
fn end_empty() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let report = pool.close(secs(60)).await;
        assert_eq!((report.closed, bench.elapsed()), (0, ms(0)));
        assert!(report.is_clean());
    });
}

// P-21, P-15
#[test]
fn end_ping() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            drop(pool.acquire().await.unwrap());
            bench.script.checks([Step::Slow(ms(50))]);
            let caller = bench.borrow(&pool, ms(0)).await;
            assert_eq!(pool.status().testing, 1);
            let end = pool.close(secs(1));
            assert!(matches!(caller.await.unwrap(), Err(Error::Closed { .. })));
            assert!(end.await.is_clean());
            assert_eq!((bench.script.counts().live, pool.status().size), (0, 0));
        });
    });
}

// P-21, P-12: the answer to a connect that was under way when the pool ended.
#[test]
fn end_connecting() {
    each_seed(|bench| {
        bench.script.connect_always(Step::Slow(ms(50)));
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            let caller = bench.borrow(&pool, ms(0)).await;
            let end = pool.close(secs(1));
            assert!(matches!(caller.await.unwrap(), Err(Error::Closed { .. })));
            end.await;
            let counts = bench.script.counts();
            assert_eq!((counts.connected, counts.closed, counts.live), (1, 1, 0));
        });
    });
}

// P-21
#[test]
fn end_queued() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let one = bench.borrow(&pool, ms(0)).await;
            let two = bench.borrow(&pool, ms(0)).await;
            let end = pool.close(secs(1));
            for caller in [one, two] {
                assert!(matches!(caller.await.unwrap(), Err(Error::Closed { .. })));
            }
            assert!(held.is_alive(), "who has one may finish");
            drop(held);
            assert_eq!(end.await.closed, 1);
        });
    });
}

// P-5, P-7, P-12
#[test]
fn get_connection() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(3).build().unwrap();
    bench.sim.run(async {
        let held = bench.hold(&pool, 3).await;
        for conn in held {
            drop(conn);
            bench.sim.sleep(ms(1)).await;
        }
        // First in, first out: each in turn, and no connect while one is idle.
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push(pool.acquire().await.unwrap().serial());
        }
        assert_eq!(seen, [1, 2, 3, 1, 2, 3]);
        assert_eq!(bench.script.counts().connects, 3);
    });
}

// P-14, P-8
#[test]
fn query_connection_error() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Error(Fault::Host));
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let ran = pool.with(async |_| -> Result<(), ScriptError> { panic!("no connection") }).await;
        assert!(matches!(ran, Err(Error::Connect { .. })));
        assert_eq!(bench.elapsed(), ms(0));
    });
}

// P-21, P-8
#[test]
fn query_end_after_error() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        for fault in [Fault::Query, Fault::Connection] {
            let failed = pool.with(async |_| Err::<(), _>(ScriptError::new(fault, "no"))).await;
            assert!(failed.is_err());
        }
        assert!(pool.close(secs(1)).await.is_clean());
        assert_eq!((bench.elapsed(), bench.script.counts().live), (ms(0), 0));
    });
}

// P-11, P-8
#[test]
fn query_error() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(2).build().unwrap();
        bench.sim.run(async {
            let mut queries = Vec::new();
            for _ in 0..12 {
                let (pool, handle) = (pool.clone(), bench.sim.handle());
                queries.push(bench.sim.spawn(async move {
                    let wrong = ScriptError::new(Fault::Query, "syntax error");
                    pool.with(async |_| {
                        handle.sleep(ms(3)).await;
                        Err::<(), _>(wrong)
                    })
                    .await
                }));
            }
            for query in queries {
                assert!(matches!(query.await.unwrap(), Err(Error::Run(_))));
            }
            assert_eq!(bench.script.counts().peak_live, 2, "the limit holds");
            assert_eq!(bench.script.counts().connects, 2, "and nothing was thrown away");
        });
    });
}

// P-6
#[test]
fn queue_limit() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).max_waiting(3).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        let mut queued = Vec::new();
        for _ in 0..3 {
            queued.push(bench.borrow(&pool, ms(0)).await);
        }
        assert!(queued.iter().all(|caller| !caller.is_finished()), "as many as the limit wait");
        let error = pool.acquire().await.unwrap_err();
        assert!(matches!(error, Error::QueueFull { .. }));
        assert!(error.to_string().contains("waiting 3"), "{error}");
        drop(held);
        for caller in queued {
            assert!(caller.await.unwrap().is_ok());
        }
    });
}

// P-6, P-11, P-24: their 0 is no limit; ours says so by name, and a limit of 0 connections is an error.
#[test]
fn connection_limit_0_is_said_by_name() {
    let bench = Bench::new(1);
    let error = builder(&bench).max_size(0).build().unwrap_err().to_string();
    assert!(error.contains("for no limit say Bound::Unlimited"), "{error}");
    let pool = builder(&bench).max_size(Bound::Unlimited).build().unwrap();
    assert_eq!(
        pool.options().max_waiting,
        Bound::Unlimited,
        "their queueLimit of 0 is the default"
    );
    bench.sim.run(async {
        assert_eq!(bench.hold(&pool, 50).await.len(), 50);
    });
}

// P-1, P-5: their callback never runs inside the call that asked for it, ours never before the first poll.
#[test]
fn an_acquire_that_is_not_polled_takes_nothing() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let unpolled = pool.acquire();
        bench.sim.sleep(secs(1)).await;
        assert_eq!((pool.status().waiting, bench.script.counts().connects), (0, 0));
        drop(unpolled);
        assert_eq!(pool.stats().counts.cancelled, 0);
    });
}

// P-14, P-22: mysql2's connect-error, code 1040: the server has too many connections.
#[test]
fn connect_error_1040() {
    let bench = Bench::new(1);
    let pool = builder(&bench).build().unwrap();
    bench.sim.run(async {
        let held = bench.hold(&pool, 2).await;
        bench.script.connect_always(Step::Error(Fault::Overload));
        let waiter = bench.borrow(&pool, ms(0)).await;
        bench.sim.sleep(ms(50)).await;
        assert!(!waiter.is_finished(), "it may have the next one that comes back");
        drop(held);
        assert_eq!(waiter.await.unwrap().unwrap().0, 1);
        assert!(pool.status().max < 10, "and the pool asks for less for a while");
    });
}

// P-8: mysql2 on a failover of Aurora; errors 1290, 1792 and 1836 are what a driver calls Fault::Role.
#[test]
fn a_connection_to_a_server_that_became_read_only_is_not_kept() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).build().unwrap();
    bench.sim.run(async {
        let read_only = ScriptError::new(Fault::Role, "the server is read-only");
        assert!(pool.with(async |_| Err::<(), _>(read_only)).await.is_err());
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
    });
}

// P-11, P-17: mysql2's release-idle.
#[test]
fn release_idle_keeps_max_idle_and_reuses() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(5).max_idle(2).idle_timeout(secs(60)).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, 5).await);
        bench.settled().await;
        assert_eq!(bench.script.counts().live, 2);
        for _ in 0..10 {
            bench.sim.sleep(secs(30)).await;
            drop(bench.hold(&pool, 2).await);
        }
        assert_eq!(bench.script.counts().connects, 5, "the two are used again and again");
        bench.sim.sleep(secs(63)).await;
        assert_eq!(bench.script.counts().live, 0);
    });
}

// P-23, P-33: mysql2's memory-leak, and a leak of one listener a connect that it once shipped.
#[test]
fn ten_thousand_connects_leave_nothing_behind() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(2).build().unwrap();
    bench.sim.run(async {
        drop(pool.acquire().await.unwrap());
        bench.settled().await;
        let tasks = bench.sim.tasks();
        for _ in 0..10_000 {
            Pooled::discard(pool.acquire().await.unwrap());
        }
        bench.settled().await;
        assert!(bench.sim.tasks() <= tasks, "{} tasks", bench.sim.tasks());
        assert_eq!(bench.script.counts().live, 0);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-9, P-19, P-5
#[test]
fn giving_back_one_that_died_moves_the_queue() {
    each_seed(|bench| {
        let pool = builder(bench).max_size(1).build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            let first = bench.borrow(&pool, ms(0)).await;
            let second = bench.borrow(&pool, ms(0)).await;
            bench.script.kill(1);
            drop(held);
            assert_eq!(first.await.unwrap().unwrap().0, 2);
            assert_eq!(second.await.unwrap().unwrap().0, 2);
            assert_at_rest(&pool, &bench.script);
        });
    });
}

// P-6, P-21, P-3: closed, no connection, queue full. What tells the last two apart here is which of the two
// the caller asked for: not to wait at all, or to wait in a queue that has a bound.
#[test]
fn three_messages() {
    let bench = Bench::new(1);
    let pool = builder(&bench).max_size(1).max_waiting(1).build().unwrap();
    bench.sim.run(async {
        let _held = pool.acquire().await.unwrap();
        let _queued = bench.borrow(&pool, ms(0)).await;
        let none = pool.try_acquire().unwrap_err().to_string();
        let full = pool.acquire().await.unwrap_err().to_string();
        pool.close_now().await;
        let closed = pool.acquire().await.unwrap_err().to_string();
        assert!(none.contains("no idle connection right now"), "{none}");
        assert!(full.contains("the queue is full"), "{full}");
        assert!(closed.ends_with("is closed"), "{closed}");
    });
}

/// Their four events, as they are told here.
fn four_events(heard: Vec<&'static str>) -> Vec<&'static str> {
    let theirs = heard.into_iter().filter_map(|name| match name {
        "connection_ready" => Some("connection"),
        "acquire_succeeded" => Some("acquire"),
        "acquire_queued" => Some("enqueue"),
        "released" => Some("release"),
        _ => None,
    });
    theirs.collect()
}

// P-29, P-28: once for each new connection, and before its first borrower is told.
#[test]
fn connection_event() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let pool = builder(&bench).max_size(1).observer(ears.clone()).build().unwrap();
    bench.sim.run(async {
        for _ in 0..3 {
            drop(pool.acquire().await.unwrap());
        }
    });
    let told = four_events(ears.heard());
    let told: Vec<_> = told.into_iter().filter(|name| *name != "enqueue").collect();
    assert_eq!(
        told,
        ["connection", "acquire", "release", "acquire", "release", "acquire", "release"],
    );
}

// P-29
#[test]
fn acquire_event() {
    each_seed(|bench| {
        let ids = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&ids);
        let pool = builder(bench).max_size(2).observer(move |event: &Event<'_>| {
            if let EventKind::AcquireSucceeded { connection, .. } = *event.kind() {
                told.lock().unwrap().push(connection);
            }
        });
        let pool = pool.build().unwrap();
        bench.sim.run(async {
            let held = bench.hold(&pool, 2).await;
            let ids = std::mem::take(&mut *ids.lock().unwrap());
            let expected: Vec<u64> = held.iter().map(Pooled::id).collect();
            assert_eq!(ids, expected, "which connection, each time");
        });
    });
}

// P-29: theirs only when the limit is reached, ours for whoever has to wait, be it for a connect.
#[test]
fn enqueue_event() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let pool = builder(&bench).max_size(1).observer(ears.clone()).build().unwrap();
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        ears.told();
        let waiter = bench.borrow(&pool, ms(0)).await;
        assert_eq!(four_events(ears.heard()), ["enqueue"]);
        drop(held);
        assert!(waiter.await.unwrap().is_ok());
        assert_eq!(four_events(ears.heard()), ["release", "acquire", "release"]);
        drop(pool.try_acquire().unwrap());
        assert_eq!(four_events(ears.heard()), ["acquire", "release"]);
    });
}

/// Writes down how many connections there are and how many of them are free, when one is taken or given back.
fn all_and_free(lines: &Arc<Mutex<Vec<String>>>) -> impl Observer + use<> {
    let lines = Arc::clone(lines);
    move |event: &Event<'_>| {
        let what = match event.kind() {
            EventKind::AcquireStarted { .. } => "get",
            EventKind::Released { .. } => "release",
            _ => return,
        };
        let status = event.status();
        lines
            .lock()
            .unwrap()
            .push(format!("{what}: {} all, {} free", status.size, status.available));
    }
}

// P-29, P-26: the log with which the leak of the document was found.
#[test]
fn a_log_shows_all_and_free_when_one_is_taken_and_given_back() {
    let bench = Bench::new(1);
    let lines = Arc::default();
    let pool = builder(&bench).max_size(2).observer(all_and_free(&lines)).build().unwrap();
    bench.sim.run(async {
        let one = pool.acquire().await.unwrap();
        let two = pool.acquire().await.unwrap();
        drop(one);
        std::mem::forget(two);
        drop(pool.acquire().await.unwrap());
        drop(pool.acquire().await.unwrap());
    });
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "get: 0 all, 0 free",
            "get: 1 all, 0 free",
            "release: 2 all, 1 free",
            "get: 2 all, 1 free",
            "release: 2 all, 1 free",
            "get: 2 all, 1 free",
            "release: 2 all, 1 free",
        ],
        "free never comes back to two",
    );
}
