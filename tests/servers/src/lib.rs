//! What tests of several servers have in common: the worlds that a driver has to come through, and the promises that are
//! kept there. A server's own tests, in `tests/`, say what is its own ([`Subject`], and a trait for each world) and name the
//! rules.

#![forbid(unsafe_code)]

pub mod dice;
pub mod dying;
pub mod misbehaving;
pub mod program;
pub mod refusals;
mod subject;
pub mod transactions;

use std::time::Duration;

use cenote::Error;
use tokio::time::{Instant, sleep};

pub use subject::{Connection, Failure, Subject};

/// Runs what blocks.
///
/// # Panics
/// If it does.
pub async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Waits until it is so, for 20 s at most.
///
/// # Panics
/// If it is not.
pub async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Gives a request up as soon as it is so.
///
/// # Panics
/// If the request has ended before.
pub async fn given_up<T>(request: impl Future<Output = T>, when: impl Future<Output = ()>) {
    tokio::select! {
        _ = request => panic!("it has ended already"),
        () = when => {}
    }
}

/// The driver's error in one of the pool's.
///
/// # Panics
/// If it is not the closure's.
pub fn inner<E: std::error::Error>(error: Error<E>) -> E {
    match error {
        Error::Run(error) => error,
        error => panic!("an error of the closure's, not: {error}"),
    }
}
