//! The flow: connections that come back (P-12). A pool whose connections come back often enough serves a crowd of
//! waiters before a connect that begins now could; then a connect is put off, first for a sixteenth of what connects
//! take, and from look to look for as long as what has come back meanwhile says that the rest is served in time.
//!
//! Nobody waits for long because of it: a crowd is put off for half of what a connect takes at most, and not at all in
//! a pool without this history, with nothing lent, or whose connects are so quick that a timer would last as long.

use std::time::Duration;

use crate::time::Time;

/// Connects that are quicker than this are never put off: timers tick once a millisecond.
const WORTH: Duration = Duration::from_millis(20);
/// How often a crowd is looked at while a connect lasts.
const LOOKS: u32 = 16;
/// Returns are counted for this long at least before they are history.
const HISTORY: Duration = Duration::from_millis(50);

/// What is done for the waiters of the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crowd {
    /// Nobody has waited, as far as is known.
    None,
    /// Since then, and after so many releases: connects are put off.
    PutOff { since: Time, releases: u64 },
    /// Connects are made.
    Served,
}

#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// When the releases were counted last, and how many there were.
    counted: (Time, u64),
    /// At least one came back in the time of a connect.
    flows: bool,
    crowd: Crowd,
    /// When a crowd that was put off is looked at again.
    pub(super) look: Time,
}

impl Flow {
    pub(super) fn new(now: Time) -> Flow {
        Flow { counted: (now, 0), flows: false, crowd: Crowd::None, look: Time::NEVER }
    }

    /// Counts the releases so far.
    pub(super) fn count(&mut self, releases: u64, connect: Duration, now: Time) {
        let (since, before) = self.counted;
        let span = now.since(since);
        if span >= HISTORY {
            self.flows = times(connect, releases - before) >= span;
            self.counted = (now, releases);
        }
    }

    /// Somebody waits, and nobody did just before.
    pub(super) fn begin(&mut self) {
        self.crowd = Crowd::None;
        self.look = Time::NEVER;
    }

    /// Of so many waiters without a connection, how many are served by what comes back before a connect could serve
    /// them. `lent`: whether anything can come back.
    pub(super) fn serves(
        &mut self,
        waiters: usize,
        lent: bool,
        releases: u64,
        connect: Duration,
        now: Time,
    ) -> usize {
        let step = connect / LOOKS;
        let may = lent && connect >= WORTH;
        self.crowd = match self.crowd {
            _ if waiters == 0 => Crowd::None,
            Crowd::None if may && self.flows => {
                self.look = now + step;
                Crowd::PutOff { since: now, releases }
            }
            Crowd::PutOff { .. } if may && now < self.look => self.crowd,
            Crowd::PutOff { since, releases: before } if may && now.since(since) < connect / 2 => {
                let came = releases - before;
                if times(connect, came) >= times(now.since(since), waiters as u64) {
                    self.look = now + step;
                    self.crowd
                } else {
                    Crowd::Served
                }
            }
            _ => Crowd::Served,
        };
        if let Crowd::PutOff { .. } = self.crowd {
            return waiters;
        }
        self.look = Time::NEVER;
        0
    }

    /// What of it the future depends on, for the enumeration of states.
    #[cfg(test)]
    pub(super) fn fingerprint(&self) -> (bool, u8) {
        let crowd = match self.crowd {
            Crowd::None => 0,
            Crowd::PutOff { .. } => 1,
            Crowd::Served => 2,
        };
        (self.flows, crowd)
    }
}

fn times(span: Duration, n: u64) -> Duration {
    span.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX))
}
