//! The guard and the handle: a connection is borrowed, and given back by a drop, wherever that happens.

use crate::common::{Bench, assert_at_rest, ms, secs};
use cenote::{CloseReason, Fate, Lend, Order, Pool};
use cenote_testkit::{JoinError, Script};

// P-1
#[test]
fn a_guard_gives_its_connection_back_on_drop() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        for _ in 0..3 {
            let mut conn = pool.acquire().await.unwrap();
            assert_eq!(conn.serial(), 1);
            conn.note("derefs mutably");
            assert_eq!(pool.status().using, 1);
            drop(conn);
            assert_eq!(pool.status().available, 1);
        }
    });
    assert_eq!(bench.script.counts().connects, 1);
}

// P-1
#[test]
fn a_guard_may_move_to_another_thread_and_be_dropped_there() {
    fn is_static_and_send<T: Send + 'static>(_: &T) {}
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let conn = bench.sim.run(pool.acquire()).unwrap();
    is_static_and_send(&conn);
    std::thread::spawn(move || drop(conn)).join().unwrap();
    assert_eq!(pool.status().available, 1);
    assert_eq!(bench.sim.run(pool.acquire()).unwrap().serial(), 1);
}

// P-1, P-5
#[test]
fn a_release_in_another_thread_serves_the_waiter() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(0)).await;
        std::thread::spawn(move || drop(conn)).join().unwrap();
        assert_eq!(waiter.await.unwrap().unwrap(), (1, ms(0)));
    });
}

// P-1, P-8, P-23
#[test]
fn a_guard_dropped_by_a_panic_frees_its_slot() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let panics = |pool: Pool<Script>| async move {
        let _conn = pool.acquire().await.unwrap();
        panic!("while it holds a connection");
    };
    bench.sim.run(async {
        let joined = bench.sim.spawn(panics(pool.clone())).await;
        assert!(matches!(joined, Err(JoinError::Panicked(_))));
        bench.settled().await;
        assert_eq!(pool.stats().counts.closes.get(CloseReason::NotKept), 1);
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        bench.script.on_release(Fate::Keep);
        assert!(bench.sim.spawn(panics(pool.clone())).await.is_err());
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-1, P-33
#[test]
fn a_guard_outlives_its_pool_and_closes_its_connection() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        drop(pool);
        bench.sim.sleep(secs(60)).await;
        assert!(conn.is_alive());
        assert_eq!(bench.script.counts().live, 1);
        drop(conn);
        bench.settled().await;
        assert_eq!(bench.script.counts().closed, 1);
    });
}

// P-1
#[test]
fn two_pools_share_nothing() {
    let bench = Bench::new(1);
    let other = Bench::new(2);
    let (a, b) = (bench.pool(1), other.pool(1));
    let from_a = bench.sim.run(a.acquire()).unwrap();
    assert_eq!(b.status().size, 0);
    let from_b = other.sim.run(b.acquire()).unwrap();
    drop(from_a);
    assert_eq!((a.status().available, b.status().available), (1, 0));
    drop(from_b);
    assert_eq!((a.status().available, b.status().available), (1, 1));
}

async fn serials_of_three(bench: &Bench, order: Order) -> Vec<u64> {
    let pool = bench.builder().max_size(3).order(order).build().unwrap();
    let held = bench.hold(&pool, 3).await;
    // Given back as 1, 2, 3.
    for conn in held {
        drop(conn);
        bench.sim.sleep(ms(1)).await;
    }
    bench.hold(&pool, 3).await.iter().map(|conn| conn.serial()).collect()
}

// P-7
// lesson 23
#[test]
fn lifo_lends_the_one_released_last_and_fifo_the_one_that_rested_longest() {
    let (lifo, fifo) = (Bench::new(1), Bench::new(1));
    assert_eq!(lifo.sim.run(serials_of_three(&lifo, Order::Lifo)), [3, 2, 1]);
    assert_eq!(fifo.sim.run(serials_of_three(&fifo, Order::Fifo)), [1, 2, 3]);
}

// P-7, P-17
#[test]
fn lifo_lets_surplus_connections_age_out_under_steady_traffic_and_fifo_does_not() {
    for (order, left) in [(Order::Lifo, 1), (Order::Fifo, 3)] {
        let bench = Bench::new(1);
        let pool = bench.builder().max_size(3).order(order).idle_timeout(secs(5)).build().unwrap();
        bench.sim.run(async {
            drop(bench.hold(&pool, 3).await);
            for _ in 0..100 {
                bench.sim.sleep(ms(100)).await;
                drop(pool.acquire().await.unwrap());
            }
            assert_eq!(pool.status().size, left, "{order:?}");
        });
    }
}

// P-9, P-33
#[test]
fn a_weak_handle_does_not_keep_the_pool_open() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let weak = pool.downgrade();
    bench.sim.run(async {
        let strong = weak.upgrade().unwrap();
        drop(pool);
        assert!(strong.acquire().await.is_ok(), "one handle is left");
        let guard = strong.acquire().await.unwrap();
        drop(strong);
        assert!(weak.clone().upgrade().is_none(), "a guard is no handle");
        drop(guard);
        assert!(weak.upgrade().is_none());
    });
}

async fn use_anything<L: Lend<Manager = Script>>(db: L, bench: &Bench) {
    let reader = db.read().await.unwrap();
    let writer = db.write().await.unwrap();
    assert_ne!(reader.serial(), writer.serial());
    assert_eq!(db.status().using, 2);
    drop((reader, writer));
    db.pause().await;
    let queued = {
        let db = db.clone();
        bench.sim.spawn(async move { db.acquire().await.map(|conn| conn.serial()).is_ok() })
    };
    bench.settled().await;
    assert!(!queued.is_finished());
    db.resume().await;
    assert!(queued.await.unwrap());
    db.drain(secs(1)).await;
    assert!(db.acquire().await.is_err());
    db.close(secs(1)).await;
    db.close_now().await;
    assert_eq!(db.status().size, 0);
}

// C-19
#[test]
fn code_written_against_lend_takes_a_pool() {
    let bench = Bench::new(1);
    bench.sim.run(use_anything(bench.pool(2), &bench));
    assert_eq!(bench.script.counts().closed, 2);
}
