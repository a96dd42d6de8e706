//! What happens, as it happens: the last entries, each written once for all who read it. A storm of events is counted
//! rather than shown: so many entries a second, and then one that says how many more there were.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use cenote::Level;
use cenote_cluster::{Event, Watcher};
use tokio::time::Instant;

use crate::clean::Clean;
use crate::document::Entry;
use crate::live::Board;
use crate::look::unix_ms;

/// The entries that are kept for streams that come late, and those of them that the document shows.
const KEPT: usize = 200;
const SHOWN: usize = 50;
/// The most entries in a second.
const A_SECOND: u32 = 50;
const SECOND: Duration = Duration::from_secs(1);

/// Somebody of the service's who is told each entry.
pub(crate) type Sink = Box<dyn Fn(Level, &str) + Send + Sync>;

#[derive(Default)]
struct Lines {
    last: u64,
    ring: VecDeque<(Entry, Bytes)>,
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

impl Log {
    pub(crate) fn new(clean: Clean, sink: Option<Sink>, board: Arc<Board>) -> Log {
        Log { lines: Mutex::default(), clean, sink, board }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an entry, unless there are too many in this second.
    pub(crate) fn write(&self, level: Level, of: &str, text: &str) {
        self.write_at(Instant::now(), level, of, text, false);
    }

    /// Writes an entry in any case: for what somebody did.
    pub(crate) fn write_surely(&self, level: Level, of: &str, text: &str) {
        self.write_at(Instant::now(), level, of, text, true);
    }

    fn write_at(&self, now: Instant, level: Level, of: &str, text: &str, surely: bool) {
        let mut lines = self.lock();
        self.close_second(&mut lines, now);
        lines.written += 1;
        if lines.written > A_SECOND && !surely {
            lines.left_out += 1;
            return;
        }
        let text = self.clean.text(text);
        lines.push(level, self.clean.text(of), text.clone());
        drop(lines);
        self.board.news();
        if let Some(sink) = &self.sink {
            sink(level, &text);
        }
    }

    /// Says how many were left out of a second that is over.
    pub(crate) fn settle(&self) {
        let mut lines = self.lock();
        if self.close_second(&mut lines, Instant::now()) {
            drop(lines);
            self.board.news();
        }
    }

    fn close_second(&self, lines: &mut Lines, now: Instant) -> bool {
        if lines.second.is_some_and(|began| now - began < SECOND) {
            return false;
        }
        (lines.second, lines.written) = (Some(now), 0);
        match std::mem::take(&mut lines.left_out) {
            0 => false,
            n => {
                let text = format!("{n} more events in one second are not shown");
                lines.push(Level::Warn, "log".to_owned(), text);
                true
            }
        }
    }

    /// The last entries, the oldest first.
    pub(crate) fn shown(&self) -> Vec<Entry> {
        let lines = self.lock();
        let skip = lines.ring.len().saturating_sub(SHOWN);
        lines.ring.iter().skip(skip).map(|(entry, _)| entry.clone()).collect()
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
}

impl Lines {
    fn push(&mut self, level: Level, of: String, text: String) {
        self.last += 1;
        let (n, at) = (self.last, unix_ms());
        let entry = Entry { n, at, level: level.name().to_owned(), of, text };
        let json = serde_json::to_string(&entry).expect("numbers and texts can be written");
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        self.ring.push_back((entry, Bytes::from(format!("event: log\ndata: {json}\n\n"))));
    }
}

impl Watcher for Log {
    fn pool(&self, event: &cenote::Event<'_>) {
        self.write(event.level(), event.pool(), &event.to_string());
    }

    fn cluster(&self, event: &Event) {
        self.write(event.kind.level(), &event.cluster, &event.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        Log::new(Clean::new(None), None, Arc::default())
    }

    fn write(log: &Log, now: Instant, n: u64) {
        (0..n).for_each(|i| log.write_at(now, Level::Info, "a", &i.to_string(), false));
    }

    // P-29
    #[test]
    fn a_storm_is_counted_and_what_somebody_did_is_written_all_the_same() {
        let log = log();
        let began = Instant::now();
        write(&log, began, 80);
        assert_eq!(log.last(), u64::from(A_SECOND));
        log.write_at(began + SECOND / 2, Level::Warn, "a", "somebody did something", true);
        write(&log, began + SECOND, 1);
        let shown = log.shown();
        let texts: Vec<&str> = shown.iter().rev().map(|entry| entry.text.as_str()).collect();
        let expected =
            ["0", "30 more events in one second are not shown", "somebody did something"];
        assert_eq!(texts[..3], expected);
        assert_eq!(shown.len(), SHOWN);
        assert!(shown.windows(2).all(|pair| pair[0].n + 1 == pair[1].n));
    }

    #[test]
    fn who_reads_on_gets_every_entry_that_is_kept_once() {
        let log = log();
        let began = Instant::now();
        (0..10).for_each(|second| write(&log, began + second * SECOND, 40));
        let (mut n, mut read) = (0, Vec::new());
        while let Some((next, frame)) = log.after(n) {
            assert!(frame.starts_with(b"event: log\ndata: {\"n\":"));
            n = next;
            read.push(next);
        }
        assert_eq!(read, (201..=400).collect::<Vec<u64>>());
    }
}
