//! The world of the blocking face: threads and nothing else. Each task runs on a thread of the pool's own
//! until it has ended, and the kinds of work are kept apart, so that what is stuck in one cannot starve
//! another: connects, tests and resets, closes, and what rests for long.

use std::io;
use std::pin::Pin;
use std::time::Instant;

use super::park::block_on;
use super::{Env, Errand, Sleep, Task};
use crate::crew::Crew;
use crate::time::Time;

/// The most connects that run at once; the gate starts no more than `max_connecting` anyway.
const MOST_CONNECTS: usize = 64;
/// The most tests and resets that run at once. Their callers wait, so there are many.
const MOST_CHECKS: usize = 32;
/// The most closes that run at once. Nobody waits for a close but one who ends the pool.
const MOST_CLOSES: usize = 8;

/// Threads of one pool. The timers work where [`block_on`] polls them, on any thread.
pub(crate) struct Threads {
    origin: Instant,
    upkeep: Crew,
    connects: Crew,
    checks: Crew,
    closes: Crew,
}

impl Threads {
    /// Threads for one pool; one is started at once, for the upkeep.
    pub(crate) fn new() -> io::Result<Threads> {
        let upkeep = Crew::new("cenote-upkeep", usize::MAX);
        upkeep.hire()?;
        Ok(Threads {
            origin: Instant::now(),
            upkeep,
            connects: Crew::new("cenote-connect", MOST_CONNECTS),
            checks: Crew::new("cenote-check", MOST_CHECKS),
            closes: Crew::new("cenote-close", MOST_CLOSES),
        })
    }

    /// A time that is too far away for a timer is `None`.
    fn instant(&self, at: Time) -> Option<Instant> {
        self.origin.checked_add(at.since(Time::ZERO)).filter(|_| at != Time::NEVER)
    }
}

impl Env for Threads {
    fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    fn at(&self, instant: Instant) -> Time {
        Time::ZERO + instant.saturating_duration_since(self.origin)
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        match self.instant(at) {
            Some(until) => Sleep::Thread { until },
            None => Sleep::Never,
        }
    }

    fn rearm(&self, mut sleep: Pin<&mut Sleep>, at: Time) -> bool {
        let until = self.instant(at).filter(|_| matches!(*sleep, Sleep::Thread { .. }));
        if let Some(until) = until {
            sleep.set(Sleep::Thread { until });
        }
        until.is_some()
    }

    fn spawn(&self, task: Task) {
        self.spawn_for(Errand::Upkeep, task);
    }

    fn spawn_for(&self, errand: Errand, task: Task) {
        let crew = match errand {
            Errand::Upkeep => &self.upkeep,
            Errand::Connect => &self.connects,
            Errand::Check => &self.checks,
            Errand::Close => &self.closes,
        };
        crew.run(Box::new(move || block_on(task)));
    }
}
