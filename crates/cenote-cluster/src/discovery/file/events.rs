//! The file system's events, which make the reader look sooner. Where there are none, it looks each second all the same.

use std::path::Path;
use std::sync::mpsc::Sender;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Nudge;

/// Listens where the file lies, not to the file itself: one that is renamed into place is another file, and a mounted
/// configuration turns a symlink beside it.
pub(super) fn listen(path: &Path, nudge: Sender<Nudge>) -> Option<RecommendedWatcher> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // That it was read is our own doing.
        let matters = event.is_ok_and(|event| match event.kind {
            EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
            _ => true,
        });
        if matters {
            let _ = nudge.send(Nudge::Look);
        }
    })
    .ok()?;
    watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}
