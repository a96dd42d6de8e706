//! The fast lane on real threads: threads that only acquire and release, as fast as they can, while somebody looks at
//! the pool, clears it, changes its size and listens for a while. What loom proves of the lane alone must hold with the
//! pool behind it: each connection has one borrower, no acquire is counted twice or not at all, and nothing is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cenote::blocking::{self, Pool};
use cenote::{CloseReason, Fault, State};

const THREADS: usize = 3;

/// Makes connections that know whether somebody has them.
#[derive(Clone, Default)]
struct Maker {
    made: Arc<AtomicU64>,
    closed: Arc<AtomicU64>,
}

struct Conn {
    id: u64,
    lent: AtomicBool,
}

impl blocking::Manager for Maker {
    type Connection = Conn;
    type Error = std::io::Error;

    fn connect(&self) -> Result<Conn, std::io::Error> {
        let id = self.made.fetch_add(1, Ordering::Relaxed);
        Ok(Conn { id, lent: AtomicBool::new(false) })
    }

    fn close(&self, _: Conn) -> Result<(), std::io::Error> {
        self.closed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn classify(&self, _: &std::io::Error) -> Fault {
        Fault::Connection
    }
}

/// Acquires and releases until it is told to stop; counts how often.
fn borrow(pool: &Pool<Maker>, stop: &AtomicBool, acquired: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let conn = pool.acquire().expect("connects succeed");
        assert!(!conn.lent.swap(true, Ordering::Relaxed), "it is lent twice");
        assert!(conn.lent.swap(false, Ordering::Relaxed), "it is lent twice");
        acquired.fetch_add(1, Ordering::Relaxed);
    }
}

/// Stops the borrowers when it goes, so that a check that fails ends the test.
struct StopsAtEnd<'a>(&'a AtomicBool);

impl Drop for StopsAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does something to the pool in the middle of it, `turns` times; returns how many acquires of its own it made.
fn disturb(pool: &Pool<Maker>, turns: usize, others: &AtomicU64) -> u64 {
    let mut acquired = 0;
    for turn in 0..turns {
        // So long that the lane is open again.
        let before = others.load(Ordering::Relaxed);
        while others.load(Ordering::Relaxed) < before + 1000 {
            thread::yield_now();
        }
        match turn % 5 {
            0 => drop(pool.clear()),
            1 => pool.set_max_size(1 + turn % 4).unwrap(),
            2 => {
                pool.pause();
                pool.resume();
            }
            3 => {
                let holders = pool.holders();
                assert!(holders.iter().all(|holder| holder.location.file().ends_with("lane.rs")));
            }
            _ => {
                let status = pool.status();
                // On threads what closes counts until it has closed (P-20).
                let known = status.available + status.using + status.connecting + status.testing;
                assert_eq!(status.size, known + status.resetting + status.closing, "{status:?}");
                acquired += u64::from(pool.try_acquire().is_ok());
            }
        }
    }
    acquired
}

// P-1, P-2, P-5, P-18, P-22, P-27
#[test]
fn threads_that_only_borrow_share_no_connection_and_are_all_counted() {
    let maker = Maker::default();
    let pool = Pool::builder(maker.clone()).max_size(4).build().unwrap();
    let (stop, acquired) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let _stops = StopsAtEnd(&stop);
        for _ in 0..THREADS {
            scope.spawn(|| borrow(&pool, &stop, &acquired));
        }
        let own = disturb(&pool, 100, &acquired);
        acquired.fetch_add(own, Ordering::Relaxed);
    });
    let acquired = acquired.into_inner();
    let counts = pool.stats().counts;
    assert_eq!(counts.acquired, acquired, "each acquire is counted once");
    assert!(counts.hits > acquired / 2, "most were hits: {counts:?}");
    assert!(counts.closes.get(CloseReason::Cleared) > 0, "the clears met something: {counts:?}");
    pool.close(Duration::from_secs(10));
    let status = pool.status();
    assert_eq!((status.state, status.size), (State::Closed, 0));
    let (made, closed) = (maker.made.load(Ordering::Relaxed), &maker.closed);
    while closed.load(Ordering::Relaxed) < made {
        thread::yield_now();
    }
}

// P-17
#[test]
fn uses_on_the_lane_count_when_max_uses_is_set_later() {
    let maker = Maker::default();
    let pool = Pool::builder(maker.clone()).max_size(1).build().unwrap();
    for _ in 0..100 {
        drop(pool.acquire().unwrap());
    }
    assert_eq!(cenote::Pooled::uses(&pool.acquire().unwrap()), 100);
    pool.reconfigure(|options| options.max_uses = 50.into()).unwrap();
    let before = pool.acquire().unwrap().id;
    assert_ne!(pool.acquire().unwrap().id, before, "it was used more often than that");
}
