//! A simulator, a script and a pool in one hand. Everything runs in virtual time unless a test says
//! otherwise; whoever needs the race explored runs it for [`each_seed`].

#![allow(dead_code, reason = "every test binary uses a part of it")]

pub(crate) mod line;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cenote::{Builder, Error, Event, Observer, Pool, Pooled, Status, Subject, TestOnAcquire, Time};
use cenote_testkit::{JoinHandle, Script, ScriptError, Sim};

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) type PoolError = Error<ScriptError>;

/// A simulation and the script of its pool.
pub(crate) struct Bench {
    pub(crate) sim: Sim,
    pub(crate) script: Script,
}

impl Bench {
    pub(crate) fn new(seed: u64) -> Bench {
        let sim = Sim::new(seed);
        let script = Script::with_env(sim.env());
        Bench { sim, script }
    }

    /// A builder in this simulation. Tests before lending are off; who wants them switches them on.
    pub(crate) fn builder(&self) -> Builder<Script> {
        Pool::builder(self.script.clone())
            .name("bench")
            .env(self.sim.env())
            .test_on_acquire(TestOnAcquire::Never)
    }

    /// A pool of at most `max` connections.
    pub(crate) fn pool(&self, max: usize) -> Pool<Script> {
        self.builder().max_size(max).build().unwrap()
    }

    /// Virtual time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.sim.now().since(Time::ZERO)
    }

    /// Waits until nothing is runnable.
    pub(crate) async fn settled(&self) {
        self.sim.handle().settled().await;
    }

    /// Waits until something is so; it must be within an hour.
    pub(crate) async fn until(&self, mut is_so: impl FnMut() -> bool) {
        let began = self.elapsed();
        while !is_so() {
            assert!(self.elapsed() - began < secs(3600), "it never came");
            self.sim.sleep(ms(50)).await;
        }
    }

    /// A task that borrows, holds for this long and gives back. It tells the serial number and how long
    /// it waited. When this returns the task stands in the queue, or has its connection.
    pub(crate) async fn borrow(&self, pool: &Pool<Script>, hold: Duration) -> Borrow {
        self.borrow_with(pool, 1, Duration::from_secs(3600), hold).await
    }

    /// As [`borrow`](Bench::borrow), in a priority level and with a timeout.
    pub(crate) async fn borrow_with(
        &self,
        pool: &Pool<Script>,
        level: u8,
        timeout: Duration,
        hold: Duration,
    ) -> Borrow {
        let (pool, handle) = (pool.clone(), self.sim.handle());
        let task = self.sim.spawn(async move {
            let began = handle.now();
            let conn = pool.acquire().priority(level).timeout(timeout).await?;
            let got = (conn.serial(), handle.now().since(began));
            handle.sleep(hold).await;
            drop(conn);
            Ok(got)
        });
        self.settled().await;
        task
    }

    /// Borrows this many at once.
    pub(crate) async fn hold(&self, pool: &Pool<Script>, n: usize) -> Vec<Pooled<Script>> {
        let mut held = Vec::new();
        for _ in 0..n {
            held.push(pool.acquire().await.unwrap());
        }
        held
    }
}

/// A borrower's result: serial number and wait.
pub(crate) type Borrow = JoinHandle<Result<(u64, Duration), PoolError>>;

/// Waits in real time until something is so; it must be within ten seconds.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < secs(10), "it never came");
        std::thread::yield_now();
    }
}

/// Runs a test for several seeds; a failure names its seed.
pub(crate) fn each_seed(test: impl Fn(&Bench)) {
    for seed in 0..25 {
        test(&Bench::new(seed));
    }
}

/// Polls a future once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The counts of a status add up (P-26).
pub(crate) fn assert_adds_up(status: &Status) {
    let Status { size, available, using, connecting, testing, resetting, .. } = *status;
    assert_eq!(size, available + using + connecting + testing + resetting, "{status:?}");
}

/// Nothing is under way, and everything that was made is in the pool or gone.
pub(crate) fn assert_at_rest(pool: &Pool<Script>, script: &Script) {
    let status = pool.status();
    assert_eq!(status.size, status.using + status.available, "{status:?}");
    assert_eq!(status.waiting, 0, "{status:?}");
    let counts = script.counts();
    assert_eq!(counts.live as usize, status.size, "{counts:?} {status:?}");
    assert_eq!(counts.connected, counts.live + counts.closed + counts.dropped, "{counts:?}");
}

/// An observer that writes down what it is told: the subject and the kind's name.
#[derive(Clone, Default)]
pub(crate) struct Ears(Arc<Mutex<Vec<(Subject, &'static str)>>>);

impl Ears {
    /// What was heard since the last time.
    pub(crate) fn heard(&self) -> Vec<&'static str> {
        self.told().into_iter().map(|(_, name)| name).collect()
    }

    /// As [`heard`](Ears::heard), with the subjects.
    pub(crate) fn told(&self) -> Vec<(Subject, &'static str)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// How often this kind was heard since the last time that all was taken.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|(_, told)| *told == name).count()
    }
}

impl Observer for Ears {
    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push((event.subject(), event.kind().name()));
    }
}
