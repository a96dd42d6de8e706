//! What happens, as it happens: the last entries, each written once for all who read it. It is for people: states that
//! change and what goes wrong are told at once; what happens again and again is [counted](crate::runs); connections that come
//! and go as they should are of level trace, which is shown to whoever asks for it, and push nothing else out. A storm is
//! cut off: so many entries a second, and then one that says how many more there were.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use cenote::{CloseReason, EventKind, Level, Subject};
use cenote_cluster::{Event, Watcher};
use tokio::time::Instant;

use crate::clean::Clean;
use crate::document::Entry;
use crate::live::Board;
use crate::look::unix_ms;
use crate::runs::{Like, Runs};

/// The entries that are kept for streams that come late, and those of them that the document shows.
const KEPT: usize = 200;
const SHOWN: usize = 50;
/// The same of those of level trace, which are not among these.
const ROUTINE_KEPT: usize = 50;
const ROUTINE_SHOWN: usize = 20;
/// The most entries in a second.
const A_SECOND: u32 = 50;
const SECOND: Duration = Duration::from_secs(1);
/// What is told so long after it was says so.
const LATE: Duration = Duration::from_secs(5);

/// Somebody of the service's who is told each entry.
pub(crate) type Sink = Box<dyn Fn(Level, &str) + Send + Sync>;

#[derive(Default)]
struct Lines {
    last: u64,
    ring: VecDeque<(Entry, Bytes)>,
    runs: Runs,
    /// Pools that fail to connect, and how often they have since the last success.
    failing: HashMap<String, u64>,
    /// What somebody has begun to do, while nothing else was written.
    begun: Vec<(u64, String, String)>,
    /// When the second began that is counted, what it has had, and what was left out.
    second: Option<Instant>,
    written: u32,
    left_out: u64,
}

/// The log.
pub(crate) struct Log {
    lines: Mutex<Lines>,
    clean: Clean,
    sink: Option<Sink>,
    board: Arc<Board>,
}

/// An entry to be written.
struct Draft<'a> {
    level: Level,
    of: &'a str,
    text: &'a str,
    /// What makes it one of several; nothing: it is told each time.
    like: Option<(&'static str, String)>,
    /// It is written however many there are.
    surely: bool,
}

impl Log {
    pub(crate) fn new(clean: Clean, sink: Option<Sink>, board: Arc<Board>) -> Log {
        Log { lines: Mutex::default(), clean, sink, board }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an entry, unless there are too many in this second.
    pub(crate) fn write(&self, level: Level, of: &str, text: &str) {
        self.take(Instant::now(), Draft { level, of, text, like: None, surely: false });
    }

    /// Writes an entry, or counts it if it is as the one before: what strangers can do as often as they like.
    pub(crate) fn write_once(&self, level: Level, of: &str, text: &str) {
        let like = Some(("again", text.to_owned()));
        self.take(Instant::now(), Draft { level, of, text, like, surely: false });
    }

    /// Writes an entry in any case: for what somebody did.
    pub(crate) fn write_surely(&self, level: Level, of: &str, text: &str) {
        self.take(Instant::now(), Draft { level, of, text, like: None, surely: true });
    }

    /// Somebody begins to do something. That is written only if anything else is before its [end](Log::ends): what follows
    /// from it is never told before it, and what nothing follows from is told once.
    pub(crate) fn begins(&self, of: &str, text: String) -> u64 {
        let mut lines = self.lock();
        let number = lines.begun.last().map_or(0, |(number, ..)| number + 1);
        lines.begun.push((number, of.to_owned(), text));
        number
    }

    /// What has [begun](Log::begins) has ended; of nothing that it may have said until then is more to be told.
    pub(crate) fn ends(&self, number: u64) {
        self.lock().begun.retain(|(other, ..)| *other != number);
    }

    fn take(&self, now: Instant, draft: Draft<'_>) {
        let mut lines = self.lock();
        let mut told = self.go_on(&mut lines, now);
        let Draft { level, of, text, like, surely } = draft;
        let is_new = like.is_none_or(|(what, why)| {
            let like = Like { of: of.to_owned(), what, why };
            lines.runs.begins((now, unix_ms()), like, level, text)
        });
        if is_new {
            told.extend(lines.write(&self.clean, level, of, text, unix_ms(), surely));
        }
        drop(lines);
        self.tell(&told);
    }

    /// Says what was counted in times that are over: how many were left out, and how often something happened again.
    pub(crate) fn settle(&self) {
        let mut lines = self.lock();
        let told = self.go_on(&mut lines, Instant::now());
        drop(lines);
        self.tell(&told);
    }

    fn go_on(&self, lines: &mut Lines, now: Instant) -> Vec<(Level, String)> {
        let mut told: Vec<_> = lines.close_second(now).into_iter().collect();
        for run in lines.runs.over(now) {
            // In the order in which entries are written, no time goes back.
            let at = lines.ring.back().map_or(run.at, |(entry, _)| run.at.max(entry.at));
            let written = lines.write(&self.clean, run.level, &run.of, &run.text, at, false);
            let late = now - run.last;
            told.extend(written.map(|(level, text)| match late < LATE {
                true => (level, text),
                false => (level, format!("{text}, {} s ago", late.as_secs())),
            }));
        }
        told
    }

    /// Tells the readers, and the service. Never called under the lock: its log is somebody else's code.
    fn tell(&self, told: &[(Level, String)]) {
        if told.is_empty() {
            return;
        }
        self.board.news();
        if let Some(sink) = &self.sink {
            told.iter().for_each(|(level, text)| sink(*level, text));
        }
    }

    /// The last entries, the oldest first.
    pub(crate) fn shown(&self) -> Vec<Entry> {
        let lines = self.lock();
        let (mut room, mut room_of_routine) = (SHOWN, ROUTINE_SHOWN);
        let fits = |entry: &&Entry| {
            let room = if is_routine(entry) { &mut room_of_routine } else { &mut room };
            let fits = *room > 0;
            *room -= usize::from(fits);
            fits
        };
        let entries = lines.ring.iter().rev().map(|(entry, _)| entry);
        let mut shown: Vec<Entry> = entries.filter(fits).cloned().collect();
        shown.reverse();
        shown
    }

    /// The number of the last entry.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// The first entry after this one that is still kept, as it is sent.
    pub(crate) fn after(&self, n: u64) -> Option<(u64, Bytes)> {
        let lines = self.lock();
        let at = lines.ring.partition_point(|(entry, _)| entry.n <= n);
        lines.ring.get(at).map(|(entry, frame)| (entry.n, frame.clone()))
    }

    fn pool_at(&self, now: Instant, event: &cenote::Event<'_>) {
        let (of, mut text) = (event.pool(), event.to_string());
        let mut level = if is_as_it_should(event.kind()) { Level::Trace } else { event.level() };
        let mut like = match event.subject() {
            Subject::Pool => None,
            _ => Some((event.kind().name(), why(event.kind()))),
        };
        let mut lines = self.lock();
        match event.kind() {
            EventKind::ConnectFailed { .. } => {
                *lines.failing.entry(of.to_owned()).or_default() += 1
            }
            EventKind::ConnectionReady { .. } => {
                // The end of an outage is news, as its beginning was.
                if let Some(failed) = lines.failing.remove(of) {
                    let failed =
                        if failed == 1 { "a connect" } else { &format!("{failed} connects") };
                    text += &format!(", the first since {failed} failed");
                    (level, like) = (Level::Info, Some(("connects_again", String::new())));
                }
            }
            EventKind::PoolClosed { .. } | EventKind::RuntimeGone => _ = lines.failing.remove(of),
            _ => {}
        }
        drop(lines);
        self.take(now, Draft { level, of, text: &text, like, surely: false });
    }
}

fn is_routine(entry: &Entry) -> bool {
    entry.level == Level::Trace.name()
}

/// A connection that comes, or goes for a reason that somebody chose: counts and pictures show these.
fn is_as_it_should(kind: &EventKind<'_>) -> bool {
    matches!(
        kind,
        EventKind::ConnectionReady { .. }
            | EventKind::ConnectionClosed {
                reason: CloseReason::IdleTimeout
                    | CloseReason::MaxLifetime
                    | CloseReason::MaxUses
                    | CloseReason::Surplus
                    | CloseReason::Shrunk
                    | CloseReason::Cleared
                    | CloseReason::Selected
                    | CloseReason::PoolClosed
                    // These have told why already.
                    | CloseReason::TestFailed
                    | CloseReason::ResetFailed,
            }
    )
}

/// What tells two events of a kind apart that happen to connections or callers.
fn why(kind: &EventKind<'_>) -> String {
    match kind {
        EventKind::AcquireFailed { reason, .. } => reason.to_string(),
        EventKind::ConnectFailed { fault, .. } => fault.to_string(),
        EventKind::ConnectionClosed { reason } => reason.to_string(),
        EventKind::Leaked { location, .. } | EventKind::LeakReturned { location, .. } => {
            location.to_string()
        }
        EventKind::HookFailed { hook, .. } | EventKind::HookPanicked { hook } => hook.to_string(),
        _ => String::new(),
    }
}

impl Lines {
    /// Writes an entry, unless there are too many; then it is counted. Returns what was written.
    fn write(
        &mut self,
        clean: &Clean,
        level: Level,
        of: &str,
        text: &str,
        at: u64,
        surely: bool,
    ) -> Option<(Level, String)> {
        self.written += 1;
        if self.written > A_SECOND && !surely {
            self.left_out += 1;
            return None;
        }
        if level > Level::Trace {
            for (_, of, text) in std::mem::take(&mut self.begun) {
                self.push(Level::Info, clean.text(&of), clean.text(&text), at);
            }
        }
        let text = clean.text(text);
        self.push(level, clean.text(of), text.clone(), at);
        Some((level, text))
    }

    fn close_second(&mut self, now: Instant) -> Option<(Level, String)> {
        if self.second.is_some_and(|began| now - began < SECOND) {
            return None;
        }
        (self.second, self.written) = (Some(now), 0);
        match std::mem::take(&mut self.left_out) {
            0 => None,
            n => {
                let text = format!("{n} more events in one second are not shown");
                self.push(Level::Warn, "log".to_owned(), text.clone(), unix_ms());
                Some((Level::Warn, text))
            }
        }
    }

    fn push(&mut self, level: Level, of: String, text: String, at: u64) {
        self.last += 1;
        let n = self.last;
        let entry = Entry { n, at, level: level.name().to_owned(), of, text };
        let json = serde_json::to_string(&entry).expect("numbers and texts can be written");
        self.make_room(is_routine(&entry));
        self.ring.push_back((entry, Bytes::from(format!("event: log\ndata: {json}\n\n"))));
    }

    /// The oldest of the same sort goes.
    fn make_room(&mut self, for_routine: bool) {
        let of_sort = |(entry, _): &(Entry, Bytes)| is_routine(entry) == for_routine;
        let most = if for_routine { ROUTINE_KEPT } else { KEPT };
        if self.ring.iter().filter(|line| of_sort(line)).count() >= most {
            let oldest = self.ring.iter().position(of_sort);
            oldest.and_then(|at| self.ring.remove(at));
        }
    }
}

impl Watcher for Log {
    fn pool(&self, event: &cenote::Event<'_>) {
        self.pool_at(Instant::now(), event);
    }

    fn cluster(&self, event: &Event) {
        self.write(event.kind.level(), &event.cluster, &event.to_string());
    }
}

#[cfg(test)]
mod tests;
