//! The health of one node, as a state machine without I/O: what happened and the time go in, who may be sent there
//! comes out. It knows no clock, no lock and no other node.
//!
//! ```text
//! state        event                                   next         also
//! ------------ --------------------------------------- ------------ --------------------------------------
//! Online       a failure                               Suspect
//! Suspect      a success                               Online
//! Suspect      too many in a row, or too large a share Ejected      until a time: doubled each time, drawn
//! Online       the score's rest                        Ejected      short: then straight back
//! Ejected      the time is over                        HalfOpen
//! HalfOpen     one request is let in                   HalfOpen     nobody else is
//! HalfOpen     it succeeds                             SlowStart
//! HalfOpen     it fails                                Ejected      for longer
//! HalfOpen     it ends without an answer               HalfOpen     the next may try
//! HalfOpen     anybody's success, if it stayed in      Online       it was kept despite its errors
//! SlowStart    time passes                             Online       the share grows from a tenth to all
//! out          somebody lets it in                     SlowStart
//! any          no connection is left, connects fail    Unreachable  the pool's prober goes on
//! any          connects are refused twice, and nothing Unreachable  the others may be dead, unnoticed
//!              shows that another connection works
//! Unreachable  a connect succeeds                      SlowStart    or what it was, if it was ejected
//! ```
//!
//! Every turn has a number, the term. A loan carries the term in which it was made, and what is told of it counts only
//! in that term: the late failures of an outage do not hurt a node that has just come back.

mod rules;
mod window;

pub use rules::{HealthRules, RateRule};

use std::time::Duration;

use cenote::Time;

use window::Window;

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// No connect has ended yet.
    New,
    /// It serves.
    Online,
    /// It serves, and its last request failed.
    Suspect,
    /// It is out for a time, for its errors.
    Ejected,
    /// The time is over: one request may try.
    HalfOpen,
    /// It came back and gets more and more.
    SlowStart,
    /// Nobody can connect to it.
    Unreachable,
}

impl Condition {
    /// The condition in snake case, as logs and JSON show it.
    pub const fn name(self) -> &'static str {
        match self {
            Condition::New => "new",
            Condition::Online => "online",
            Condition::Suspect => "suspect",
            Condition::Ejected => "ejected",
            Condition::HalfOpen => "half_open",
            Condition::SlowStart => "slow_start",
            Condition::Unreachable => "unreachable",
        }
    }

    /// Whether it is out for its errors.
    pub(crate) fn is_out_for_errors(self) -> bool {
        matches!(self, Condition::Ejected | Condition::HalfOpen)
    }
}

/// The first share of a slow start, and in how many steps it grows.
const FIRST_SHARE: f64 = 0.1;
const STEPS: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reach {
    New,
    Up,
    /// So many connects have failed since there was a connection.
    Failing(u32),
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    /// Out until then; afterwards one request tries, or all come back.
    Out {
        until: Time,
        probe: bool,
    },
    HalfOpen {
        taken: bool,
    },
}

/// The machine.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    rules: HealthRules,
    reach: Reach,
    trouble: Trouble,
    /// Failures in a row.
    streak: u32,
    window: Window,
    /// Ejections that are not forgiven yet.
    times: u32,
    /// After a good time as long as the last hold, one is forgiven.
    last_hold: Duration,
    back_since: Time,
    ramp: Option<Time>,
    /// Refused connects without a sign of life in between.
    refusals: u32,
    term: u32,
}

impl Health {
    pub(crate) fn new(rules: HealthRules, now: Time) -> Health {
        Health {
            rules,
            reach: Reach::New,
            trouble: Trouble::None,
            streak: 0,
            window: Window::new(rules.rate.unwrap_or_default().window, now),
            times: 0,
            last_hold: Duration::ZERO,
            back_since: now,
            ramp: None,
            refusals: 0,
            term: 0,
        }
    }

    pub(crate) fn term(&self) -> u32 {
        self.term
    }

    fn turn(&mut self) {
        self.term = self.term.wrapping_add(1);
    }

    pub(crate) fn condition(&self) -> Condition {
        match (self.reach, self.trouble, self.ramp) {
            (Reach::Down, ..) => Condition::Unreachable,
            (_, Trouble::Out { .. }, _) => Condition::Ejected,
            (_, Trouble::HalfOpen { .. }, _) => Condition::HalfOpen,
            (Reach::New | Reach::Failing(_), _, None) if self.reach == Reach::New => Condition::New,
            (_, _, Some(_)) => Condition::SlowStart,
            _ if self.streak > 0 => Condition::Suspect,
            _ => Condition::Online,
        }
    }

    /// Whether what becomes of a single request shows that it is well again.
    pub(crate) fn is_attentive(&self) -> bool {
        matches!(self.trouble, Trouble::HalfOpen { .. })
    }

    /// Whether a request may be let in as the one that tries.
    pub(crate) fn wants_probe(&self) -> bool {
        self.reach != Reach::Down && self.trouble == Trouble::HalfOpen { taken: false }
    }

    /// Its share of its weight and size.
    pub(crate) fn share(&self, now: Time) -> f64 {
        let Some(since) = self.ramp else { return 1.0 };
        let step = self.rules.slow_start / STEPS;
        let steps = now.since(since).as_nanos() / step.as_nanos().max(1);
        let grown = steps as f64 / f64::from(STEPS);
        (FIRST_SHARE + (1.0 - FIRST_SHARE) * grown).min(1.0)
    }

    /// The share of its requests that failed lately: who of the ejected is least bad.
    pub(crate) fn badness(&self) -> f64 {
        1.0 - self.window.rate().1
    }

    /// For how long it is still out; zero if it is not, or if one request may try it now.
    pub(crate) fn hold_left(&self, now: Time) -> Duration {
        match self.trouble {
            Trouble::Out { until, .. } => until.since(now),
            _ => Duration::ZERO,
        }
    }

    /// When time alone changes something.
    pub(crate) fn due(&self, now: Time) -> Time {
        let out = match self.trouble {
            Trouble::Out { until, .. } => until,
            _ => Time::NEVER,
        };
        let ramp = self.ramp.map_or(Time::NEVER, |since| {
            let step = (self.rules.slow_start / STEPS).max(Duration::from_nanos(1));
            let next = now.since(since).as_nanos() / step.as_nanos() + 1;
            since + step.saturating_mul(u32::try_from(next).unwrap_or(u32::MAX))
        });
        out.min(ramp)
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Time) {
        if let Trouble::Out { until, probe } = self.trouble {
            if now >= until {
                self.turn();
                self.trouble =
                    if probe { Trouble::HalfOpen { taken: false } } else { Trouble::None };
            }
        }
        if self.ramp.is_some_and(|since| now >= since + self.rules.slow_start) {
            self.ramp = None;
        }
    }

    /// A request failed, after so many that succeeded since the last failure. True: it is out now.
    pub(crate) fn failed(&mut self, term: u32, successes: u64, draw: f64, now: Time) -> bool {
        if term != self.term {
            return false;
        }
        self.streak = if successes > 0 { 1 } else { self.streak.saturating_add(1) };
        self.window.failed(successes, now);
        match self.trouble {
            Trouble::HalfOpen { .. } => {
                self.eject(draw, now);
                true
            }
            Trouble::None if self.is_too_bad() => {
                self.eject(draw, now);
                true
            }
            Trouble::None | Trouble::Out { .. } => false,
        }
    }

    fn is_too_bad(&self) -> bool {
        let in_a_row = self.rules.consecutive > 0 && self.streak >= self.rules.consecutive;
        in_a_row
            || self.rules.rate.is_some_and(|rule| {
                let (all, rate) = self.window.rate();
                all >= rule.samples as f64 && rate < rule.below
            })
    }

    fn eject(&mut self, draw: f64, now: Time) {
        if now.since(self.back_since) >= self.last_hold && self.trouble == Trouble::None {
            self.times = 0;
        }
        let doubled = self.rules.hold.saturating_mul(1 << self.times.min(20));
        let hold = doubled.min(self.rules.hold_max);
        let hold = if self.rules.jitter { hold.mul_f64(0.5 + draw / 2.0) } else { hold };
        self.times += 1;
        self.last_hold = hold;
        self.out(Trouble::Out { until: now + hold, probe: true });
    }

    fn out(&mut self, trouble: Trouble) {
        self.turn();
        self.trouble = trouble;
        self.streak = 0;
        self.ramp = None;
    }

    /// The score says that the node must rest.
    pub(crate) fn rest(&mut self, hold: Duration, probe: bool, now: Time) {
        if self.trouble == Trouble::None {
            self.out(Trouble::Out { until: now + hold, probe });
        }
    }

    /// Takes the one place for a request that tries.
    pub(crate) fn take_probe(&mut self) -> bool {
        let wanted = self.wants_probe();
        if wanted {
            self.turn();
            self.trouble = Trouble::HalfOpen { taken: true };
        }
        wanted
    }

    /// The request that was let in, or any of this term, succeeded.
    pub(crate) fn proved(&mut self, term: u32, now: Time) -> bool {
        let proves = term == self.term && matches!(self.trouble, Trouble::HalfOpen { .. });
        if proves {
            // Nobody was let in to try, so it stayed in all the time: it starts no more slowly than it went on.
            let stayed = self.trouble == Trouble::HalfOpen { taken: false };
            self.turn();
            self.trouble = Trouble::None;
            self.come_back(now);
            if stayed {
                self.ramp = None;
            }
        }
        proves
    }

    /// The request that was let in ended without telling anything.
    pub(crate) fn unproved(&mut self, term: u32) -> bool {
        let open = term == self.term && self.trouble == Trouble::HalfOpen { taken: true };
        if open {
            self.trouble = Trouble::HalfOpen { taken: false };
        }
        open
    }

    /// Somebody lets it back in before its time is over. True: it was out for its errors.
    pub(crate) fn pardon(&mut self, now: Time) -> bool {
        let out = self.trouble != Trouble::None;
        if out {
            self.turn();
            (self.trouble, self.times) = (Trouble::None, 0);
            self.come_back(now);
        }
        out
    }

    fn come_back(&mut self, now: Time) {
        self.streak = 0;
        self.back_since = now;
        self.window.clear(now);
        self.ramp = (self.rules.slow_start > Duration::ZERO).then_some(now);
    }

    /// So many requests have succeeded since the last failure.
    pub(crate) fn succeeded(&mut self, successes: u64, now: Time) {
        if successes > 0 {
            self.streak = 0;
            self.window.succeeded(successes, now);
        }
    }

    /// A connect succeeded. True: it was not known that one can.
    pub(crate) fn connected(&mut self, now: Time) -> bool {
        self.refusals = 0;
        let before = std::mem::replace(&mut self.reach, Reach::Up);
        if before != Reach::Down {
            return before != Reach::Up;
        }
        self.turn();
        if self.trouble == Trouble::None {
            self.come_back(now);
        }
        true
    }

    /// A connect was refused while other connections are there, and so many requests succeeded since the last failure.
    /// True: it is unreachable from now on.
    ///
    /// The others may be dead without anybody having noticed, so a second refusal with no sign of life in between is
    /// taken for the truth.
    pub(crate) fn refused(&mut self, signs_of_life: u64) -> bool {
        if self.reach == Reach::Down {
            return false;
        }
        self.refusals = if signs_of_life > 0 { 1 } else { self.refusals + 1 };
        self.refusals >= 2.max(self.rules.connect_failures) && self.cut_off_for_good()
    }

    /// A connect failed, and no connection is left. True: it is unreachable from now on.
    pub(crate) fn cut_off(&mut self) -> bool {
        let failures = match self.reach {
            Reach::Down => return false,
            Reach::Failing(n) => n + 1,
            Reach::New | Reach::Up => 1,
        };
        if failures < self.rules.connect_failures {
            self.reach = Reach::Failing(failures);
            return false;
        }
        self.cut_off_for_good()
    }

    fn cut_off_for_good(&mut self) -> bool {
        self.turn();
        self.reach = Reach::Down;
        self.ramp = None;
        // Whoever was to try has nothing to tell in this term: the place is the next one's.
        if let Trouble::HalfOpen { taken } = &mut self.trouble {
            *taken = false;
        }
        true
    }
}

#[cfg(test)]
mod tests;
