//! Those who wait for something to change: wakers in a list, each with a place that costs O(1) to take and to leave.
//! And a bell for one listener.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use cenote::{Env, Time};

#[derive(Default)]
struct List {
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// A list of wakers.
#[derive(Default)]
pub(crate) struct Watchers {
    list: Mutex<List>,
    /// How often all were woken. Changed under the lock.
    rounds: AtomicU64,
}

impl Watchers {
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often all were woken. Whoever reads it, looks for something, lays a waker down and finds it unchanged has
    /// missed nothing.
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Acquire)
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        let list = self.lock();
        list.free.len() == list.places.len()
    }

    /// Lays a waker down; `place` is the caller's, if it has one. Returns the rounds so far.
    pub(crate) fn watch(&self, place: &mut Option<usize>, waker: &Waker) -> u64 {
        // Cloned before and dropped after the lock: wakers are somebody else's code.
        let fresh = waker.clone();
        let mut list = self.lock();
        let at = match *place {
            Some(at) => at,
            None => match list.free.pop() {
                Some(at) => at,
                None => {
                    list.places.push(None);
                    list.places.len() - 1
                }
            },
        };
        *place = Some(at);
        let old = list.places[at].replace(fresh);
        let rounds = self.rounds();
        drop(list);
        drop(old);
        rounds
    }

    pub(crate) fn leave(&self, place: &mut Option<usize>) {
        let Some(at) = place.take() else { return };
        let mut list = self.lock();
        let old = list.places[at].take();
        list.free.push(at);
        drop(list);
        drop(old);
    }

    pub(crate) fn wake_all(&self) {
        let mut list = self.lock();
        self.rounds.fetch_add(1, Ordering::Release);
        let wakers: Vec<Waker> = list.places.iter_mut().filter_map(Option::take).collect();
        drop(list);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A bell for one listener: raised from anywhere, heard once.
#[derive(Default)]
pub(crate) struct Bell(Mutex<(bool, Option<Waker>)>);

impl Bell {
    fn lock(&self) -> MutexGuard<'_, (bool, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn raise(&self) {
        let mut bell = self.lock();
        bell.0 = true;
        let waker = bell.1.take();
        drop(bell);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether it was raised since the last time; if not, the waker is laid down.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut bell = self.lock();
        let old = bell.1.replace(waker);
        let raised = std::mem::take(&mut bell.0);
        drop(bell);
        drop(old);
        if raised { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ends when the bell was raised since the last time, or at this time.
    pub(crate) async fn heard_until(&self, env: &dyn Env, until: Time) {
        let mut sleep = pin!(env.sleep_until(until));
        poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => sleep.as_mut().poll(cx),
        })
        .await;
    }
}

/// Runs all of them at once, and ends when the last has.
pub(crate) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    let mut results: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for (future, result) in running.iter_mut().zip(&mut results) {
            let Some(polled) = future.as_mut().map(|future| future.as_mut().poll(cx)) else {
                continue;
            };
            match polled {
                Poll::Ready(output) => {
                    *result = Some(output);
                    *future = None;
                }
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    results.into_iter().flatten().collect()
}
