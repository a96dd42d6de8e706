//! Looks at everything when somebody asks, at most ten times a second, and writes the document once for all who ask
//! meanwhile. It keeps the looks that intervals begin with: an interval is about a second long, and half a second at least,
//! so that percentiles of it mean something.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use cenote_cluster::Registry;
use tokio::time::Instant;

use crate::clean::Clean;
use crate::document::{Action, Document};
use crate::fill;
use crate::log::Log;
use crate::look::Look;

/// A look is good for so long.
const GOOD_FOR: Duration = Duration::from_millis(100);
/// The shortest interval, from when on another begins, and when nobody remembers any more when it began.
const SHORTEST: Duration = Duration::from_millis(500);
const USUAL: Duration = Duration::from_millis(900);
const FORGOTTEN: Duration = Duration::from_secs(10);

/// A look, and what was made of it.
pub(crate) struct Seen {
    pub(crate) look: Arc<Look>,
    pub(crate) document: Document,
    pub(crate) json: Bytes,
    pub(crate) clean: Clean,
}

impl Seen {
    /// Whether there is a pool, a cluster or a pool of a node of this name.
    pub(crate) fn names(&self, name: &str) -> bool {
        let pools = self.look.all_pools().map(|pool| self.clean.text(&pool.name));
        let clusters = self.document.clusters.iter().map(|cluster| cluster.name.clone());
        pools.chain(clusters).any(|known| known == name)
    }
}

#[derive(Default)]
struct State {
    seen: Option<Arc<Seen>>,
    /// Where intervals begin: the latest, and the one before that.
    base: Option<Arc<Look>>,
    older: Option<Arc<Look>>,
    written: u64,
}

/// Keeps what was seen.
pub(crate) struct Keeper {
    registry: Registry,
    clean: Clean,
    log: Arc<Log>,
    operations: bool,
    actions: Vec<Action>,
    state: Mutex<State>,
}

impl Keeper {
    pub(crate) fn new(
        registry: Registry,
        clean: Clean,
        log: Arc<Log>,
        operations: bool,
        actions: Vec<Action>,
    ) -> Keeper {
        Keeper { registry, clean, log, operations, actions, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the document was written.
    pub(crate) fn written(&self) -> u64 {
        self.lock().written
    }

    /// What was seen is old: something was done.
    pub(crate) fn forget(&self) {
        self.lock().seen = None;
    }

    /// Looks, unless somebody has just done so. Whoever asks meanwhile waits for the same.
    pub(crate) fn see(&self) -> Arc<Seen> {
        // It tells the service, so no lock is held meanwhile.
        self.log.settle();
        let mut state = self.lock();
        let now = Instant::now();
        if let Some(seen) = state.seen.as_ref().filter(|seen| now - seen.look.when < GOOD_FOR) {
            return Arc::clone(seen);
        }
        let look = Arc::new(Look::now(&self.registry));
        let fits = |base: &&Arc<Look>| (SHORTEST..FORGOTTEN).contains(&(look.when - base.when));
        let before =
            state.base.as_ref().filter(fits).or(state.older.as_ref().filter(fits)).cloned();
        if state.base.as_ref().is_none_or(|base| look.when - base.when >= USUAL) {
            state.older = state.base.replace(Arc::clone(&look));
        }
        let document = Document {
            operations: self.operations,
            actions: self.actions.clone(),
            log: self.log.shown(),
            ..fill::document(&look, before.as_deref(), &self.clean)
        };
        let json = serde_json::to_vec(&document).expect("numbers and texts can be written");
        let clean = self.clean.clone();
        let seen = Arc::new(Seen { look, document, json: json.into(), clean });
        state.written += 1;
        state.seen = Some(Arc::clone(&seen));
        seen
    }
}
