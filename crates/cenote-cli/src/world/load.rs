//! The load: 48 tasks that read and 16 that write, each with a pause after every request, until it is told to end; and ten
//! times as many while there is a rush. Whatever may be done twice is tried again as the cluster offers it, and a write may:
//! each writer counts its own counter up, one by one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cenote_cluster::{Cluster, Error, Route};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::lines::{Line, Lines};
use super::tally::{Kind, Tally, WRITERS};
use crate::demo::scatter;

pub(crate) const TASKS: u32 = READERS + WRITING;
const READERS: u32 = 48;
const WRITING: u32 = 16;
/// So many times as many in a rush.
pub(crate) const RUSH: u32 = 10;
const _: () = assert!(WRITING * RUSH == WRITERS, "each writer has a counter");
/// The pause after a request, on average; drawn between half of it and one and a half.
const PAUSE: Duration = Duration::from_millis(150);
/// So many times as long after a request that was turned away: the servers are to be too busy, not this machine.
const BACKS_OFF: u32 = 6;

pub(crate) struct Load {
    cluster: Cluster<Lines>,
    pub(crate) tally: Arc<Tally>,
    over: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
    /// Of the rush, if there is one.
    rush: Mutex<Option<Arc<AtomicBool>>>,
    /// Reads are not tried again: what a check must notice.
    pub(crate) careless: bool,
}

impl Load {
    pub(crate) fn begin(cluster: &Cluster<Lines>, careless: bool) -> Load {
        let load = Load {
            cluster: cluster.clone(),
            tally: Arc::new(Tally::new()),
            over: watch::Sender::new(false),
            tasks: Mutex::default(),
            rush: Mutex::default(),
            careless,
        };
        let going = Arc::new(AtomicBool::new(true));
        load.spawn(0..READERS, 0..WRITING, &going);
        load
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(
        &self,
        readers: std::ops::Range<u32>,
        writers: std::ops::Range<u32>,
        going: &Arc<AtomicBool>,
    ) {
        let mut tasks = self.tasks();
        // Those of the last rush.
        while tasks.try_join_next().is_some() {}
        let kinds = readers.map(|n| (Kind::Read, n)).chain(writers.map(|n| (Kind::Write, n)));
        for (kind, number) in kinds {
            let task = Task {
                cluster: self.cluster.clone(),
                tally: Arc::clone(&self.tally),
                over: self.over.subscribe(),
                going: Arc::clone(going),
                careless: self.careless,
            };
            tasks.spawn(task.go_on(kind, number));
        }
    }

    /// Ten times the load, or the usual one. False: it is so already.
    pub(crate) fn set_rush(&self, on: bool) -> bool {
        let mut rush = self.rush.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*rush, on) {
            (None, true) => {
                let going = Arc::new(AtomicBool::new(true));
                self.spawn(READERS..READERS * RUSH, WRITING..WRITERS, &going);
                *rush = Some(going);
            }
            (Some(going), false) => {
                going.store(false, Ordering::Relaxed);
                *rush = None;
            }
            _ => return false,
        }
        true
    }

    /// No more requests come. True: every task has ended within this time.
    pub(crate) async fn end(&self, within: Duration) -> bool {
        self.over.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.tasks());
        let all = async { while tasks.join_next().await.is_some() {} };
        timeout(within, all).await.is_ok()
    }
}

struct Task {
    cluster: Cluster<Lines>,
    tally: Arc<Tally>,
    over: watch::Receiver<bool>,
    going: Arc<AtomicBool>,
    careless: bool,
}

impl Task {
    async fn go_on(mut self, kind: Kind, number: u32) {
        let mut turn = u64::from(number) << 32 | u64::from(kind == Kind::Write) << 31;
        let mut pause = PAUSE;
        while self.going.load(Ordering::Relaxed) {
            turn += 1;
            let drawn = scatter(turn);
            let part = (drawn >> 32) as f64 / f64::from(u32::MAX);
            tokio::select! {
                () = sleep(pause.mul_f64(0.5 + part)) => {}
                // It is told once, or whoever could tell is gone.
                _ = self.over.wait_for(|over| *over) => return,
            }
            let turned_away = match kind {
                Kind::Read => self.read((drawn % u64::from(WRITING)) as u32).await,
                Kind::Write => self.write(number).await,
            };
            pause = if turned_away { PAUSE * BACKS_OFF } else { PAUSE };
        }
    }

    /// Returns whether it was turned away.
    async fn read(&self, counter: u32) -> bool {
        let began = Instant::now();
        let read = async move |line: &mut Line| line.read(counter).await;
        let result = match self.careless {
            false => self.cluster.with_retry(Route::read(), read).await,
            true => self.cluster.with(Route::read(), read).await,
        };
        self.tally.ended(Kind::Read, began, &result);
        if let Ok(value) = result {
            self.tally.read(counter, value);
        }
        matches!(result, Err(Error::Overloaded { .. }))
    }

    async fn write(&self, writer: u32) -> bool {
        let began = Instant::now();
        let value = self.tally.next(writer);
        let write = async move |line: &mut Line| line.write(writer, value).await;
        let result = self.cluster.with_retry(Route::write(), write).await;
        self.tally.ended(Kind::Write, began, &result);
        if result.is_ok() {
            self.tally.told(writer, value);
        }
        matches!(result, Err(Error::Overloaded { .. }))
    }
}
