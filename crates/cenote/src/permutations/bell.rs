//! The upkeep's bell: no raise is lost.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

use super::{explore, join, poll_in_vain};
use crate::env::block_on;
use crate::signal::Signal;

// P-33
#[test]
fn whoever_listens_hears_every_raise_and_what_was_before_it() {
    explore(|| {
        let (bell, done) = (Arc::new(Signal::new()), Arc::new(AtomicUsize::new(0)));
        let raisers = [(), ()].map(|()| {
            let (bell, done) = (Arc::clone(&bell), Arc::clone(&done));
            thread::spawn(move || {
                done.fetch_add(1, Relaxed);
                bell.raise();
            })
        });
        while done.load(Relaxed) < 2 {
            block_on(bell.heard());
        }
        raisers.into_iter().for_each(join);
    });
}

// P-33
#[test]
fn a_raise_outlives_a_listener_that_went_away() {
    explore(|| {
        let bell = Arc::new(Signal::new());
        let raiser = {
            let bell = Arc::clone(&bell);
            thread::spawn(move || bell.raise())
        };
        if poll_in_vain(bell.heard()).is_none() {
            block_on(bell.heard());
        }
        join(raiser);
        assert_eq!(poll_in_vain(bell.heard()), None, "one raise is heard once");
    });
}

/// A waker that is somebody else's code: it uses the bell that it hangs in.
struct Ringer(Arc<Signal>);

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.0.raise();
    }
}

impl Drop for Ringer {
    fn drop(&mut self) {
        self.0.raise();
    }
}

// P-23
#[test]
fn wakers_are_woken_and_dropped_outside_the_lock() {
    explore(|| {
        let bell = Arc::new(Signal::new());
        let other = {
            let bell = Arc::clone(&bell);
            thread::spawn(move || bell.raise())
        };
        for _ in 0..2 {
            let ringer = Waker::from(Arc::new(Ringer(Arc::clone(&bell))));
            let _ = std::pin::pin!(bell.heard()).poll(&mut Context::from_waker(&ringer));
        }
        join(other);
        // The bell keeps the last waker, and the waker the bell.
        bell.raise();
        block_on(bell.heard());
    });
}
