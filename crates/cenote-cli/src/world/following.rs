//! A replica's side of replication: what it hears is confirmed at once and applied a little later, so a replica is always
//! behind and never without what it has confirmed. What it has heard and not applied is bounded: beyond that it stops to
//! listen, and is left behind.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::feed::Subscription;
use super::store::{Entry, Store};

/// How much later.
const LATER: Duration = Duration::from_millis(20);
/// So many writes may wait to be applied.
const MOST: usize = 1 << 16;

/// What others may know of it.
#[derive(Default)]
pub(crate) struct Progress {
    heard: AtomicI64,
    /// When the oldest of what is not applied came.
    oldest: Mutex<Option<Instant>>,
    /// There is more that it will not hear.
    lost: AtomicBool,
}

impl Progress {
    /// Up to where it has heard everything.
    pub(crate) fn heard(&self) -> i64 {
        self.heard.load(Ordering::SeqCst)
    }

    pub(crate) fn lag(&self) -> Duration {
        let oldest = *self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        oldest.map_or(Duration::ZERO, |came| came.elapsed())
    }

    /// Whether whom it follows has died or has left it behind.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    fn set_oldest(&self, oldest: Option<Instant>) {
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
    }
}

/// A replica that follows somebody. Dropped, it ends, and what was not applied is lost: [`end`](Following::end) it.
pub(crate) struct Following {
    /// Whom.
    pub(crate) upstream: Arc<str>,
    /// In whose time.
    pub(crate) epoch: u64,
    pub(crate) progress: Arc<Progress>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Entry>>,
}

impl Following {
    /// Begins with a copy of what the other has up to `position`.
    pub(crate) fn begin(
        upstream: Arc<str>,
        epoch: u64,
        position: i64,
        subscription: Subscription,
        store: Arc<AsyncMutex<Store>>,
        held: watch::Receiver<bool>,
    ) -> Following {
        let progress = Arc::new(Progress::default());
        progress.heard.store(position, Ordering::SeqCst);
        let (stop, stopped) = oneshot::channel();
        let follower = Follower {
            subscription,
            store,
            held,
            progress: Arc::clone(&progress),
            waiting: VecDeque::new(),
        };
        Following { upstream, epoch, progress, stop, task: tokio::spawn(follower.go_on(stopped)) }
    }

    /// Hears and applies no more. Returns what was heard and not applied.
    pub(crate) async fn end(self) -> Vec<Entry> {
        drop(self.stop);
        // If it has panicked, it has heard nothing.
        self.task.await.unwrap_or_default()
    }
}

struct Follower {
    subscription: Subscription,
    store: Arc<AsyncMutex<Store>>,
    held: watch::Receiver<bool>,
    progress: Arc<Progress>,
    waiting: VecDeque<(Instant, Entry)>,
}

impl Follower {
    async fn go_on(mut self, mut stopped: oneshot::Receiver<()>) -> Vec<Entry> {
        loop {
            let oldest = self.waiting.front().map(|(came, _)| *came);
            self.progress.set_oldest(oldest);
            let may_apply = oldest.is_some() && !*self.held.borrow_and_update();
            let listens = self.waiting.len() < MOST && !self.progress.is_lost();
            tokio::select! {
                _ = &mut stopped => break,
                heard = self.subscription.next(), if listens => self.hear(heard),
                () = sleep_until(oldest.unwrap_or_else(Instant::now) + LATER), if may_apply => {
                    self.apply().await;
                }
                // The faults live as long as the server.
                Ok(()) = self.held.changed() => {}
            }
        }
        self.waiting.into_iter().map(|(_, entry)| entry).collect()
    }

    fn hear(&mut self, entry: Option<Entry>) {
        let Some(entry) = entry else {
            return self.progress.lost.store(true, Ordering::SeqCst);
        };
        self.waiting.push_back((Instant::now(), entry));
        self.progress.heard.store(entry.position, Ordering::SeqCst);
        self.subscription.confirm(entry.position);
    }

    /// Applies what has waited long enough.
    async fn apply(&mut self) {
        let now = Instant::now();
        let due = self.waiting.iter().take_while(|(came, _)| now >= *came + LATER).count();
        let entries: Vec<Entry> = self.waiting.iter().take(due).map(|(_, entry)| *entry).collect();
        match self.store.lock().await.apply(entries).await {
            Ok(()) => drop(self.waiting.drain(..due)),
            // It tries again until it is told to join anew.
            Err(_) => {
                self.progress.lost.store(true, Ordering::SeqCst);
                sleep(LATER).await;
            }
        }
    }
}
