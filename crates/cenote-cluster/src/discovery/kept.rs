//! What a source said last, kept in a file for the time when it cannot be asked: a program that starts while the registry
//! is away begins with the nodes of its last life (D-3).
//!
//! The file is used once, if the source's first word is a failure; whatever the source says later counts. It is JSON, as a
//! node file is. It holds addresses, and with them what passwords these have: only its owner may read it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::future::{Future, poll_fn};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use cenote::{Env, Node};

use super::file::{NodeFile, shown};
use super::{Discovery, News, Update, node_to_json};
use crate::watch::Bell;

/// This source, and in this file what it said last.
///
/// ```no_run
/// use cenote::Node;
/// # use cenote_testkit::Script;
/// use cenote_cluster::{Cluster, discovery};
///
/// # fn build(registry: impl discovery::Discovery) {
/// let source = discovery::kept(registry, "/var/lib/shop/nodes.json");
/// let cluster = Cluster::builder(|_: &Node| Ok(Script::new())).discover(source).build();
/// # }
/// ```
pub fn kept<D: Discovery>(source: D, path: impl Into<PathBuf>) -> Kept<D> {
    Kept {
        source,
        path: path.into(),
        nodes: BTreeMap::new(),
        written: None,
        state: State::Fresh,
        next: VecDeque::new(),
    }
}

/// A source that is remembered. Made by [`kept`].
#[derive(Debug)]
pub struct Kept<D> {
    source: D,
    path: PathBuf,
    /// What the source says there is.
    nodes: BTreeMap<String, Node>,
    /// What the file holds, if that is known.
    written: Option<String>,
    state: State,
    next: VecDeque<Update>,
}

#[derive(Debug, PartialEq)]
enum State {
    /// The source has said nothing.
    Fresh,
    /// It failed, and the file was used if there was one.
    Remembered,
    /// It has given a list.
    Live,
}

impl<D: Discovery> Discovery for Kept<D> {
    fn name(&self) -> String {
        self.source.name()
    }

    async fn next(&mut self, env: &dyn Env) -> Option<Update> {
        if let Some(update) = self.next.pop_front() {
            return Some(update);
        }
        let mut update = self.source.next(env).await?;
        match &update.news {
            News::Failed { .. } => {
                if self.state == State::Fresh {
                    self.state = State::Remembered;
                    let path = self.path.clone();
                    if let Some(Ok(listed)) = aside(move || NodeFile::read(path)).await {
                        self.next.push_back(update);
                        let from = shown(&self.path);
                        let remembered = Update::all(listed.nodes);
                        return Some(remembered.remark(format!("these nodes are from {from}")));
                    }
                }
                return Some(update);
            }
            News::All(nodes) => {
                self.nodes =
                    nodes.iter().map(|node| (node.key().to_owned(), node.clone())).collect();
            }
            News::Change { gone, there } => {
                gone.iter().for_each(|key| drop(self.nodes.remove(key)));
                self.nodes.extend(there.iter().map(|node| (node.key().to_owned(), node.clone())));
            }
        }
        if self.state == State::Remembered {
            // A change would be one of what was remembered.
            update.news = News::All(self.nodes.values().cloned().collect());
        }
        self.state = State::Live;
        if let Some(why) = self.keep().await {
            update
                .remarks
                .push(format!("the nodes cannot be kept in {}: {why}", shown(&self.path)));
        }
        Some(update)
    }
}

impl<D> Kept<D> {
    /// Writes what the source says, unless that is nothing or the same as before. Returns what went wrong.
    async fn keep(&mut self) -> Option<String> {
        let text = written(self.nodes.values());
        if self.nodes.is_empty() || self.written.as_ref() == Some(&text) {
            return None;
        }
        let (path, content) = (self.path.clone(), text.clone());
        match aside(move || write(&path, &content)).await {
            Some(Ok(())) => {
                self.written = Some(text);
                None
            }
            Some(Err(error)) => Some(error.to_string()),
            None => Some("no thread could be started".to_owned()),
        }
    }
}

/// Nodes as a node file, one in each line.
fn written<'a>(nodes: impl Iterator<Item = &'a Node>) -> String {
    let lines: Vec<String> = nodes.map(node_to_json).collect();
    format!("{{\"nodes\": [\n{}\n]}}\n", lines.join(",\n"))
}

/// Beside it first, then renamed into place: nobody ever reads half of it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let done = private(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done
}

/// A new file that only its owner may read: what lies there already, as after a crash, may be open to others.
fn private(path: &Path) -> std::io::Result<File> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Runs what blocks on a thread of its own. `None`: there is no thread to be had, or it panicked.
fn aside<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Option<T>> + Send {
    struct Answer<T> {
        slot: Mutex<Option<Option<T>>>,
        bell: Bell,
    }

    /// Tells, whatever happens to the thread.
    struct Teller<T>(Arc<Answer<T>>, Option<T>);

    impl<T> Drop for Teller<T> {
        fn drop(&mut self) {
            let result = self.1.take();
            *self.0.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            self.0.bell.raise();
        }
    }

    let answer = Arc::new(Answer { slot: Mutex::new(None), bell: Bell::default() });
    let teller = Teller(Arc::clone(&answer), None);
    // Without a thread the teller is dropped with the closure, and says so.
    let _ = std::thread::Builder::new().name("cenote-nodes".to_owned()).spawn(move || {
        let mut teller = teller;
        teller.1 = Some(run());
    });
    poll_fn(move |cx| {
        let _ = answer.bell.poll(cx);
        match answer.slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        }
    })
}
