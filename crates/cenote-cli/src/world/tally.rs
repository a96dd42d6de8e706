//! What became of the load: counts and times, and for each writer how far it has been told that its counter stands. It is as
//! large after a day as after a second.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cenote_cluster::Error;

use super::lines::LineError;

/// Each writer has a counter of its own.
pub(crate) const WRITERS: u32 = 160;
/// So many errors are kept in words.
const WORDS: usize = 5;

/// Whether something reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

impl Kind {
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Kind::Read => "reads",
            Kind::Write => "writes",
        }
    }
}

/// How often it went how, for one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) good: u64,
    pub(crate) failed: u64,
    /// Turned away at once, because there is too much to do.
    pub(crate) shed: u64,
}

impl Sum {
    pub(crate) fn since(self, before: Sum) -> Sum {
        Sum {
            good: self.good - before.good,
            failed: self.failed - before.failed,
            shed: self.shed - before.shed,
        }
    }
}

#[derive(Default)]
struct Outcomes {
    good: AtomicU64,
    failed: AtomicU64,
    shed: AtomicU64,
    /// In microseconds, of those that were not turned away.
    longest: AtomicU64,
    /// When the last good one ended, and the longest time between two, in microseconds.
    last: AtomicU64,
    gap: AtomicU64,
}

/// How far a writer is.
#[derive(Default)]
struct Writer {
    sent: AtomicI64,
    told: AtomicI64,
}

pub(crate) struct Tally {
    began: Instant,
    reads: Outcomes,
    writes: Outcomes,
    writers: Vec<Writer>,
    lost: AtomicU64,
    invented: AtomicU64,
    words: Mutex<Vec<String>>,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        Tally {
            began: Instant::now(),
            reads: Outcomes::default(),
            writes: Outcomes::default(),
            writers: (0..WRITERS).map(|_| Writer::default()).collect(),
            lost: AtomicU64::new(0),
            invented: AtomicU64::new(0),
            words: Mutex::default(),
        }
    }

    fn of(&self, kind: Kind) -> &Outcomes {
        match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
        }
    }

    pub(crate) fn sum(&self, kind: Kind) -> Sum {
        let Outcomes { good, failed, shed, .. } = self.of(kind);
        let [good, failed, shed] = [good, failed, shed].map(|n| n.load(Ordering::Relaxed));
        Sum { good, failed, shed }
    }

    /// The longest that anybody had to wait for an answer.
    pub(crate) fn longest(&self, kind: Kind) -> Duration {
        Duration::from_micros(self.of(kind).longest.load(Ordering::Relaxed))
    }

    /// The longest time without a good one since [`forget_gaps`](Tally::forget_gaps).
    pub(crate) fn gap(&self, kind: Kind) -> Duration {
        let outcomes = self.of(kind);
        let since = self.now().saturating_sub(outcomes.last.load(Ordering::Relaxed));
        Duration::from_micros(outcomes.gap.load(Ordering::Relaxed).max(since))
    }

    /// What was before does not count.
    pub(crate) fn forget_gaps(&self) {
        let now = self.now();
        for outcomes in [&self.reads, &self.writes] {
            outcomes.last.store(now, Ordering::Relaxed);
            outcomes.gap.store(0, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// One has ended.
    pub(crate) fn ended<T>(
        &self,
        kind: Kind,
        began: Instant,
        result: &Result<T, Error<LineError>>,
    ) {
        let outcomes = self.of(kind);
        match result {
            Err(Error::Overloaded { .. }) => {
                outcomes.shed.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok(_) => {
                outcomes.good.fetch_add(1, Ordering::Relaxed);
                let now = self.now();
                let last = outcomes.last.swap(now, Ordering::Relaxed);
                outcomes.gap.fetch_max(now.saturating_sub(last), Ordering::Relaxed);
            }
            Err(error) => {
                outcomes.failed.fetch_add(1, Ordering::Relaxed);
                if matches!(error, Error::Run(error) if error.is_gap()) {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
                let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
                if words.len() < WORDS {
                    words
                        .push(format!("a {} failed: {error}", kind.plural().trim_end_matches('s')));
                }
            }
        }
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        outcomes.longest.fetch_max(took, Ordering::Relaxed);
    }

    /// The first errors, in words.
    pub(crate) fn words(&self) -> Vec<String> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes whose absence a server has told of.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Reads of what nobody has written.
    pub(crate) fn invented(&self) -> u64 {
        self.invented.load(Ordering::Relaxed)
    }

    /// What this writer sends next: the same as before, until it is told that it is done.
    pub(crate) fn next(&self, writer: u32) -> i64 {
        let Writer { sent, told } = &self.writers[writer as usize];
        let next = told.load(Ordering::Relaxed) + 1;
        // Of a rush that has just ended somebody may still be at it.
        sent.fetch_max(next, Ordering::Relaxed);
        next
    }

    /// This writer was told that this is done.
    pub(crate) fn told(&self, writer: u32, value: i64) {
        self.writers[writer as usize].told.fetch_max(value, Ordering::Relaxed);
    }

    /// Somebody read this of this writer's counter.
    pub(crate) fn read(&self, writer: u32, value: i64) {
        // Sent before it could be read.
        if value > self.writers[writer as usize].sent.load(Ordering::Relaxed) {
            self.invented.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Of these counters, how many writes are missing that were acknowledged, and how many are there that nobody sent.
    pub(crate) fn differences(&self, counters: &[(u32, i64)]) -> (i64, i64) {
        let (mut missing, mut invented) = (0, 0);
        for (n, Writer { sent, told }) in (0..).zip(&self.writers) {
            let has = counters.iter().find(|(counter, _)| *counter == n).map_or(0, |(_, has)| *has);
            missing += (told.load(Ordering::Relaxed) - has).max(0);
            invented += (has - sent.load(Ordering::Relaxed)).max(0);
        }
        let strangers = counters.iter().filter(|(counter, _)| *counter >= WRITERS);
        (missing, invented + strangers.map(|(_, has)| *has).sum::<i64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-12
    #[test]
    fn what_was_acknowledged_and_is_missing_is_counted_and_what_nobody_sent_too() {
        let tally = Tally::new();
        for value in 1..=3 {
            assert_eq!(tally.next(0), value);
            tally.told(0, value);
        }
        assert_eq!(tally.next(0), 4, "sent, and no answer came");
        assert_eq!(tally.next(0), 4, "so it is sent again");
        for (counters, differences) in [
            (&[(0, 3)][..], (0, 0)),
            (&[(0, 4)], (0, 0)),
            (&[(0, 2)], (1, 0)),
            (&[], (3, 0)),
            (&[(0, 5)], (0, 1)),
            (&[(0, 3), (1, 2)], (0, 2)),
            (&[(0, 3), (WRITERS, 1)], (0, 1)),
        ] {
            assert_eq!(tally.differences(counters), differences, "{counters:?}");
        }
        tally.read(0, 4);
        assert_eq!(tally.invented(), 0);
        tally.read(0, 5);
        assert_eq!(tally.invented(), 1);
    }

    // C-15
    #[test]
    fn who_is_turned_away_has_not_failed_and_has_not_waited() {
        let tally = Tally::new();
        let shed = Error::Overloaded { cluster: "shop".into(), answers: Vec::new() };
        tally.ended::<()>(Kind::Read, tally.began, &Err(shed));
        assert_eq!(tally.sum(Kind::Read), Sum { shed: 1, ..Sum::default() });
        assert_eq!(tally.longest(Kind::Read), Duration::ZERO);
        let closed = Error::Closed { cluster: "shop".into() };
        tally.ended::<()>(Kind::Write, tally.began, &Err(closed));
        tally.ended(Kind::Write, tally.began, &Ok(()));
        assert_eq!(tally.sum(Kind::Write), Sum { good: 1, failed: 1, shed: 0 });
        assert_eq!(tally.words(), ["a write failed: cluster \"shop\" is closed"]);
    }
}
