//! What happens, as lines on the terminal while it happens: when, who says so, and what. What the cluster tells is counted
//! too, so that a script can see that it was told. The dashboard hears of the rest by itself; of the operator it is told
//! here.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cenote::Level;
use cenote_admin::Admin;
use cenote_cluster::Event;
use console::{Style, style};

pub(crate) struct News {
    began: Instant,
    state: Mutex<State>,
    dashboard: OnceLock<Admin>,
    /// Nobody reads what is written.
    unheard: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Nobody is told how the world came to be.
    open: bool,
    /// By node and kind.
    told: BTreeMap<(String, &'static str), u64>,
    promoted: Option<Instant>,
}

impl News {
    pub(crate) fn new() -> News {
        News {
            began: Instant::now(),
            state: Mutex::default(),
            dashboard: OnceLock::new(),
            unheard: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// From now on it is told.
    pub(crate) fn open(&self) {
        self.state().open = true;
    }

    /// And in the log of this dashboard too.
    pub(crate) fn open_on(&self, dashboard: &Admin) {
        self.dashboard.get_or_init(|| dashboard.clone());
    }

    /// And from now on no more.
    pub(crate) fn close(&self) {
        self.state().open = false;
    }

    fn line(&self, who: &str, look: &Style, text: &str) {
        if self.state().open {
            let at = style(format!("{:7.2} s", self.elapsed().as_secs_f64())).dim();
            self.print(&format!("{at}  {}  {text}", look.apply_to(format!("{who:<8}"))));
        }
    }

    /// Writes a line to stdout.
    pub(crate) fn print(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            self.unheard.store(true, Ordering::Relaxed);
        }
    }

    /// Whether stdout is closed.
    pub(crate) fn is_unheard(&self) -> bool {
        self.unheard.load(Ordering::Relaxed)
    }

    /// What the operator does.
    pub(crate) fn tell(&self, level: Level, text: &str) {
        self.note(level, "operator", text);
        self.line("operator", &Style::new().cyan(), text);
    }

    /// What became of the load.
    pub(crate) fn outcome(&self, text: &str) {
        self.note(Level::Info, "load", text);
        self.line("load", &Style::new().green(), text);
    }

    fn note(&self, level: Level, of: &str, text: &str) {
        if let Some(dashboard) = self.dashboard.get() {
            dashboard.note(level, of, text);
        }
    }

    /// A fault, or the end of one.
    pub(crate) fn deed(&self, text: &str) {
        self.line("fault", &Style::new().magenta().bold(), text);
    }

    /// Figures of the load.
    pub(crate) fn figures(&self, text: &str) {
        self.line("load", &Style::new().dim(), text);
    }

    /// What the cluster tells of its nodes.
    pub(crate) fn event(&self, event: &Event) {
        let (node, kind) = (event.node.to_string(), event.kind.name());
        *self.state().told.entry((node, kind)).or_default() += 1;
        let text = event.to_string();
        // Whose cluster it is goes without saying.
        let who = format!("cluster \"{}\", node \"{}\": ", event.cluster, event.node);
        let text = match text.strip_prefix(&who) {
            Some(what) => format!("{}: {what}", event.node),
            None => text,
        };
        let look = match event.kind.level() {
            Level::Info => Style::new().green(),
            _ => Style::new().yellow(),
        };
        self.line("cluster", &look, &text);
    }

    /// How often the cluster has told this of this node.
    pub(crate) fn told(&self, node: &str, kind: &'static str) -> u64 {
        self.state().told.get(&(node.to_owned(), kind)).copied().unwrap_or(0)
    }

    /// Somebody was promoted just now.
    pub(crate) fn promoted(&self) {
        self.state().promoted = Some(Instant::now());
    }

    /// When somebody was promoted last.
    pub(crate) fn last_promotion(&self) -> Option<Instant> {
        self.state().promoted
    }
}
