//! The task behind a registration: it keeps the lease alive, puts the node there again when the lease was lost, and
//! takes both away in the end.

use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot::Receiver;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::answer::{self, Odd};
use crate::ask;
use crate::error::{EtcdError, code};
use crate::etcd::Plan;
use crate::line::Line;
use crate::wait::Wait;

pub(crate) struct Keeper {
    line: Line,
    key: String,
    value: String,
    /// What is asked for; etcd may give more.
    seconds: u64,
    /// The lease that the node is to be under; `None` if there is none.
    lease: Option<i64>,
    /// The node was put there under it.
    there: bool,
    /// When the lease is to be kept alive next.
    every: Duration,
    /// Why the node may not be listed.
    told: watch::Sender<Option<String>>,
}

impl Keeper {
    pub(crate) fn new(plan: Arc<Plan>, key: String, value: String, seconds: u64) -> Keeper {
        let (line, every) = (Line::new(plan), Duration::from_secs(seconds) / 3);
        let told =
            watch::Sender::new(Some(format!("{key} is not listed yet: etcd is being asked")));
        Keeper { line, key, value, seconds, lease: None, there: false, every, told }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Why the node may not be listed, as it changes. Ends with the task.
    pub(crate) fn told(&self) -> watch::Receiver<Option<String>> {
        self.told.subscribe()
    }

    /// Puts the node there, under a new lease. One that is left behind on the way runs out.
    pub(crate) async fn register(&mut self) -> Result<(), EtcdError> {
        let granted = self.line.ask(ask::GRANT, &ask::grant(self.seconds)).await?;
        let (lease, seconds) = self.read(&granted, answer::granted)?;
        // Before the node is put there: whoever stops this in the middle must know what to revoke.
        (self.lease, self.there) = (Some(lease), false);
        self.line.ask(ask::PUT, &ask::put(self.key.as_bytes(), &self.value, lease)).await?;
        self.there = true;
        self.every = Duration::from_secs(seconds) / 3;
        self.told.send_replace(None);
        Ok(())
    }

    /// Once: the lease lives on, or the node is there again.
    async fn renew(&mut self) -> Result<(), EtcdError> {
        let Some(lease) = self.lease.filter(|_| self.there) else { return self.register().await };
        let answer = self.line.ask(ask::KEEP_ALIVE, &ask::lease(lease)).await;
        let lives = match answer {
            Ok(answer) => self.read(&answer, answer::lives)?,
            Err(error) if error.code() == Some(code::NOT_FOUND) => None,
            Err(error) => return Err(error),
        };
        match lives {
            Some(seconds) => {
                self.every = Duration::from_secs(seconds) / 3;
                Ok(())
            }
            None => {
                self.lease = None;
                self.register().await
            }
        }
    }

    fn read<T>(&self, answer: &Value, how: fn(&Value) -> Result<T, Odd>) -> Result<T, EtcdError> {
        how(answer).map_err(|what| EtcdError::odd(&self.line.place(), what.0))
    }

    /// The task: ends when nobody holds the registration any more, and takes the node away. If it is not there yet, that
    /// is the first thing to be done.
    pub(crate) async fn keep(mut self, mut stopped: Receiver<()>) -> Result<(), EtcdError> {
        let mut wait = Wait::new(RandomState::new().build_hasher().finish());
        let mut pause = if self.there { self.every } else { Duration::ZERO };
        loop {
            if unless(&mut stopped, sleep(pause)).await.is_none() {
                break;
            }
            let Some(renewed) = unless(&mut stopped, self.renew()).await else { break };
            pause = match &renewed {
                Ok(()) => {
                    wait.reset();
                    self.every
                }
                // Not later than it would be if all were well.
                Err(_) => wait.next().min(self.every),
            };
            let told =
                renewed.err().map(|error| format!("{} may not be listed: {error}", self.key));
            self.told.send_if_modified(|known| {
                let changed = *known != told;
                *known = told;
                changed
            });
        }
        self.revoke().await
    }

    /// With its lease the key goes, unless somebody else has put it there since.
    async fn revoke(&mut self) -> Result<(), EtcdError> {
        let Some(lease) = self.lease.take() else { return Ok(()) };
        match self.line.ask(ask::REVOKE, &ask::lease(lease)).await {
            Ok(_) => Ok(()),
            // It had run out.
            Err(error) if error.code() == Some(code::NOT_FOUND) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Does this, unless it is stopped before that is done.
async fn unless<T>(stopped: &mut Receiver<()>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if Pin::new(&mut *stopped).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(cx).map(Some)
    })
    .await
}
