//! What a scenario asks of a pool: to be opened, and to lend. Scenarios are generic over it, so each pool gets loops
//! of its own, without boxes and calls through tables inside what is measured.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A pool for tasks.
pub(crate) trait Subject: Clone + Send + Sync + 'static {
    /// Dropping it gives the connection back. Some borrow the pool, which saves them a reference count.
    type Guard<'a>: Send
    where
        Self: 'a;

    fn open(source: Source, settings: Settings) -> impl Future<Output = Self> + Send;

    fn take(&self) -> impl Future<Output = Self::Guard<'_>> + Send;

    /// As `take`, where nothing is left to be had; the row without a pool waits for ever.
    fn take_in_vain(&self) -> impl Future<Output = ()> + Send {
        async {
            let guard = self.take().await;
            drop(guard);
        }
    }

    /// Gives up after this time by the pool's own means, where a single acquire can be told so.
    fn own_timeout(&self, _: Duration) -> Option<impl Future<Output = ()> + Send> {
        None::<std::future::Ready<()>>
    }
}

/// A pool for threads.
pub(crate) trait Blocking: Send + Sync + Sized + 'static {
    type Guard;

    fn open(source: Source, settings: Settings) -> Self;

    fn take(&self) -> Self::Guard;
}

/// How a pool is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) max_size: usize,
    pub(crate) tuning: Tuning,
}

/// What is set besides the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tuning {
    /// Nothing.
    Default,
    /// Tests before lending, limits of age and rest, and deadlines are off, as far as the pool lets them.
    Tuned,
    /// Nothing, while somebody is told of all from info on, as a dashboard is: for the gate, which holds its hit against
    /// the default's.
    Watched,
}

impl Tuning {
    pub(crate) const ALL: [Tuning; 3] = [Tuning::Default, Tuning::Tuned, Tuning::Watched];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Tuning::Default => "default",
            Tuning::Tuned => "tuned",
            Tuning::Watched => "watched",
        }
    }
}

/// Where connections come from: they are numbers, and take as long to make as the scenario says.
#[derive(Clone)]
pub(crate) struct Source(Arc<Made>);

struct Made {
    takes: Duration,
    begun: AtomicUsize,
}

/// A connection: it does nothing.
#[derive(Debug)]
pub(crate) struct Conn(#[expect(dead_code, reason = "only so that it is something")] usize);

impl Source {
    pub(crate) fn instant() -> Source {
        Source::slow(Duration::ZERO)
    }

    pub(crate) fn slow(takes: Duration) -> Source {
        Source(Arc::new(Made { takes, begun: AtomicUsize::new(0) }))
    }

    /// How many connects have begun.
    pub(crate) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    pub(crate) async fn connect(&self) -> Conn {
        let n = self.0.begun.fetch_add(1, Ordering::Relaxed);
        if !self.0.takes.is_zero() {
            tokio::time::sleep(self.0.takes).await;
        }
        Conn(n)
    }

    pub(crate) fn connect_blocking(&self) -> Conn {
        let n = self.0.begun.fetch_add(1, Ordering::Relaxed);
        if !self.0.takes.is_zero() {
            std::thread::sleep(self.0.takes);
        }
        Conn(n)
    }
}

/// The error of a driver that has none.
#[derive(Debug)]
pub(crate) struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a connect that does nothing does not fail")
    }
}

impl std::error::Error for Never {}
