//! The count of closes that one call waits for: everybody who waits is told when the last has ended.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};

use loom::thread;

use super::{explore, join};
use crate::env::block_on;
use crate::report::{CloseError, Report, Tally};

type Sheet = Tally<Infallible>;

fn settle(tally: &Sheet) -> Report<Infallible> {
    block_on(poll_fn(|cx| tally.poll(cx.waker()).map_or(Poll::Pending, Poll::Ready)))
}

// P-18, P-20
#[test]
fn everybody_who_waits_hears_of_the_last_close() {
    explore(|| {
        let tally = Arc::new(Sheet::new());
        tally.begin();
        tally.begin();
        let first = Arc::clone(&tally);
        let first = thread::spawn(move || first.end(None));
        let second = Arc::clone(&tally);
        let second = thread::spawn(move || second.end(Some(CloseError::Panicked)));
        let other = Arc::clone(&tally);
        let other = thread::spawn(move || settle(&other).closed);
        let report = settle(&tally);
        assert_eq!((report.closed, report.errors.len()), (2, 1));
        assert_eq!(join(other), 2);
        join(first);
        join(second);
    });
}

/// A waker that is somebody else's code: it asks the tally that it hangs in.
struct Asker(Arc<Sheet>);

impl Wake for Asker {
    fn wake(self: Arc<Self>) {
        assert_eq!(self.0.report().closed, 1);
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.report();
    }
}

// P-23
#[test]
fn whoever_waits_is_woken_outside_the_lock() {
    explore(|| {
        let tally = Arc::new(Sheet::new());
        tally.begin();
        let other = Arc::clone(&tally);
        let other = thread::spawn(move || other.end(None));
        drop(tally.poll(&Waker::from(Arc::new(Asker(Arc::clone(&tally))))));
        join(other);
        assert_eq!(settle(&tally).closed, 1);
    });
}
