//! The resource behind every pool: it lives in memory, counts what happens to it, and does what the case
//! wrote down, in the same way for each pool.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What a connect or a check does.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Well,
    Slow(Duration),
    Panic,
}

/// The script, shared by a case and the pool's driver.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Steps of the next connects; after them all go well, unless `connect_always` says otherwise.
    connects: VecDeque<Step>,
    connect_always: Option<Step>,
    check_always: Option<Step>,
    counts: Counts,
}

/// What has happened so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Connects that began.
    pub(crate) begun: usize,
    /// Connects that ended well.
    pub(crate) connected: usize,
    /// Checks that began.
    pub(crate) checks: usize,
    /// Connections that exist.
    pub(crate) live: usize,
}

/// A connection: it does nothing but be counted.
pub(crate) struct Connection(Script);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.lock().counts.live -= 1;
    }
}

impl Script {
    pub(crate) fn connects(&self, steps: impl IntoIterator<Item = Step>) {
        self.lock().connects.extend(steps);
    }

    pub(crate) fn connect_always(&self, step: Step) {
        self.lock().connect_always = Some(step);
    }

    pub(crate) fn check_always(&self, step: Step) {
        self.lock().check_always = Some(step);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// For the drivers of async pools.
    pub(crate) async fn connect(&self) -> Connection {
        play(self.next_connect()).await;
        self.connected()
    }

    /// For the drivers of async pools.
    pub(crate) async fn check(&self) {
        play(self.next_check()).await;
    }

    /// For the driver of a pool for threads.
    #[cfg(feature = "peers")]
    pub(crate) fn connect_blocking(&self) -> Connection {
        play_blocking(self.next_connect());
        self.connected()
    }

    /// For the driver of a pool for threads.
    #[cfg(feature = "peers")]
    pub(crate) fn check_blocking(&self) {
        play_blocking(self.next_check());
    }

    fn next_connect(&self) -> Step {
        let mut state = self.lock();
        state.counts.begun += 1;
        let step = state.connects.pop_front().or(state.connect_always);
        step.unwrap_or(Step::Well)
    }

    fn next_check(&self) -> Step {
        let mut state = self.lock();
        state.counts.checks += 1;
        state.check_always.unwrap_or(Step::Well)
    }

    fn connected(&self) -> Connection {
        let mut state = self.lock();
        state.counts.connected += 1;
        state.counts.live += 1;
        Connection(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

async fn play(step: Step) {
    match step {
        Step::Well => {}
        Step::Slow(time) => tokio::time::sleep(time).await,
        Step::Panic => panic!("{PANIC}"),
    }
}

#[cfg(feature = "peers")]
fn play_blocking(step: Step) {
    match step {
        Step::Well => {}
        Step::Slow(time) => std::thread::sleep(time),
        Step::Panic => panic!("{PANIC}"),
    }
}

const PANIC: &str = "as the script says";

/// The error of a driver that has none.
#[derive(Debug)]
pub(crate) struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scripted resource does not fail")
    }
}

impl std::error::Error for Never {}
