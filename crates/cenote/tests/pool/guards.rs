//! What can be done with a borrowed connection besides giving it back: close it, keep it, mark it, know it; and
//! how a connection made elsewhere gets in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Bench, assert_at_rest, ms, secs};
use cenote::{CloseReason, Fate, Pool, Pooled};
use cenote_testkit::{Script, Step};

// P-9
#[test]
fn a_discarded_connection_closes_and_its_slot_serves_the_waiter() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(0)).await;
        Pooled::discard(conn);
        assert_eq!(waiter.await.unwrap().unwrap().0, 2);
        assert_eq!(pool.stats().counts.closes.get(CloseReason::Discarded), 1);
        assert_eq!(bench.script.counts().closed, 1);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-9
#[test]
fn a_detached_connection_is_the_callers_and_its_slot_serves_the_waiter() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let conn = pool.acquire().await.unwrap();
        let waiter = bench.borrow(&pool, ms(0)).await;
        let own = Pooled::detach(conn);
        assert_eq!(waiter.await.unwrap().unwrap().0, 2);
        pool.close(secs(1)).await;
        assert!(own.is_alive());
        assert_eq!(pool.stats().counts.detached, 1);
        let counts = bench.script.counts();
        assert_eq!((counts.live, counts.closed, counts.dropped), (1, 1, 0));
    });
}

// P-9, P-16
#[test]
fn a_tainted_connection_is_closed_or_reset_as_the_manager_says() {
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let taint = async |pool: &Pool<Script>| {
        let mut conn = pool.acquire().await.unwrap();
        conn.note("half a transaction");
        Pooled::taint(&mut conn);
        conn.serial()
    };
    bench.sim.run(async {
        assert_eq!(taint(&pool).await, 1);
        bench.script.on_release(Fate::Reset);
        assert_eq!(taint(&pool).await, 2);
        let conn = pool.acquire().await.unwrap();
        assert_eq!((conn.serial(), conn.notes().len()), (2, 0));
        assert_eq!(pool.stats().counts.closes.get(CloseReason::NotKept), 1);
    });
}

// P-9
#[test]
fn a_guard_tells_what_the_pool_knows_of_its_connection() {
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let first = pool.acquire().await.unwrap();
        let other = pool.acquire().await.unwrap();
        let id = Pooled::id(&first);
        assert_ne!(id, Pooled::id(&other));
        assert_eq!(Pooled::uses(&first), 0);
        assert_eq!(Pooled::pool_name(&first), "bench");
        bench.sim.sleep(secs(7)).await;
        assert_eq!(Pooled::age(&first), secs(7));
        drop(first);
        let again = pool.acquire().await.unwrap();
        assert_eq!((Pooled::id(&again), Pooled::uses(&again)), (id, 1));
        Pooled::discard(again);
        let fresh = pool.acquire().await.unwrap();
        assert!(Pooled::id(&fresh) != id && Pooled::id(&fresh) != Pooled::id(&other));
        assert_eq!(Pooled::uses(&fresh), 0);
    });
}

// P-9
#[test]
fn extensions_stay_with_their_connection_and_die_with_it() {
    struct Cache(Arc<AtomicUsize>);
    impl Drop for Cache {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    bench.sim.run(async {
        let mut conn = pool.acquire().await.unwrap();
        assert!(Pooled::extensions(&conn).get::<Cache>().is_none());
        Pooled::extensions_mut(&mut conn).insert(Cache(Arc::clone(&dropped)));
        *Pooled::extensions_mut(&mut conn).get_mut::<u32>().unwrap_or(&mut 0) += 1;
        assert_eq!(Pooled::extensions_mut(&mut conn).insert(1u32), None);
        assert_eq!(Pooled::extensions_mut(&mut conn).insert(2u32), Some(1));
        drop(conn);
        let mut conn = pool.acquire().await.unwrap();
        assert!(Pooled::extensions(&conn).get::<Cache>().is_some());
        assert_eq!(Pooled::extensions_mut(&mut conn).remove::<u32>(), Some(2));
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        Pooled::discard(conn);
        let conn = pool.acquire().await.unwrap();
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        assert!(Pooled::extensions(&conn).get::<Cache>().is_none());
    });
}

// P-9
#[test]
fn an_added_connection_serves_the_first_waiter_and_counts() {
    use cenote::Manager;
    let bench = Bench::new(1);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let own = bench.script.connect().await.unwrap();
        bench.script.connect_always(Step::Never);
        let waiter = bench.borrow(&pool, secs(1)).await;
        pool.add(own).unwrap();
        assert_eq!(waiter.await.unwrap().unwrap(), (1, ms(0)));
        let status = pool.status();
        assert_eq!((status.available, status.connecting, status.size), (1, 1, 2));
    });
}

// P-9, P-22
#[test]
fn a_connection_is_not_added_beyond_the_limit_or_to_a_pool_that_ends() {
    use cenote::Manager;
    let bench = Bench::new(1);
    let pool = bench.pool(1);
    bench.sim.run(async {
        let mut own = bench.script.connect().await.unwrap();
        let lent = pool.acquire().await.unwrap();
        own = pool.add(own).unwrap_err();
        drop(lent);
        own = pool.add(own).unwrap_err();
        assert_eq!(pool.status().size, 1);
        pool.set_max_size(2).unwrap();
        let drained = pool.drain(secs(1));
        own = pool.add(own).unwrap_err();
        drained.await;
        pool.close(secs(1)).await;
        own = pool.add(own).unwrap_err();
        assert!(own.is_alive());
    });
}
