//! Waiting for a future on a thread. The thread sleeps until it is woken or until the earliest timer that the
//! last poll came upon, so a deadline needs no timer thread. It sleeps on a condition of its own: the token
//! that `std::thread::park` knows stays the user's, and waits may be nested.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::sync::{Condvar, Mutex, thread_local};

/// Where one thread waits.
#[derive(Default)]
struct Bed {
    woken: Mutex<bool>,
    bell: Condvar,
}

thread_local! {
    /// The thread's bed, while nobody lies in it.
    static BED: Cell<Option<Arc<Bed>>> = const { Cell::new(None) };
    /// The earliest timer that this poll came upon.
    static ALARM: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A timer was polled and its time has not come: the wait around it must not sleep longer.
pub(crate) fn set_alarm(at: Instant) {
    ALARM.with(|alarm| alarm.set(Some(alarm.get().map_or(at, |earlier| earlier.min(at)))));
}

/// Runs a future to its end on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let night = Night::begin();
    let waker = Waker::from(Arc::clone(&night.bed));
    let mut cx = Context::from_waker(&waker);
    loop {
        ALARM.with(|alarm| alarm.set(None));
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        night.bed.sleep(ALARM.with(Cell::get));
    }
}

/// One wait. Its end, by a panic too, leaves things as they were: a wait around this one has its alarm again.
struct Night {
    bed: Arc<Bed>,
    alarm: Option<Instant>,
}

impl Night {
    fn begin() -> Night {
        // A wait inside another, or while the thread ends, gets a bed of its own.
        let bed = BED.try_with(Cell::take).ok().flatten().unwrap_or_default();
        Night { bed, alarm: ALARM.with(Cell::get) }
    }
}

impl Drop for Night {
    fn drop(&mut self) {
        ALARM.with(|alarm| alarm.set(self.alarm));
        let bed = Arc::clone(&self.bed);
        let _ = BED.try_with(|kept| kept.set(Some(bed)));
    }
}

impl Bed {
    /// Sleeps until the bell rings, or until then. A ring before the sleep is not lost.
    fn sleep(&self, until: Option<Instant>) {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        while !*woken {
            woken = match until {
                None => self.bell.wait(woken).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    let waited = self.bell.wait_timeout(woken, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *woken = false;
    }
}

impl Wake for Bed {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Ends when its waker was woken by another thread, at once or after a while.
    fn woken_elsewhere() -> impl Future<Output = ()> {
        let mut sent = None;
        poll_fn(move |cx| match &sent {
            None => {
                let (tell, told) = mpsc::channel();
                let waker = cx.waker().clone();
                std::thread::spawn(move || {
                    tell.send(()).unwrap();
                    waker.wake();
                });
                sent = Some(told);
                Poll::Pending
            }
            Some(told) => match told.try_recv() {
                Ok(()) => Poll::Ready(()),
                Err(_) => Poll::Pending,
            },
        })
    }

    fn alarm(at: Instant) -> impl Future<Output = ()> {
        poll_fn(move |_| {
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            set_alarm(at);
            Poll::Pending
        })
    }

    // P-25
    #[test]
    fn a_wake_is_never_lost() {
        for _ in 0..2_000 {
            block_on(woken_elsewhere());
        }
    }

    // P-25
    #[test]
    fn a_wait_inside_a_wait_takes_neither_its_wake_nor_its_alarm() {
        for _ in 0..200 {
            let mut outer = pin!(woken_elsewhere());
            block_on(poll_fn(|cx| {
                let polled = outer.as_mut().poll(cx);
                block_on(woken_elsewhere());
                polled
            }));
        }
        let until = Instant::now() + Duration::from_millis(5);
        let mut outer = pin!(alarm(until));
        block_on(poll_fn(|cx| {
            let polled = outer.as_mut().poll(cx);
            block_on(alarm(Instant::now()));
            polled
        }));
        assert!(Instant::now() >= until);
    }

    // P-3, P-25
    #[test]
    fn the_earliest_alarm_ends_the_sleep() {
        let began = Instant::now();
        let (soon, late) = (began + Duration::from_millis(5), began + Duration::from_secs(3600));
        let (mut soon, mut late) = (pin!(alarm(soon)), pin!(alarm(late)));
        block_on(poll_fn(|cx| {
            let late = late.as_mut().poll(cx);
            let soon = soon.as_mut().poll(cx);
            if late.is_ready() { late } else { soon }
        }));
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    // P-25
    #[test]
    fn the_threads_own_park_token_stays_the_users() {
        std::thread::current().unpark();
        block_on(woken_elsewhere());
        let began = Instant::now();
        std::thread::park_timeout(Duration::from_secs(60));
        assert!(began.elapsed() < Duration::from_secs(30), "the token was taken");
    }
}
