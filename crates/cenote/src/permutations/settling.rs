//! The futures of clear, drain and close on a whole pool: between the look and the sleep nothing is missed.

use std::time::Duration;

use loom::thread;

use super::world::with_pool;
use super::{explore, join};
use crate::State;
use crate::env::block_on;

const LONG: Duration = Duration::from_secs(3600);

// P-21
#[test]
fn a_close_hears_of_the_last_return_whenever_it_comes() {
    explore(|| {
        with_pool(1, |pool| {
            let conn = block_on(pool.acquire()).unwrap();
            let closing = pool.close(LONG);
            let borrower = thread::spawn(move || drop(conn));
            assert!(block_on(closing).is_clean());
            assert_eq!(pool.status().size, 0);
            join(borrower);
        });
    });
}

// P-21
#[test]
fn a_drain_hears_of_the_last_return_and_a_second_caller_too() {
    explore(|| {
        with_pool(1, |pool| {
            let conn = block_on(pool.acquire()).unwrap();
            let (first, second) = (pool.drain(LONG), pool.drain(LONG));
            let borrower = thread::spawn(move || drop(conn));
            let other = thread::spawn(move || assert!(block_on(first).is_clean()));
            assert!(block_on(second).is_clean());
            assert_eq!(pool.status().state, State::Draining);
            join(other);
            join(borrower);
        });
    });
}

// P-18
#[test]
fn a_clear_beside_a_return_settles() {
    explore(|| {
        with_pool(1, |pool| {
            let conn = block_on(pool.acquire()).unwrap();
            let borrower = thread::spawn(move || drop(conn));
            assert!(block_on(pool.clear()).closed <= 1);
            join(borrower);
            assert_eq!(pool.status().available + pool.status().closing, pool.status().size);
        });
    });
}
