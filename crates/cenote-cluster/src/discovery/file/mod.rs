//! Nodes from a file: the lecture's first way. A thread reads the file each second and compares its digest with that of
//! what was said last; events of the file system only make it look sooner. So it notices a file that was renamed into
//! place, a symlink that was turned, and a network drive that tells nobody; and an unchanged file says nothing.
//!
//! The thread is there because reading a file blocks, on a network drive for as long as it likes. It holds nothing of the
//! cluster and ends with the source.

mod events;
mod look;
mod node_file;
mod read;
mod toml;

pub use node_file::NodeFile;
pub(super) use read::shown;

use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use cenote::Env;

use super::{Discovery, Update};
use crate::watch::Bell;
use look::{Looks, Verdict};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// A changed file is believed when it is the same twice, so long apart: whoever writes it may not be done.
const SETTLES: Duration = Duration::from_millis(100);
/// Events that come in a crowd are one.
const CROWD: Duration = Duration::from_millis(50);

/// The nodes that this file lists: TOML, or JSON if its name ends in `.json`.
///
/// ```toml
/// [[nodes]]
/// key = "db-1"                                    # who it is: unique, shown in logs
/// address = "postgres://app@10.0.0.1/shop"        # what the driver takes
/// role = "primary"                                # or "replica"; the rest is optional
/// weight = 2
/// backup = 0                                      # 1: only while no other can serve
/// zone = "eu-1"
/// group = "first"
/// tags = ["ssd"]
/// ```
///
/// JSON is the same: `{"nodes": [{"key": "db-1", "address": "…"}]}`. Write it beside the old one and rename it into place:
/// then nobody ever sees half of it. One that is written in place is believed when it has not changed for 100 ms.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cenote_testkit::Script;
/// use cenote::Node;
/// use cenote_cluster::{Cluster, discovery};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("nodes.toml");
/// std::fs::write(&path, "nodes = [{ key = 'a', address = '10.0.0.1' }]")?;
/// let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
///     .discover(discovery::file(&path))
///     .build_ready()
///     .await?;
/// assert_eq!(cluster.nodes()[0].key(), "a");
/// # Ok(()) }
/// ```
pub fn file(path: impl Into<PathBuf>) -> FileSource {
    FileSource { path: path.into(), every: EVERY, events: true, reader: None }
}

/// A file as a source of nodes. Made by [`file`](fn@file).
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    every: Duration,
    events: bool,
    reader: Option<Reader>,
}

impl FileSource {
    /// How often the file is read and its digest compared. Default: each second.
    #[must_use]
    pub fn every(mut self, every: Duration) -> FileSource {
        self.every = every.max(Duration::from_millis(10));
        self
    }

    /// Does not listen to the file system's events: a change is seen when the file is looked at next.
    #[must_use]
    pub fn without_events(mut self) -> FileSource {
        self.events = false;
        self
    }
}

impl Discovery for FileSource {
    fn name(&self) -> String {
        format!("file {}", shown(&self.path))
    }

    async fn next(&mut self, _: &dyn Env) -> Option<Update> {
        if self.reader.is_none() {
            match Reader::start(self.path.clone(), self.every, self.events) {
                Ok(reader) => self.reader = Some(reader),
                Err(error) => {
                    return Some(Update::failed(format!(
                        "no thread could be started to read {}: {error}",
                        shown(&self.path)
                    )));
                }
            }
        }
        let mail = Arc::clone(&self.reader.as_ref()?.mail);
        poll_fn(|cx| {
            let _ = mail.bell.poll(cx);
            match mail.take() {
                Some(update) => Poll::Ready(Some(update)),
                None => Poll::Pending,
            }
        })
        .await
    }
}

/// The last that was said and not taken; what came before it is old.
#[derive(Default)]
struct Mail {
    last: Mutex<Option<Update>>,
    bell: Bell,
}

impl Mail {
    fn put(&self, update: Update) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(update);
        self.bell.raise();
    }

    fn take(&self) -> Option<Update> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What wakes the thread.
enum Nudge {
    /// Something happened where the file is.
    Look,
    /// The source is gone.
    End,
}

struct Reader {
    mail: Arc<Mail>,
    nudge: Sender<Nudge>,
}

impl Reader {
    fn start(path: PathBuf, every: Duration, events: bool) -> std::io::Result<Reader> {
        let (nudge, nudged) = channel();
        let mail = Arc::<Mail>::default();
        let (own, events) = (Arc::clone(&mail), events.then(|| nudge.clone()));
        std::thread::Builder::new().name("cenote-nodes".to_owned()).spawn(move || {
            let _watcher = events.and_then(|nudge| events::listen(&path, nudge));
            look_after(&path, every, &own, &nudged);
        })?;
        Ok(Reader { mail, nudge })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.nudge.send(Nudge::End);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// The thread's life.
fn look_after(path: &Path, every: Duration, mail: &Mail, nudged: &Receiver<Nudge>) {
    let mut looks = Looks::default();
    loop {
        let looked = Instant::now();
        let seen = read::read(path);
        let (wait, deaf) = match looks.look(&seen) {
            Verdict::Settling => (SETTLES, true),
            Verdict::Same => (every, false),
            Verdict::New => {
                mail.put(read::update(path, &seen));
                (every, false)
            }
        };
        let mut until = looked + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match nudged.recv_timeout(left) {
                Ok(Nudge::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => break,
                // While it settles the time counts, and nothing else.
                Ok(Nudge::Look) if deaf => {}
                Ok(Nudge::Look) => until = until.min(looked + CROWD),
            }
        }
    }
}
