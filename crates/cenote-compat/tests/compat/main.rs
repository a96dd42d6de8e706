//! Managers of other pools, scripted, in Cenote's: which of their methods is called when, and what becomes of what they
//! say. The real ones are in `tests/servers/tests/compat`.

mod bb8;
mod deadpool;
mod r2d2;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a manager was asked, and what it is to answer.
#[derive(Debug, Default)]
struct Book {
    made: AtomicUsize,
    tested: AtomicUsize,
    ended: AtomicUsize,
    /// Each connection is broken.
    broken: AtomicBool,
    /// Each test fails.
    invalid: AtomicBool,
}

impl Book {
    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    fn tested(&self) -> usize {
        self.tested.load(Ordering::SeqCst)
    }

    fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

fn set(flag: &AtomicBool, to: bool) {
    flag.store(to, Ordering::SeqCst);
}

fn is(flag: &AtomicBool) -> bool {
    flag.load(Ordering::SeqCst)
}

fn count(counter: &AtomicUsize) -> usize {
    counter.fetch_add(1, Ordering::SeqCst) + 1
}

/// Waits until it is so, for 10 s at most.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: not within 10 s");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
