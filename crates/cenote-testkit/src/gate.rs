//! A gate before the steps of one kind: while it is shut whoever comes waits, a future or a thread, until the
//! test lets it pass.

use std::future::poll_fn;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    shut: bool,
    /// How many may pass though it is shut.
    passes: usize,
    waiting: usize,
    wakers: Vec<Waker>,
}

impl State {
    fn admits(&mut self) -> bool {
        if self.shut && self.passes > 0 {
            self.passes -= 1;
            return true;
        }
        !self.shut
    }
}

/// Counts one who waits, for as long as it does.
struct Place<'a>(&'a Gate);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.bell.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn shut(&self) {
        self.change(|state| state.shut = true);
    }

    pub(crate) fn open(&self) {
        self.change(|state| (state.shut, state.passes) = (false, 0));
    }

    pub(crate) fn let_one_pass(&self) {
        self.change(|state| state.passes += 1);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    fn enter(&self) -> Option<Place<'_>> {
        let mut state = self.lock();
        if state.admits() {
            return None;
        }
        state.waiting += 1;
        Some(Place(self))
    }

    /// Waits as a future.
    pub(crate) async fn pass(&self) {
        let Some(_place) = self.enter() else { return };
        poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut state = self.lock();
            if state.admits() {
                return Poll::Ready(());
            }
            state.wakers.push(waker);
            Poll::Pending
        })
        .await;
    }

    /// Waits on this thread.
    pub(crate) fn pass_blocking(&self) {
        let Some(_place) = self.enter() else { return };
        let mut state = self.lock();
        while !state.admits() {
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // Before the place, which locks again.
        drop(state);
    }
}
