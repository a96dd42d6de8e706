//! The keys below a prefix as a source: they are listed, and watched from that revision on. Whatever happens to the watch,
//! they are listed anew, so nothing depends on how it ended.
//!
//! ```text
//! list ──ok──▶ watch ──stands──▶ listen ──a change──▶ say it
//!   ▲ │          │                 │ │
//!   │ └─fails────┴──▶ say why,     │ └─ each `check`: is the newest key known, are there as many?
//!   │                 wait longer  │
//!   └────────────────◀─────────────┴─ it ended, was compacted, is silent though something changed
//! ```
//!
//! A watch may be silent because nothing happens, or because something between it and us has forgotten it. So now and then
//! the server is asked which key was changed last, and how many there are: whatever else changed meanwhile, either there is
//! a younger key or there are fewer.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cenote::{Env, Time};
use cenote_cluster::discovery::{Discovery, Update};
use serde_json::Value;

use crate::answer::{self, Change, Odd, Told};
use crate::error::{EtcdError, code};
use crate::etcd::{Etcd, Plan};
use crate::line::Line;
use crate::listing::{LARGEST, Listing};
use crate::wait::Wait;
use crate::watch::Watch;
use crate::{ask, url};

/// How many keys a page of a list has. It becomes fewer where values are large.
const PAGE: usize = 256;
/// How often it is looked whether the watch tells everything, if nobody says otherwise.
const CHECK: Duration = Duration::from_secs(15);
/// How long the watch has for what is on its way.
const SETTLES: Duration = Duration::from_millis(500);
/// A watch that lived for so long was well.
const WELL: Duration = Duration::from_secs(5);
/// How often is listed what may not be watched.
const POLL: Duration = Duration::from_secs(5);
/// How often a list is begun again whose revision was compacted away under it.
const LISTS: usize = 3;

/// The nodes below a prefix. Made by [`Etcd::nodes`]. It needs a tokio runtime.
pub struct EtcdSource {
    prefix: String,
    line: Line,
    listing: Listing,
    watch: Option<Watch>,
    /// The youngest change that is known.
    newest: i64,
    /// The youngest revision of the store that is known.
    revision: i64,
    check: Duration,
    /// When it is looked next whether the watch tells everything.
    due: Time,
    /// The last look found something that the watch had not told.
    behind: bool,
    /// When the watch began.
    began: Time,
    /// Not before this time is listed again.
    again: Time,
    wait: Option<Wait>,
}

impl EtcdSource {
    pub(crate) fn new(plan: Arc<Plan>, prefix: String) -> EtcdSource {
        EtcdSource {
            listing: Listing::new(prefix.as_bytes()),
            prefix,
            line: Line::new(plan),
            watch: None,
            newest: 0,
            revision: 0,
            check: CHECK,
            due: Time::ZERO,
            behind: false,
            began: Time::ZERO,
            again: Time::ZERO,
            wait: None,
        }
    }

    /// The source from one text: that of [`Etcd::from_url`] with the prefix as its path, as in
    /// `http://10.0.0.1:2379,10.0.0.2:2379/shop/nodes/`.
    ///
    /// # Errors
    /// [`EtcdError::Settings`] if it is no such text, or has no prefix. It repeats nothing that may be a password.
    ///
    /// ```
    /// use cenote_cluster::discovery::Discovery;
    /// use cenote_etcd::EtcdSource;
    ///
    /// let source = EtcdSource::from_url("http://shop:secret@10.0.0.1:2379/shop/nodes/")?;
    /// assert_eq!(source.name(), "etcd /shop/nodes/");
    /// # Ok::<(), cenote_etcd::EtcdError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<EtcdSource, EtcdError> {
        match url::read(url)? {
            (_, prefix) if prefix.trim_matches('/').is_empty() => Err(EtcdError::settings(
                "the URL of etcd has no prefix: write it as the path, as in http://HOST:2379/shop/nodes/",
            )),
            (etcd, prefix) => Ok(Etcd::nodes(&etcd, prefix)),
        }
    }

    /// How often it is looked whether the watch tells everything, at least 100 ms apart. Default: 15 s. What the watch does
    /// tell comes at once.
    #[must_use]
    pub fn check_every(mut self, check: Duration) -> EtcdSource {
        self.check = check.max(Duration::from_millis(100));
        self
    }

    /// Lists the prefix and begins to watch it.
    async fn begin(&mut self, env: &dyn Env) -> Result<Update, EtcdError> {
        self.list().await?;
        if self.listing.is_too_large() {
            return Err(self.too_large());
        }
        let update = self.listing.all();
        match self.line.watch(&ask::watch(self.prefix.as_bytes(), self.revision + 1)).await {
            Ok(watch) => {
                self.watch = Some(watch);
                self.began = env.now();
                self.due = self.began + self.check;
                self.behind = false;
                Ok(update)
            }
            Err(error @ EtcdError::Refused { .. }) => {
                self.again = env.now() + POLL;
                Ok(update
                    .remark(format!("cannot be watched, and is listed each {POLL:?}: {error}")))
            }
            Err(error) => Err(error),
        }
    }

    /// All keys at one revision, in pages.
    async fn list(&mut self) -> Result<(), EtcdError> {
        let mut lists = 1;
        loop {
            match self.list_once().await {
                // Somebody compacted between two pages.
                Err(error) if error.code() == Some(code::OUT_OF_RANGE) && lists < LISTS => {
                    lists += 1
                }
                done => return done,
            }
        }
    }

    async fn list_once(&mut self) -> Result<(), EtcdError> {
        let prefix = self.prefix.as_bytes();
        let mut new = Listing::new(prefix);
        let (mut from, mut most, mut revision, mut newest) = (prefix.to_vec(), PAGE, 0, 0);
        loop {
            let asked = ask::page(prefix, &from, most, revision);
            let page = match self.line.ask(ask::RANGE, &asked).await {
                Err(EtcdError::TooLong { .. }) if most > 1 => {
                    most = (most / 8).max(1);
                    continue;
                }
                answer => read(&self.line, &answer?, answer::page)?,
            };
            if revision == 0 {
                revision = page.revision;
            }
            for pair in page.pairs {
                newest = newest.max(pair.changed);
                if pair.key < from {
                    return Err(EtcdError::odd(&self.line.place(), "has its keys in no order"));
                }
                from.clone_from(&pair.key);
                from.push(0);
                new.put(pair.key, &pair.value);
            }
            if !page.more || new.is_too_large() {
                break;
            }
        }
        self.listing.succeed(new);
        (self.revision, self.newest) = (revision, newest);
        Ok(())
    }

    /// Waits for the next line of the watch, or for the time to look; says what is to be said.
    async fn listen(&mut self, env: &dyn Env) -> Option<Update> {
        let watch = self.watch.as_mut()?;
        let mut sleep = pin!(env.sleep_until(self.due));
        let heard = poll_fn(|cx| {
            if let Poll::Ready(told) = watch.poll_next(cx) {
                return Poll::Ready(Some(told));
            }
            sleep.as_mut().poll(cx).map(|()| None)
        });
        match heard.await {
            Some(Ok(Told::Changes(changes))) => return self.follow(env, changes),
            Some(Ok(Told::Created)) => {}
            Some(Ok(Told::Compacted(_) | Told::Canceled(_) | Told::Refused(_)) | Err(_)) => {
                self.lost(env)
            }
            None => self.look(env).await,
        }
        None
    }

    fn follow(&mut self, env: &dyn Env, changes: Vec<Change>) -> Option<Update> {
        for change in changes {
            match change {
                Change::Put(pair) => {
                    self.newest = self.newest.max(pair.changed);
                    self.listing.put(pair.key, &pair.value);
                }
                Change::Gone(key, at) => {
                    self.revision = self.revision.max(at);
                    self.listing.remove(&key);
                }
            }
        }
        self.revision = self.revision.max(self.newest);
        if self.listing.is_too_large() {
            self.lost(env);
            return Some(Update::failed(self.failed(&self.too_large())));
        }
        self.listing.change()
    }

    /// Whether the watch has told everything. If not, it gets a moment, and then is left.
    async fn look(&mut self, env: &dyn Env) {
        let asked = self.line.ask(ask::RANGE, &ask::newest(self.prefix.as_bytes())).await;
        let Ok(Ok(page)) = asked.map(|answer| answer::page(&answer)) else { return self.lost(env) };
        let elsewhere = self.watch.as_ref().is_none_or(|watch| watch.at() != self.line.at());
        // An etcd that was set up anew from an old copy counts from there.
        if elsewhere || page.revision < self.revision {
            return self.lost(env);
        }
        let newest = page.pairs.first().map_or(0, |pair| pair.changed);
        let knows = newest <= self.newest && page.count == self.listing.len();
        if !knows && self.behind {
            return self.lost(env);
        }
        self.behind = !knows;
        self.due = env.now() + if knows { self.check } else { SETTLES };
    }

    /// The watch is of no use any more: the prefix is listed anew, at once if it had been well.
    fn lost(&mut self, env: &dyn Env) {
        self.watch = None;
        let now = env.now();
        let wait = self.wait.get_or_insert_with(|| Wait::new(env.seed()));
        self.again = if now.since(self.began) >= WELL {
            wait.reset();
            now
        } else {
            now + wait.next()
        };
    }

    fn too_large(&self) -> EtcdError {
        EtcdError::TooMuch { place: self.line.place(), limit: LARGEST }
    }

    fn failed(&self, error: &EtcdError) -> String {
        format!("{}: {error}", self.name())
    }
}

fn read<T>(line: &Line, answer: &Value, how: fn(&Value) -> Result<T, Odd>) -> Result<T, EtcdError> {
    how(answer).map_err(|what| EtcdError::odd(&line.place(), what.0))
}

impl Discovery for EtcdSource {
    fn name(&self) -> String {
        let strange = |c: char| if c.is_control() { '?' } else { c };
        format!("etcd {}", self.prefix.chars().map(strange).collect::<String>())
    }

    async fn next(&mut self, env: &dyn Env) -> Option<Update> {
        if tokio::runtime::Handle::try_current().is_err() {
            env.sleep_until(self.again).await;
            self.again = Time::NEVER;
            return Some(Update::invalid(format!(
                "{} needs a tokio runtime to be asked on",
                self.name()
            )));
        }
        loop {
            if self.watch.is_some() {
                if let Some(update) = self.listen(env).await {
                    return Some(update);
                }
                continue;
            }
            env.sleep_until(self.again).await;
            return Some(match self.begin(env).await {
                Ok(update) => update,
                Err(error) => {
                    self.watch = None;
                    let wait = self.wait.get_or_insert_with(|| Wait::new(env.seed()));
                    self.again = env.now() + wait.next();
                    Update::failed(self.failed(&error))
                }
            });
        }
    }
}

/// Without passwords.
impl fmt::Debug for EtcdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdSource").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
