//! Things that happen again and again: the first is told at once, those that are like it are counted and told as one. How
//! often doubles while they go on, up to once a minute, so that an outage of an hour does not push out of the log what began
//! it. Time goes in; it knows no clock.

use std::collections::HashMap;
use std::time::Duration;

use cenote::Level;
use tokio::time::Instant;

/// How long the first count goes on, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// What makes things alike: whose they are, what they are, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Like {
    pub(crate) of: String,
    pub(crate) what: &'static str,
    pub(crate) why: String,
}

/// One that goes on: what was counted since the count began.
struct Run {
    since: Instant,
    length: Duration,
    more: u64,
    /// Of these the first in words, and when the last was.
    level: Level,
    text: String,
    last: (Instant, u64),
}

/// What was counted, as it is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) level: Level,
    pub(crate) of: String,
    pub(crate) text: String,
    /// When the last of them was.
    pub(crate) last: Instant,
    pub(crate) at: u64,
}

/// All that go on.
#[derive(Default)]
pub(crate) struct Runs {
    all: HashMap<Like, Run>,
    /// When the first of the counts is over.
    next: Option<Instant>,
}

impl Runs {
    /// Something has happened, now, which all clocks show as `at`. True: it is the first, and nobody else tells it.
    pub(crate) fn begins(
        &mut self,
        (now, at): (Instant, u64),
        like: Like,
        level: Level,
        text: &str,
    ) -> bool {
        if let Some(run) = self.all.get_mut(&like) {
            if run.more == 0 {
                (run.level, run.text) = (level, text.to_owned());
            }
            run.more += 1;
            run.last = (now, at);
            return false;
        }
        let last = (now, at);
        let run = Run { since: now, length: FIRST, more: 0, level, text: String::new(), last };
        self.wake_at(run.since + run.length);
        self.all.insert(like, run);
        true
    }

    fn wake_at(&mut self, end: Instant) {
        self.next = Some(self.next.map_or(end, |next| next.min(end)));
    }

    /// What was counted in times that are over, in the order in which it ended. What has not gone on is forgotten.
    pub(crate) fn over(&mut self, now: Instant) -> Vec<Told> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let mut told = Vec::new();
        self.all.retain(|like, run| {
            let end = run.since + run.length;
            if now < end {
                return true;
            }
            if run.more == 0 {
                return false;
            }
            told.push(run.tell(like));
            // Nobody may have looked for long: then it ended long ago.
            if now - run.last.0 >= run.length {
                return false;
            }
            (run.since, run.length, run.more) = (now, LONGEST.min(run.length * 2), 0);
            true
        });
        self.next = self.all.values().map(|run| run.since + run.length).min();
        told.sort_by_key(|told| told.last);
        told
    }
}

impl Run {
    fn tell(&mut self, like: &Like) -> Told {
        let mut text = std::mem::take(&mut self.text);
        if self.more > 1 {
            let within = (self.last.0 - self.since).as_secs_f64().ceil().max(1.0);
            text += &format!(" (one of {} within {within} s)", self.more);
        }
        let (last, at) = self.last;
        Told { level: self.level, of: like.of.clone(), text, last, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(of: &str) -> Like {
        Like { of: of.to_owned(), what: "failed", why: String::new() }
    }

    /// It happens so often, a tenth of a second apart, and what has been told is looked at each time.
    fn happens(runs: &mut Runs, began: Instant, from: u32, to: u32) -> (u32, Vec<String>) {
        let (mut first, mut told) = (0, Vec::new());
        for n in from..to {
            let now = began + n * FIRST / 10;
            told.extend(runs.over(now).into_iter().map(|told| told.text));
            let begins = runs.begins((now, n.into()), like("a"), Level::Warn, &n.to_string());
            first += u32::from(begins);
        }
        (first, told)
    }

    // P-29
    #[test]
    fn the_first_is_told_and_the_rest_as_a_number_less_and_less_often() {
        let (mut runs, began) = (Runs::default(), Instant::now());
        let (first, told) = happens(&mut runs, began, 0, 71);
        assert_eq!(first, 1);
        let expected =
            ["1 (one of 9 within 1 s)", "10 (one of 20 within 2 s)", "30 (one of 40 within 4 s)"];
        assert_eq!(told, expected);
        // An hour of it: no more than a line a minute.
        let (first, told) = happens(&mut runs, began, 71, 36_000);
        assert_eq!(first, 0);
        assert!((58..=66).contains(&told.len()), "{}", told.len());
    }

    // P-29
    #[test]
    fn what_has_stopped_is_told_once_more_and_then_begins_anew() {
        let (mut runs, began) = (Runs::default(), Instant::now());
        happens(&mut runs, began, 0, 5);
        assert_eq!(runs.over(began + FIRST / 2), [], "its time is not over");
        let hour = began + 3600 * FIRST;
        let told = runs.over(hour);
        assert_eq!((told.len(), told[0].at, told[0].last), (1, 4, began + 4 * FIRST / 10));
        assert_eq!(told[0].text, "1 (one of 4 within 1 s)");
        assert!(runs.begins((hour, 9), like("a"), Level::Warn, "again"));
        // One that nothing followed is told no second time.
        assert_eq!(runs.over(hour + FIRST), []);
        assert!(runs.all.is_empty() && runs.next.is_none(), "nothing of it is kept");
    }

    // P-29
    #[test]
    fn each_is_counted_by_itself_and_one_more_needs_no_number() {
        let (mut runs, now) = (Runs::default(), Instant::now());
        assert!(runs.begins((now, 1), like("a"), Level::Info, "first"));
        assert!(runs.begins((now, 1), like("b"), Level::Info, "other"));
        assert!(!runs.begins((now, 2), like("a"), Level::Warn, "second"));
        let told = runs.over(now + FIRST);
        let expected =
            Told { level: Level::Warn, of: "a".into(), text: "second".into(), last: now, at: 2 };
        assert_eq!(told, [expected]);
    }
}
