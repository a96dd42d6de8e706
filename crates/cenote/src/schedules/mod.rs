//! The real pool with its real lock, run by a scheduler that decides at every lock, atomic and wake-up which thread
//! goes on. Every test is a few threads on a small pool, run in thousands of orders; one order in which a thread
//! sleeps for ever, a connection has two borrowers or something is lost fails it.
//!
//! `cargo xtask shuttle` runs them; no other test run does, since the whole crate has to be compiled with
//! [`sync`](crate::sync) on the scheduler's locks. A test that fails prints its schedule and the command that
//! runs exactly that one again.
//!
//! The scheduler looks at orders, not at memory: it takes every atomic as sequentially consistent.

mod offload;
mod tests;
mod world;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::str::FromStr;
use std::task::Poll;

use shuttle::future::{block_on, yield_now};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

/// In how many places a schedule drawn by priorities may change its mind. Most bugs of this kind need two or three.
const CHANGES: usize = 3;

/// Runs a test in many orders: half of them draw at each step who goes on, half give the threads priorities and
/// change them in a few places, which finds what needs one thread to stand still for long.
fn explore<T: Fn() + Copy + Send + Sync + 'static>(test: T) {
    if let Ok(schedule) = std::env::var("CENOTE_SCHEDULE") {
        return run(ReplayScheduler::new_from_encoded(schedule.trim()), test);
    }
    let (iterations, seed) = (from_env("CENOTE_ITERATIONS", 200), from_env("CENOTE_SEED", 0));
    let explored = catch_unwind(AssertUnwindSafe(|| {
        run(RandomScheduler::new_from_seed(seed, iterations), test);
        run(PctScheduler::new_from_seed(seed, CHANGES, iterations), test);
    }));
    if let Err(panic) = explored {
        // A closure is called after the function that it is in, which is the test.
        let mut name = std::any::type_name::<T>().rsplit("::").skip(1);
        let (test, file) = (name.next().unwrap_or("NAME"), name.next().unwrap_or("tests"));
        eprintln!(
            "to run one failing schedule again, as printed above: cargo xtask shuttle --test {file}::{test} --schedule \"…\""
        );
        resume_unwind(panic);
    }
}

fn run(scheduler: impl Scheduler + 'static, test: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    // Every atomic as sequentially consistent: said above.
    config.silence_warnings = true;
    config.stack_size = 0x20_000;
    // Ten times what the longest test takes; more is two threads that wait for each other in a circle.
    config.max_steps = MaxSteps::FailAfter(100_000);
    Runner::new(scheduler, config).run(test);
}

/// Polls a few times without waiting to be woken, then lets go of the future.
fn poll_up_to<F: Future>(times: usize, future: F) -> Option<F::Output> {
    block_on(async {
        let mut future = pin!(future);
        for _ in 0..times {
            let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
            if let Poll::Ready(output) = polled {
                return Some(output);
            }
            yield_now().await;
        }
        None
    })
}

fn from_env<N: FromStr>(name: &str, default: N) -> N {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} wants a number, not \"{text}\""))
}
