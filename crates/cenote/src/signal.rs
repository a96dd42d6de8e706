//! A bell for one listener: raised from anywhere, heard once. Raises that nobody has heard yet count as one.

use std::future::poll_fn;
use std::sync::PoisonError;
use std::task::{Poll, Waker};

use crate::sync::Mutex;

#[derive(Default)]
struct Bell {
    raised: bool,
    listener: Option<Waker>,
}

pub(crate) struct Signal(Mutex<Bell>);

impl Signal {
    pub(crate) fn new() -> Signal {
        Signal(Mutex::default())
    }

    fn with<R>(&self, run: impl FnOnce(&mut Bell) -> R) -> R {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn raise(&self) {
        let listener = self.with(|bell| {
            bell.raised = true;
            bell.listener.take()
        });
        if let Some(waker) = listener {
            waker.wake();
        }
    }

    /// Ends when the bell was raised since the last time.
    pub(crate) async fn heard(&self) {
        poll_fn(|cx| {
            // Cloned before and dropped after the lock: wakers are somebody else's code.
            let waker = cx.waker().clone();
            let (raised, _old) = self.with(|bell| {
                let raised = std::mem::take(&mut bell.raised);
                (raised, bell.listener.replace(waker))
            });
            if raised { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
