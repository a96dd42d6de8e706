//! The small pieces that threads meet in, each alone, in every order that a few threads can take: who locks first, who
//! is stopped between an unlock and a wake-up, what an atomic may still show. Two things fail a test: what it asserts, and
//! a thread that sleeps for ever.
//!
//! `cargo xtask loom` runs them; no other test run does, since the whole crate has to be compiled with
//! [`sync`](crate::sync) on loom's locks. What bounds them is how often a thread may be stopped where it could have gone
//! on: three times, unless the command says otherwise. Bugs of this kind seldom need more.
//!
//! A thread that sleeps for ever often takes the whole run with it, because what unwinds uses loom's locks again. The last
//! lines name the test all the same, and `--test` runs it alone.
//!
//! An `Arc` here is the standard library's: who drops the last one is not permuted. So
//! [`conn`](crate::conn), which is nothing but an `Arc`, is left to `schedules`.

mod audience;
mod bell;
mod crew;
mod lane;
mod oneshot;
mod park;
mod seat;
mod settling;
mod tally;
mod world;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::model::Builder;

/// Runs a test in every order. The threads of a test are five at most, the one that begins included.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let mut model = Builder::new();
    model.preemption_bound.get_or_insert(3);
    model.max_branches = 10_000;
    model.check(test);
}

/// Polls once with a waker that wakes nobody.
fn poll_in_vain<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Waits for a thread of the test's.
fn join<T>(thread: loom::thread::JoinHandle<T>) -> T {
    thread.join().expect("a panic ends the test")
}
