//! A call's answer on its way from a thread to a future: it comes once, or is dropped once.

use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use super::{explore, join, poll_in_vain};
use crate::blocking::oneshot::oneshot;
use crate::env::block_on;

// P-25
#[test]
fn the_answer_comes_whoever_is_first() {
    explore(|| {
        let (teller, answer) = oneshot();
        let thread = thread::spawn(move || teller.tell(7));
        assert_eq!(block_on(answer), 7);
        join(thread);
    });
}

// P-25
#[test]
fn the_latest_waker_is_woken() {
    explore(|| {
        let (teller, mut answer) = oneshot();
        let thread = thread::spawn(move || teller.tell(7));
        let told = poll_in_vain(&mut answer).unwrap_or_else(|| block_on(&mut answer));
        assert_eq!(told, 7);
        drop(answer);
        join(thread);
    });
}

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

// P-23, P-25
#[test]
fn an_answer_that_nobody_wants_any_more_is_dropped_once() {
    explore(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let value = Counted(Arc::clone(&drops));
        let (teller, mut answer) = oneshot();
        let thread = thread::spawn(move || {
            let awaited = teller.is_awaited();
            teller.tell(value);
            awaited
        });
        let told = poll_in_vain(&mut answer);
        drop(answer);
        let awaited = join(thread);
        assert!(awaited || told.is_none(), "nobody is told who had gone");
        drop(told);
        assert_eq!(drops.load(Relaxed), 1);
    });
}
