//! The leak report: who has had a connection for too long is told once, with the place that acquired it, and
//! again when it comes back; and who idles in a transaction is counted and named.

use std::convert::Infallible;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Bench, Ears, ms, secs};
use cenote::{
    Event, EventKind, Fault, Level, Manager, Observer, Pool, Pooled, Subject, TestOnAcquire,
    Timeout,
};
use cenote_testkit::Sim;

/// What the leak reports said: the connection, the line of the place, the time, and whether it came back.
type Reports = Arc<Mutex<Vec<(Subject, u32, Duration, bool)>>>;

fn reports(of: &Reports) -> impl Observer + use<> {
    let reports = Arc::clone(of);
    move |event: &Event<'_>| {
        let (place, held, back): (&Location<'_>, _, _) = match *event.kind() {
            EventKind::Leaked { location, held, .. } => (location, held, false),
            EventKind::LeakReturned { location, held } => (location, held, true),
            _ => return,
        };
        assert!(place.file().ends_with("leaks.rs"), "{place}");
        assert_eq!(event.level(), Level::Warn);
        reports.lock().unwrap().push((event.subject(), place.line(), held, back));
    }
}

// P-30
#[test]
fn a_leak_is_reported_once_with_its_place_and_again_when_it_comes_back() {
    for rested in [0, 5, 500] {
        let bench = Bench::new(1);
        let told = Reports::default();
        let builder = bench.builder().max_size(3).leak_after(secs(10)).idle_timeout(Timeout::Never);
        let builder = builder.max_lifetime(Timeout::Never).observer(reports(&told));
        let pool = builder.build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 2).await);
            // The coarse clock stands still while a pool rests: nobody may be accused too early.
            bench.sim.sleep(secs(rested)).await;
            let (leaked, line) = (pool.acquire().await.unwrap(), line!());
            let id = Subject::Connection(Pooled::id(&leaked));
            let quick = pool.acquire().await.unwrap();
            bench.sim.sleep(ms(9_900)).await;
            drop(quick);
            assert_eq!(told.lock().unwrap().len(), 0, "not yet");
            bench.sim.sleep(ms(2_200)).await;
            {
                let told = told.lock().unwrap();
                let [(subject, at, held, false)] = told[..] else { panic!("{told:?}") };
                assert_eq!((subject, at), (id, line));
                assert!((secs(10)..secs(13)).contains(&held), "{held:?}");
            }
            bench.sim.sleep(secs(100)).await;
            assert_eq!(told.lock().unwrap().len(), 1, "once");
            drop(leaked);
            let told = told.lock().unwrap();
            let [_, (subject, at, held, true)] = told[..] else { panic!("{told:?}") };
            assert_eq!((subject, at), (id, line));
            assert!((secs(110)..secs(115)).contains(&held), "{held:?}");
        });
        assert_eq!(pool.stats().counts.leaked, 1);
    }
}

// P-30
#[test]
fn who_gives_back_in_time_is_never_reported() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let builder = bench.builder().max_size(2).leak_after(secs(1)).observer(ears.clone());
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        for n in 0..30 {
            bench.borrow(&pool, ms(900)).await.detach();
            bench.sim.sleep(ms(n * 17)).await;
        }
        bench.sim.sleep(secs(30)).await;
    });
    assert_eq!((ears.count("leaked"), ears.count("leak_returned")), (0, 0));
    assert_eq!(ears.count("released"), 30);
}

// P-30, P-32
#[test]
fn a_share_that_leaks_is_reported_until_its_connection_is_free() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let builder = bench.builder().max_size(1).leak_after(secs(1)).observer(ears.clone());
    let pool = builder.build().unwrap();
    bench.sim.run(async {
        let leaked = pool.share().await.unwrap();
        bench.sim.sleep(secs(5)).await;
        assert_eq!(ears.count("leaked"), 1);
        drop(pool.share().await.unwrap());
        bench.sim.sleep(secs(5)).await;
        assert_eq!((ears.count("leaked"), ears.count("leak_returned")), (1, 0));
        drop(leaked);
        assert_eq!((ears.count("released"), ears.count("leak_returned")), (2, 1));
    });
}

// P-30
#[test]
fn a_thousand_leaks_are_each_reported_once() {
    let bench = Bench::new(1);
    let ears = Ears::default();
    let builder = bench.builder().max_size(1000).ramp(false).max_connecting(1000);
    let pool = builder.leak_after(secs(2)).observer(ears.clone()).build().unwrap();
    bench.sim.run(async {
        let held = bench.hold(&pool, 1000).await;
        bench.sim.sleep(secs(20)).await;
        assert_eq!(ears.count("leaked"), 1000);
        drop(held);
        assert_eq!((ears.count("leaked"), ears.count("leak_returned")), (1000, 1000));
    });
}

// P-30
#[test]
fn leaks_are_counted_without_an_observer_and_off_by_default() {
    for (after, expected) in [(Timeout::After(secs(1)), 1), (Timeout::Never, 0)] {
        let bench = Bench::new(1);
        let pool = bench.builder().leak_after(after).build().unwrap();
        bench.sim.run(async {
            let held = pool.acquire().await.unwrap();
            bench.sim.sleep(secs(60)).await;
            drop(held);
        });
        assert_eq!(pool.stats().counts.leaked, expected);
    }
}

/// Connections whose driver tells of transactions, if it knows.
struct Telling {
    tells: bool,
}

impl Manager for Telling {
    type Connection = Arc<AtomicBool>;
    type Error = Infallible;

    async fn connect(&self) -> Result<Arc<AtomicBool>, Infallible> {
        Ok(Arc::default())
    }

    fn in_transaction(&self, conn: &Arc<AtomicBool>) -> Option<Arc<AtomicBool>> {
        self.tells.then(|| Arc::clone(conn))
    }

    fn classify(&self, error: &Infallible) -> Fault {
        match *error {}
    }
}

fn telling(sim: &Sim, tells: bool, observer: impl Observer) -> Pool<Telling> {
    let builder = Pool::builder(Telling { tells }).env(sim.env()).max_size(3).observer(observer);
    builder.test_on_acquire(TestOnAcquire::Never).leak_after(secs(1)).build().unwrap()
}

// P-30, P-26
#[test]
fn borrowers_that_idle_in_a_transaction_are_counted_and_named() {
    for tells in [true, false] {
        let sim = Sim::new(1);
        let named = Arc::new(Mutex::new(Vec::new()));
        let leaks = Arc::clone(&named);
        let pool = telling(&sim, tells, move |event: &Event<'_>| {
            if let EventKind::Leaked { in_transaction, .. } = *event.kind() {
                leaks.lock().unwrap().push(in_transaction);
            }
        });
        sim.run(async {
            let open = pool.acquire().await.unwrap();
            let calm = pool.acquire().await.unwrap();
            assert_eq!(pool.status().idle_in_transaction, 0);
            open.store(true, Ordering::SeqCst);
            assert_eq!(pool.status().idle_in_transaction, usize::from(tells));
            assert_eq!(pool.status().to_string().contains("idle in transaction 1"), tells);
            sim.sleep(secs(3)).await;
            assert_eq!(*named.lock().unwrap(), [tells, false]);

            let report = pool.close(secs(1)).await;
            let holders: Vec<_> = report.holders.iter().map(|h| h.in_transaction).collect();
            assert_eq!(holders, [tells, false]);
            assert_eq!(report.to_string().contains("idle in a transaction"), tells);
            drop((open, calm));
        });
    }
}

// P-30, P-26
#[test]
fn a_flag_counts_only_while_its_own_connection_is_lent() {
    let sim = Sim::new(1);
    let pool = telling(&sim, true, Ears::default());
    sim.run(async {
        let conn = pool.acquire().await.unwrap();
        let flag = Arc::clone(&conn);
        flag.store(true, Ordering::SeqCst);
        drop(conn);
        assert_eq!(pool.status().idle_in_transaction, 0, "an idle connection is nobody's");
        let conn = pool.acquire().await.unwrap();
        assert_eq!(pool.status().idle_in_transaction, 1);
        Pooled::discard(conn);
        let other = pool.acquire().await.unwrap();
        assert_eq!(pool.status().idle_in_transaction, 0, "the next in its slot has its own");
        drop(Pooled::detach(other));
        assert_eq!(pool.status().idle_in_transaction, 0);
    });
}

// P-30
#[test]
fn a_running_pool_names_its_holders() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        let (_first, line) = (pool.acquire().await.unwrap(), line!());
        bench.sim.sleep(secs(2)).await;
        drop(pool.acquire().await.unwrap());
        let holders = pool.holders();
        assert_eq!(holders.len(), 1, "who has given back holds nothing: {holders:?}");
        assert_eq!(holders[0].location.line(), line);
        assert_eq!((holders[0].held, holders[0].sharers), (secs(2), 0));
        let _share = pool.share().await.unwrap();
        assert_eq!(pool.holders()[1].sharers, 1);
    });
}
