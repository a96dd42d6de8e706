//! One value on its way from a thread to a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;

enum Letter<T> {
    /// Not written yet; with the waker of who waits.
    Awaited(Option<Waker>),
    Written(T),
    /// Read, or nobody waits for it.
    Unwanted,
}

type Shared<T> = Arc<Mutex<Letter<T>>>;

/// Swaps the letter; what was there is the caller's to drop, after the lock.
fn swap<T>(shared: &Shared<T>, new: Letter<T>) -> Letter<T> {
    std::mem::replace(&mut shared.lock().unwrap_or_else(PoisonError::into_inner), new)
}

/// The thread's end.
pub(crate) struct Teller<T>(Shared<T>);

/// The future's end. It ends when the value is there.
pub(crate) struct Answer<T>(Shared<T>);

pub(crate) fn oneshot<T>() -> (Teller<T>, Answer<T>) {
    let shared = Arc::new(Mutex::new(Letter::Awaited(None)));
    (Teller(Arc::clone(&shared)), Answer(shared))
}

impl<T> Teller<T> {
    /// Whether the future is still there.
    pub(crate) fn is_awaited(&self) -> bool {
        let letter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*letter, Letter::Awaited(_))
    }

    /// Hands the value over; if nobody wants it any more it is dropped here, on the thread.
    pub(crate) fn tell(self, value: T) {
        let mut value = Some(value);
        let mut letter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = match &mut *letter {
            Letter::Awaited(waker) => {
                let waker = waker.take();
                *letter = Letter::Written(value.take().expect("it was put there above"));
                waker
            }
            Letter::Written(_) | Letter::Unwanted => None,
        };
        drop(letter);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Cloned before and dropped after the lock: wakers are somebody else's code.
        let waker = cx.waker().clone();
        let mut letter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Letter::Awaited(known) = &mut *letter {
            let old = known.replace(waker);
            drop(letter);
            drop(old);
            return Poll::Pending;
        }
        match std::mem::replace(&mut *letter, Letter::Unwanted) {
            Letter::Written(value) => Poll::Ready(value),
            _ => panic!("an answer was polled after it had ended"),
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        drop(swap(&self.0, Letter::Unwanted));
    }
}
