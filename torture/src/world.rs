//! The runtime of a case, and time in it.

use std::future::Future;
use std::time::Duration;

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A runtime of one thread, so that tasks run in the order in which they were woken and a case sees the pool's
/// order, not the scheduler's. In this crate's tests its clock stands still while anything runs; the table
/// measures real time, since most peers read the clock of the operating system.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    #[cfg(test)]
    builder.start_paused(true);
    builder.enable_time().build().expect("a runtime can be built")
}

pub(crate) fn block_on<F: Future>(case: F) -> F::Output {
    runtime().block_on(case)
}

pub(crate) async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Time for what a pool does after a connection was given back: some do it in a task.
pub(crate) async fn settle() {
    sleep(ms(50)).await;
}

/// Whether running `act` panics.
pub(crate) fn panics(act: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err()
}
