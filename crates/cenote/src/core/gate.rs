//! The gate: how many connects to start now, and when to look again. [`Gate::plan`] is a pure function
//! of the counters, the options and the time; everything that a connect's end teaches is kept in a few
//! numbers here.
//!
//! - **Demand** is recomputed before every attempt: what waiters want, less what is on its way to them
//!   (P-12). A test or a reset under way is such a supply, but only for a grace of half the measured
//!   connect time: then the gate looks again and no longer counts on it. Releases that will serve waiters before a
//!   connect could are another (`flow.rs`).
//! - **Ramp** (P-13): two connects at a time, one more for each success (so it doubles each round), up to
//!   `max_connecting`. After a failure one prober, then 1 → 2 → 4.
//! - **Back-off** (P-13): after a failure nothing is tried until `not_before`. Attempts that were under way
//!   together count as one failure.
//! - **Overload** (P-14): "too many clients" lowers the effective limit at once and raises it one by one.

use std::time::Duration;

use super::draw::Draw;
use crate::config::{Bound, Options};
use crate::time::Time;

/// What the gate must know of the pool to decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    /// Connections that waiters may have now: none while the pool is paused.
    pub(crate) wanted: usize,
    /// Of those, how many releases will serve before a connect can.
    pub(crate) coming: usize,
    pub(crate) idle: usize,
    /// Tests and resets that will soon give a connection back.
    pub(crate) returning: usize,
    pub(crate) connecting: usize,
    pub(crate) size: usize,
    /// Connections whose lifetime is about to end.
    pub(crate) leaving: usize,
    /// The minimums that hold in the pool's present state.
    pub(crate) min_size: usize,
    pub(crate) min_idle: usize,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) connects: usize,
    pub(crate) look_again: Time,
}

/// How bad a connect's end was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setback {
    Transient,
    /// Trying again soon makes no sense: wrong password, unknown database.
    Permanent,
    /// The server has too many clients: a signal about size, not about health.
    Overload,
}

/// Ramps start anew after this long without a connect.
const FORGET: Duration = Duration::from_secs(5);
/// How often a limit lowered by overload is raised by one.
const RAISE: Duration = Duration::from_secs(1);
/// Longest and shortest trust in a test or reset under way, and the one before anything was measured.
const GRACE_MAX: Duration = Duration::from_millis(500);
const GRACE_MIN: Duration = Duration::from_millis(1);
const GRACE_UNKNOWN: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(crate) struct Gate {
    window: usize,
    /// Failures in a row, attempts that were under way together counted once.
    failures: u32,
    setback: Setback,
    not_before: Time,
    /// New after every counted failure, so that its contemporaries are recognised.
    epoch: u32,
    last_connect: Time,
    /// Smoothed duration of a successful connect.
    connect_time: Option<Duration>,
    /// The limit that overload taught, if any, and when to raise it.
    overload: Option<usize>,
    raise_at: Time,
    /// What somebody above the pool lets it have.
    grant: Bound,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate {
            window: 2,
            failures: 0,
            setback: Setback::Transient,
            not_before: Time::ZERO,
            epoch: 0,
            last_connect: Time::ZERO,
            connect_time: None,
            overload: None,
            raise_at: Time::NEVER,
            grant: Bound::Unlimited,
        }
    }

    /// The one effective limit: the smallest of `max_size`, what overload taught, and what was granted (P-22).
    pub(crate) fn limit(&self, options: &Options) -> usize {
        self.overload.unwrap_or(usize::MAX).min(options.max_size.get()).min(self.grant.get())
    }

    pub(crate) fn set_grant(&mut self, grant: Bound) {
        self.grant = grant;
    }

    /// Whether overload has lowered the limit.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.overload.is_some()
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Half the time a connect takes: how long a test or reset is trusted to be quicker.
    pub(crate) fn grace(&self) -> Duration {
        match self.connect_time {
            Some(time) => (time / 2).clamp(GRACE_MIN, GRACE_MAX),
            None => GRACE_UNKNOWN,
        }
    }

    pub(crate) fn connect_time(&self) -> Duration {
        self.connect_time.unwrap_or_default()
    }

    pub(crate) fn plan(&self, c: Counters, options: &Options, now: Time) -> Plan {
        let room = self.limit(options).saturating_sub(c.size);
        let supply = c.idle + c.returning + c.connecting;
        let idle_wanted = c.min_idle + if c.min_idle > 0 { c.leaving } else { 0 };
        let total_wanted = c.min_size + if c.min_size > 0 { c.leaving } else { 0 };
        let need = (c.wanted + idle_wanted)
            .saturating_sub(supply + c.coming)
            .max(total_wanted.saturating_sub(c.size))
            .min(room);
        // Without the supply that only may come: is there a reason to look again?
        let uncertain = c.wanted.saturating_sub(c.idle + c.connecting).min(room) > 0;
        let mut plan = Plan { connects: 0, look_again: Time::NEVER };
        if need > 0 && now < self.not_before {
            plan.look_again = self.not_before;
        } else if need > 0 {
            let parallel = match (self.failures > 0, options.ramp) {
                (true, _) => 1,
                (false, true) => self.window_at(now, c.connecting).min(options.max_connecting),
                (false, false) => options.max_connecting,
            };
            plan.connects = need.min(parallel.saturating_sub(c.connecting));
        }
        if uncertain && plan.connects == 0 && c.connecting == 0 && c.returning > 0 {
            plan.look_again = plan.look_again.min(now + self.grace());
        }
        if self.overload.is_some() && c.wanted > 0 {
            plan.look_again = plan.look_again.min(self.raise_at);
        }
        plan
    }

    fn window_at(&self, now: Time, connecting: usize) -> usize {
        let rested = connecting == 0 && now.since(self.last_connect) > FORGET;
        if rested { 2 } else { self.window }
    }

    pub(crate) fn started(&mut self, now: Time, connecting: usize) {
        self.window = self.window_at(now, connecting);
        self.last_connect = self.last_connect.max(now);
    }

    pub(crate) fn succeeded(&mut self, took: Duration, now: Time) {
        self.window = if self.failures > 0 { 2 } else { self.window.saturating_add(1) };
        self.failures = 0;
        self.not_before = Time::ZERO;
        self.last_connect = self.last_connect.max(now);
        self.connect_time = Some(match self.connect_time {
            Some(before) => (before * 7 + took) / 8,
            None => took,
        });
    }

    /// Ends the pause after a failure; the next connect is still a lone prober.
    pub(crate) fn try_now(&mut self) {
        self.not_before = Time::ZERO;
    }

    /// A connect that began in `epoch` failed while `established` connections exist and `attempted`
    /// were there or under way.
    pub(crate) fn failed(
        &mut self,
        setback: Setback,
        epoch: u32,
        (established, attempted): (usize, usize),
        options: &Options,
        draw: &mut Draw,
        now: Time,
    ) {
        if setback == Setback::Overload {
            let lowered = established.min(attempted * 4 / 5).max(1);
            self.overload = Some(lowered.min(self.limit(options)));
            self.raise_at = now + RAISE.mul_f64(1.0 + draw.unit() / 2.0);
        }
        self.last_connect = self.last_connect.max(now);
        if epoch != self.epoch {
            return;
        }
        self.epoch = self.epoch.wrapping_add(1);
        self.failures = self.failures.saturating_add(1);
        self.setback = setback;
        self.window = 1;
        let doubled = options.backoff_first.saturating_mul(1 << (self.failures - 1).min(20));
        let pause = match setback {
            Setback::Permanent => options.backoff_max,
            Setback::Transient | Setback::Overload => doubled.min(options.backoff_max),
        };
        self.not_before = now + pause.mul_f64(0.5 + draw.unit() / 2.0);
    }

    /// Raises a limit that overload lowered, when its time has come.
    pub(crate) fn raise(&mut self, size: usize, wanted: usize, options: &Options, now: Time) {
        let Some(limit) = self.overload else { return };
        if now < self.raise_at {
            return;
        }
        self.raise_at = now + RAISE;
        if wanted > 0 && size >= limit {
            let raised = limit + 1;
            self.overload = (raised < options.max_size.get()).then_some(raised);
        }
    }

    /// What of the gate the future depends on, for the enumeration of states.
    #[cfg(test)]
    pub(crate) fn fingerprint(
        &self,
        options: &Options,
        now: Time,
    ) -> (usize, Option<(Setback, bool)>, usize) {
        let failing = (self.failures > 0).then_some((self.setback, now < self.not_before));
        (self.window_at(now, 0).min(options.max_size.get()), failing, self.limit(options))
    }

    /// Whether a newcomer to a pool without connections gets the last connect error at once: connects
    /// fail for good (or `fail_fast` is on), and the next try is not due yet (P-14).
    pub(crate) fn is_down(&self, options: &Options, now: Time) -> bool {
        // After a success there is no pause.
        now < self.not_before
            && (options.fail_fast || self.setback == Setback::Permanent)
            && self.setback != Setback::Overload
    }
}
