//! What a case may ask of a pool: one small trait for each capability. A pool has one file in `pools/` that
//! implements those it has and says why it takes no part in the other cases.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::script::Script;

/// A pool under test.
pub(crate) trait Subject: Send + Sync + Sized + 'static {
    /// Dropping it gives the connection back.
    type Guard: Send + 'static;

    /// A pool over the script, with the pool's own best settings for what is asked.
    fn open(script: Script, settings: Settings) -> impl Future<Output = Self> + Send;

    /// A connection, or why there is none within `patience`.
    fn take(&self, patience: Duration) -> impl Future<Output = Result<Self::Guard, String>> + Send;
}

/// A pool whose limit can be changed while it runs.
pub(crate) trait Resize: Subject {
    fn resize(&self, max_size: usize) -> impl Future<Output = ()> + Send;
}

/// A pool that closes the idle connections for which a function of the user says so.
pub(crate) trait Sweep: Subject {
    /// Does so with a function that panics; the panic may come through.
    fn sweep_with_a_panic(&self) -> impl Future<Output = ()> + Send;
}

/// A pool that threads wait for.
#[cfg(feature = "peers")]
pub(crate) trait Blocking: Send + Sync + 'static {
    type Guard;

    fn open_blocking(script: Script, settings: Settings) -> Self;

    fn take_blocking(&self, patience: Duration) -> Result<Self::Guard, String>;
}

/// What a case sets. Everything else is the pool's default, or what its file says and the table's README repeats.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) max_size: usize,
    pub(crate) min_idle: usize,
    pub(crate) idle_timeout: Option<Duration>,
    /// Test every connection before it is lent.
    pub(crate) check: bool,
}

impl Settings {
    pub(crate) fn max_size(max_size: usize) -> Settings {
        Settings { max_size, min_idle: 0, idle_timeout: None, check: false }
    }
}

/// Opens a pool of a case's own.
pub(crate) async fn open<S: Subject>(script: &Script, settings: Settings) -> Arc<S> {
    Arc::new(S::open(script.clone(), settings).await)
}

/// How many `callers`, who come together and keep what they get, get a connection within `patience`; and what they got.
pub(crate) async fn hold<S: Subject>(
    pool: &Arc<S>,
    callers: usize,
    patience: Duration,
) -> Vec<S::Guard> {
    let ask = |_| {
        let pool = Arc::clone(pool);
        tokio::spawn(async move { pool.take(patience).await })
    };
    let asked: Vec<_> = (0..callers).map(ask).collect();
    let mut held = Vec::new();
    for caller in asked {
        // A caller that panics has got nothing.
        held.extend(caller.await.ok().and_then(Result::ok));
    }
    held
}
