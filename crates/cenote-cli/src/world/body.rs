//! One life of a server: what its sessions share, from its start to its death, and what it answers to what it is asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cenote::Role;
use cenote_sqlite::SqliteError;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::sleep;

use super::faults::Faults;
use super::feed::{Feed, Subscription};
use super::following::Progress;
use super::register::Register;
use super::store::{Contents, Place, Store, Written};
use super::wire::{Answer, Refusal, Request};

/// How long a server has to think about each read and write. It is idle meanwhile, so that this machine can carry three.
const THINKS: Duration = Duration::from_millis(15);

/// What a server has done in all its lives.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    /// Sessions at the moment.
    pub(crate) sessions: AtomicU64,
}

pub(crate) struct Body {
    pub(crate) store: Arc<AsyncMutex<Store>>,
    pub(crate) feed: Arc<Feed>,
    standing: Mutex<Standing>,
    pub(crate) counts: Arc<Counts>,
    faults: Arc<Faults>,
    register: Arc<Register>,
    /// It tells of another epoch than its own: what a check must notice.
    claim: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct Standing {
    pub(crate) role: Role,
    pub(crate) epoch: u64,
    /// Where it stood when it became what it is.
    pub(crate) position: i64,
    /// Of a replica that follows somebody.
    pub(crate) progress: Option<Arc<Progress>>,
}

impl Standing {
    /// What a server is that follows nobody.
    pub(crate) fn of(place: Place) -> Standing {
        let Place { role, epoch, position } = place;
        Standing { role, epoch, position, progress: None }
    }

    /// Up to where a replica has everything.
    pub(crate) fn heard(&self) -> i64 {
        self.progress.as_ref().map_or(self.position, |progress| progress.heard())
    }
}

impl Body {
    pub(crate) fn new(
        store: Store,
        standing: Standing,
        counts: Arc<Counts>,
        faults: Arc<Faults>,
        register: Arc<Register>,
        claim: Option<u64>,
    ) -> Body {
        let (store, standing) = (Arc::new(AsyncMutex::new(store)), Mutex::new(standing));
        Body { store, feed: Feed::new(), standing, counts, faults, register, claim }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn stand(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// Somebody joins: a copy of everything, and whatever comes after it.
    pub(crate) async fn join(&self) -> Result<(Contents, Subscription), SqliteError> {
        // No write comes between the two.
        let mut store = self.store.lock().await;
        let contents = store.contents().await?;
        let subscription = self.feed.join(contents.position);
        Ok((contents, subscription))
    }

    pub(crate) async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Ping => Answer::Well,
            Request::Role => {
                let Standing { role, epoch, progress, .. } = self.standing();
                let epoch = self.claim.unwrap_or(epoch);
                Answer::Is { role, epoch, lag: progress.map(|progress| progress.lag()) }
            }
            Request::Read { counter } => self.think(self.read(counter)).await,
            Request::Write { counter, value } => self.think(self.write(counter, value)).await,
        }
    }

    async fn think(&self, work: impl Future<Output = Result<Answer, SqliteError>>) -> Answer {
        if self.faults.breaks() {
            return Answer::Refused(Refusal::Broken);
        }
        sleep(THINKS + self.faults.latency()).await;
        work.await.unwrap_or(Answer::Refused(Refusal::Broken))
    }

    async fn read(&self, counter: u32) -> Result<Answer, SqliteError> {
        let value = self.store.lock().await.read(counter).await?;
        self.counts.reads.fetch_add(1, Ordering::Relaxed);
        Ok(Answer::Value(value))
    }

    async fn write(&self, counter: u32, value: i64) -> Result<Answer, SqliteError> {
        let position = {
            let mut store = self.store.lock().await;
            let Standing { role, epoch, .. } = self.standing();
            if role != Role::Primary {
                return Ok(Answer::Refused(Refusal::ReadOnly));
            }
            self.register.reached(epoch);
            match store.write(counter, value).await? {
                Written::Gap { has } => return Ok(Answer::Refused(Refusal::Gap { has })),
                Written::Already { position } => position,
                Written::Done(entry) => {
                    // In the order in which they were written.
                    self.feed.send(entry);
                    entry.position
                }
            }
        };
        self.feed.until_heard(position).await;
        self.register.acknowledge(position);
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        Ok(Answer::Done)
    }
}
