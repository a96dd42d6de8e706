//! The handle: what it is built from, what all requests share, and the task that samples while somebody looks.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use cenote::Level;
use cenote_cluster::{Registry, Watch};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior};

use crate::actions::{Actions, Run};
use crate::charts::Kind;
use crate::clean::Clean;
use crate::history::History;
use crate::keeper::Keeper;
use crate::live::Board;
use crate::log::{Log, Sink};

/// How often everything is looked at while somebody looks on, and how long after the last one has gone.
const TICK: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_secs(10);
/// Operations and actions that run at once, at most.
const AT_ONCE: usize = 16;
/// Charts that are kept drawn, at most.
const CHARTS: usize = 256;

/// What all requests share.
pub(crate) type Shared = Arc<Inner>;

pub(crate) struct Inner {
    pub(crate) registry: Registry,
    pub(crate) token: Option<String>,
    pub(crate) clean: Clean,
    pub(crate) actions: Actions,
    pub(crate) board: Arc<Board>,
    pub(crate) log: Arc<Log>,
    pub(crate) keeper: Keeper,
    pub(crate) turns: Arc<Semaphore>,
    history: Mutex<History>,
    charts: Mutex<HashMap<(String, String), Bytes>>,
    looking: Mutex<Looking>,
    _watch: Watch,
}

/// Who looks on.
#[derive(Default)]
struct Looking {
    /// When somebody last did.
    last: Option<Instant>,
    /// Everything is looked at each second.
    ticking: bool,
}

/// The admin's side of a registry: a router to mount, or a server of its own. Clones are handles of the same.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use cenote_admin::Admin;
/// use cenote_cluster::Registry;
///
/// let registry = Registry::new();
/// let admin = Admin::builder(registry)
///     .token(std::env::var("ADMIN_TOKEN").unwrap_or_default()) // none: nobody can do anything
///     .group("Caches")
///     .action("warm-up", "Warm the caches up", || async { Ok("everything is warm".to_owned()) })
///     .build();
/// let router: axum::Router = admin.router();
/// # drop(router);
/// # }
/// ```
#[derive(Clone)]
pub struct Admin {
    pub(crate) inner: Shared,
}

/// Builds an [`Admin`]; made by [`Admin::builder`].
pub struct Builder {
    registry: Registry,
    token: Option<String>,
    group: String,
    actions: Actions,
    sink: Option<Sink>,
}

impl Admin {
    /// Starts to build.
    pub fn builder(registry: Registry) -> Builder {
        Builder {
            registry,
            token: None,
            group: "Actions".to_owned(),
            actions: Actions::default(),
            sink: None,
        }
    }

    /// The router, to be mounted with `nest` under any path, or merged. It answers at `/` with the page, which asks for
    /// everything else by relative addresses.
    pub fn router(&self) -> Router {
        crate::routes::router(Arc::clone(&self.inner))
    }

    /// Writes an entry into the log that the page shows, for what pools and clusters do not know: a deployment, a server that
    /// was promoted. `of` is who says it: it stands before the text, and the page lets people choose by it. Secrets are
    /// hidden as everywhere, and of more than 50 entries in a second only the number is told.
    ///
    /// ```
    /// # use cenote_admin::Admin;
    /// # use cenote_cluster::Registry;
    /// let admin = Admin::builder(Registry::new()).build();
    /// admin.note(cenote::Level::Info, "operator", "db-2 is the primary now");
    /// ```
    pub fn note(&self, level: Level, of: &str, text: &str) {
        self.inner.log.write(level, of, &format!("{of}: {text}"));
    }
}

impl Builder {
    /// Switches operations on, for those who have this token: they send it as `Bearer` in the header `Authorization`. The
    /// token is shown nowhere. Default: none; an empty one is none, and space around it, such as the line end of a file, is
    /// no part of it.
    ///
    /// Take one that nobody can guess, such as 32 random bytes in hexadecimal: whoever has it can pause and empty every
    /// pool. If others can listen on the way, serve the router over TLS.
    pub fn token(mut self, token: impl Into<String>) -> Builder {
        self.token = Some(token.into().trim().to_owned()).filter(|token| !token.is_empty());
        self
    }

    /// The heading under which the page shows the actions that follow. Default: "Actions".
    pub fn group(mut self, group: impl Into<String>) -> Builder {
        self.group = group.into();
        self
    }

    /// Adds something of the service's that people can set off: a button on the page, `POST /actions/NAME`. It needs the
    /// token. What it returns is shown as it is, but for what looks like a secret. An action of the same name is replaced.
    ///
    /// It runs as a task of its own: it goes on when whoever set it off leaves, and a panic in it is told.
    pub fn action<F, W>(self, name: impl Into<String>, label: impl Into<String>, run: F) -> Builder
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = Result<String, String>> + Send + 'static,
    {
        self.add(name.into(), label.into(), false, Box::new(move || Box::pin(run())))
    }

    /// As [`action`](Builder::action), but without a token: everybody who reaches the router can set it off, though no page of
    /// another site. For demonstrations.
    pub fn open_action<F, W>(
        self,
        name: impl Into<String>,
        label: impl Into<String>,
        run: F,
    ) -> Builder
    where
        F: Fn() -> W + Send + Sync + 'static,
        W: Future<Output = Result<String, String>> + Send + 'static,
    {
        self.add(name.into(), label.into(), true, Box::new(move || Box::pin(run())))
    }

    fn add(mut self, name: String, label: String, open: bool, run: Run) -> Builder {
        self.actions.add(name, label, open, self.group.clone(), run);
        self
    }

    /// Gives every entry of the log to a closure as well, operations among them, for whatever log the program has. It is
    /// called in the threads in which things happen: it must not block.
    pub fn log_with(mut self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Builder {
        self.sink = Some(Box::new(log));
        self
    }

    /// Builds it. From now on what happens to the registry's pools and clusters is in the log.
    pub fn build(self) -> Admin {
        let clean = Clean::new(self.token.as_deref());
        let board = Arc::<Board>::default();
        let log = Arc::new(Log::new(clean.clone(), self.sink, Arc::clone(&board)));
        let watch = self.registry.watch(Arc::clone(&log));
        let keeper = Keeper::new(
            self.registry.clone(),
            clean.clone(),
            Arc::clone(&log),
            self.token.is_some(),
            self.actions.shown(),
        );
        let inner = Inner {
            registry: self.registry,
            token: self.token,
            clean,
            actions: self.actions,
            board,
            log,
            keeper,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            history: Mutex::default(),
            charts: Mutex::default(),
            looking: Mutex::default(),
            _watch: watch,
        };
        Admin { inner: Arc::new(inner) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// Somebody looks on: everything is looked at each second from now on, until nobody does any more.
    pub(crate) fn look_on(self: &Arc<Self>) {
        let mut looking = lock(&self.looking);
        looking.last = Some(Instant::now());
        if !std::mem::replace(&mut looking.ticking, true) {
            tokio::spawn(tick(Ticking { inner: Arc::downgrade(self), ended: false }));
        }
    }

    /// Whether somebody still looks on. If not, that is settled at once: whoever comes next begins anew.
    fn is_looked_at(&self) -> bool {
        let mut looking = lock(&self.looking);
        if self.board.streams() > 0 {
            looking.last = Some(Instant::now());
        }
        let still = looking.last.is_some_and(|at| at.elapsed() < LINGER);
        if !still {
            self.stop_ticking(&mut looking);
        }
        still
    }

    fn stop_ticking(&self, looking: &mut Looking) {
        looking.ticking = false;
        // It will be old when somebody comes.
        self.board.take_down();
    }

    fn publish(&self) {
        self.board.dismiss(Instant::now());
        let seen = self.keeper.see();
        lock(&self.history).push(&seen);
        lock(&self.charts).clear();
        let mut frame = b"event: status\ndata: ".to_vec();
        frame.extend_from_slice(&seen.json);
        frame.extend_from_slice(b"\n\n");
        self.board.publish(frame.into());
    }

    /// A chart, drawn once for all who ask before the next point. `None`: there is no such chart.
    pub(crate) fn chart(&self, kind: &str, of: &str) -> Option<Bytes> {
        let name = (kind.to_owned(), of.to_owned());
        if let Some(drawn) = lock(&self.charts).get(&name) {
            return Some(drawn.clone());
        }
        let samples = lock(&self.history).of(of, Instant::now());
        if samples.is_empty() && !self.keeper.see().names(of) {
            return None;
        }
        let drawn = Bytes::from(Kind::of(kind)?.draw(of, &samples).ok()?);
        let mut charts = lock(&self.charts);
        if charts.len() < CHARTS {
            charts.insert(name, drawn.clone());
        }
        Some(drawn)
    }
}

/// Says that nobody ticks any more, if the task ends with its runtime.
struct Ticking {
    inner: Weak<Inner>,
    ended: bool,
}

impl Drop for Ticking {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade().filter(|_| !self.ended) {
            inner.stop_ticking(&mut lock(&inner.looking));
        }
    }
}

async fn tick(mut ticking: Ticking) {
    let mut clock = tokio::time::interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        match ticking.inner.upgrade() {
            Some(inner) if inner.is_looked_at() => inner.publish(),
            _ => {
                ticking.ended = true;
                return;
            }
        }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("registry", &self.inner.registry).finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("registry", &self.registry).finish_non_exhaustive()
    }
}
