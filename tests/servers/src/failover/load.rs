//! The load: a request every 5 ms, whether or not the ones before it were served. Half of them write, the others read,
//! one in eight wherever there is a server. What became of each is noted: who served it, from when to when, and whether it
//! failed.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cenote::{Ended, Pooled};
use cenote_cluster::{Cluster, Route};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Trouble;
use crate::kind::Kind as Servers;
use crate::world::{Span, until};

/// 200 a second.
const EVERY: Duration = Duration::from_millis(5);

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Write,
    Read,
    /// A read that any server may serve.
    ReadAny,
}

impl Kind {
    fn of(number: i64) -> Kind {
        match number % 8 {
            n if n % 2 == 0 => Kind::Write,
            7 => Kind::ReadAny,
            _ => Kind::Read,
        }
    }

    fn route(self) -> Route {
        match self {
            Kind::Write => Route::write(),
            Kind::Read => Route::read(),
            Kind::ReadAny => Route::any(),
        }
    }
}

/// What became of one.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) kind: Kind,
    /// The node that served it, and when its connection was lent.
    pub(crate) served: Option<(String, Instant)>,
    pub(crate) ended: Instant,
    pub(crate) error: Option<String>,
}

impl Request {
    pub(crate) fn writes(&self) -> bool {
        self.kind == Kind::Write
    }

    /// Whether it was served by this node, from this moment on.
    pub(crate) fn was_at(&self, node: &str, from: Instant) -> bool {
        self.served.as_ref().is_some_and(|(by, lent)| by == node && *lent >= from)
    }

    pub(crate) fn went_well_at(&self, node: &str, from: Instant) -> bool {
        self.error.is_none() && self.was_at(node, from)
    }

    /// Whether it had a connection of this node at some moment of this time.
    pub(crate) fn held(&self, node: &str, span: Span) -> bool {
        let by = |(by, lent): &(String, Instant)| by == node && *lent <= span.to;
        self.served.as_ref().is_some_and(by) && self.ended >= span.from
    }
}

type Requests = Arc<Mutex<Vec<Request>>>;

/// The load while it lasts.
pub(crate) struct Load {
    requests: Requests,
    next: Arc<AtomicI64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Load {
    pub(crate) fn begin<K: Servers>(cluster: &Cluster<K::Manager>) -> Load {
        let (requests, next) = (Requests::default(), Arc::new(AtomicI64::new(0)));
        let (stop, stopped) = oneshot::channel();
        let task = go_on::<K>(cluster.clone(), Arc::clone(&requests), Arc::clone(&next), stopped);
        Load { requests, next, stop, task: tokio::spawn(task) }
    }

    /// The number that the next request will have.
    pub(crate) fn number(&self) -> i64 {
        self.next.load(Ordering::SeqCst)
    }

    /// Waits until so many more requests went well.
    pub(crate) async fn more(&self, n: usize) -> Result<(), Trouble> {
        let well = || lock(&self.requests).iter().filter(|one| one.error.is_none()).count();
        let goal = well() + n;
        until("the load goes well", async || well() >= goal).await
    }

    /// Waits until there is a request like this, and returns the one that ended first.
    pub(crate) async fn first(
        &self,
        what: &str,
        like: impl Fn(&Request) -> bool,
    ) -> Result<Request, Trouble> {
        let mut found = None;
        until(what, async || {
            found = lock(&self.requests).iter().find(|one| like(one)).cloned();
            found.is_some()
        })
        .await?;
        found.ok_or_else(|| "nothing was found".into())
    }

    /// No more requests come; those that wait are waited for.
    pub(crate) async fn end(self) -> Result<Vec<Request>, Trouble> {
        // It has gone if it panicked, which the next line tells.
        _ = self.stop.send(());
        self.task.await?;
        let requests = std::mem::take(&mut *lock(&self.requests));
        Ok(requests)
    }
}

fn lock(requests: &Requests) -> MutexGuard<'_, Vec<Request>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn go_on<K: Servers>(
    cluster: Cluster<K::Manager>,
    requests: Requests,
    next: Arc<AtomicI64>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut ticks = interval(EVERY);
    // What came late on a busy machine comes nevertheless.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let (cluster, requests) = (cluster.clone(), Arc::clone(&requests));
                running.spawn(async move {
                    let ended = one::<K>(&cluster, number).await;
                    lock(&requests).push(ended);
                });
            }
            Some(_) = running.join_next() => {}
        }
    }
    running.join_all().await;
}

async fn one<K: Servers>(cluster: &Cluster<K::Manager>, number: i64) -> Request {
    let kind = Kind::of(number);
    let (served, error) = match cluster.route(kind.route()).await {
        Err(error) => (None, Some(error.to_string())),
        Ok(mut conn) => {
            let served = Pooled::node(&conn).map(|node| (node.to_owned(), Instant::now()));
            Pooled::set_ended(&mut conn, Ended::Cancelled);
            let result = match kind {
                Kind::Write => K::write(&mut conn, number).await,
                _ => K::read(&mut conn).await,
            };
            Pooled::set_ended(&mut conn, Ended::Returned);
            Pooled::report(&mut conn, &result);
            (served, result.err().map(|error| error.to_string()))
        }
    };
    Request { kind, served, ended: Instant::now(), error }
}
