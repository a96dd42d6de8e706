//! What a wait is told as, and what it counts as. A hit does none of this; so it stands in functions that take
//! plain values, and the future's fields stay in registers.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Timeout;
use crate::error::Error;
use crate::hooks::AcquireRequest;
use crate::manager::Manager;
use crate::observe::{EventKind, FailReason, Level, Subject, count};
use crate::shell::Shell;
use crate::time::Time;

/// How long the caller is willing to wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// The pool's `acquire_timeout`, from the first poll on.
    Default,
    For(Timeout),
    Until(Time),
}

/// When the wait began and when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) since: Time,
    pub(super) deadline: Time,
    /// From when on it is to be reported.
    pub(super) slow: Time,
    /// For how many waits this one is measured; 0 if it is not.
    pub(super) stands_for: u64,
}

impl Span {
    /// Whether nobody wants to know how long it took, if the pool's clock, which may be late, says this.
    #[inline]
    pub(super) fn is_of_no_interest(&self, clock: Time) -> bool {
        self.stands_for == 0 && clock + LATE < self.slow
    }
}

/// The pool's clock is not later than this while somebody waits, or the runtime is.
const LATE: Duration = Duration::from_millis(200);

/// What the hook says to an acquire, if it refuses it.
#[cold]
pub(super) fn refused<M: Manager>(
    shell: &Shell<M>,
    patience: Patience,
    request: impl FnOnce(Timeout) -> AcquireRequest,
) -> Option<Error<M::Error>> {
    let timeout = || match patience {
        Patience::Default => shell.lock().core.options().acquire_timeout,
        Patience::For(timeout) => timeout,
        Patience::Until(deadline) => Timeout::After(deadline.since(shell.env.now())),
    };
    shell.admit(|| request(timeout())).err()
}

pub(super) fn subject(ticket: Option<u64>) -> Subject {
    Subject::Acquire(ticket.expect("it was drawn at the first look"))
}

#[cold]
pub(super) fn tell_got<M: Manager>(
    shell: &Shell<M>,
    ticket: Option<u64>,
    span: Option<Span>,
    connection: u64,
    taken: usize,
) {
    let waited = record_wait(shell, ticket, span, None, |span| span.stands_for);
    shell.tell_got(subject(ticket), connection, taken, waited);
}

#[cold]
pub(super) fn fail<M: Manager>(
    shell: &Shell<M>,
    ticket: Option<u64>,
    span: Option<Span>,
    error: Error<M::Error>,
) -> Error<M::Error> {
    // Who timed out has looked at the clock just now.
    let known = match error {
        Error::Timeout { waited, .. } => Some(waited),
        _ => None,
    };
    let waited = record_wait(shell, ticket, span, known, |_| 1);
    shell.tell_failed(subject(ticket), &error, waited);
    error
}

/// Leaves the queue before the end. What was granted goes to the next.
#[cold]
pub(super) fn cancel<M: Manager>(
    shell: &Arc<Shell<M>>,
    w: u32,
    ticket: Option<u64>,
    span: Option<Span>,
) {
    let mut waker = None;
    let mut error = None;
    shell.run(|state| {
        waker = state.desk(w).waker.take();
        error = state.desk(w).error.take();
        state.core.cancel(w, false);
    });
    let waited = record_wait(shell, ticket, span, None, |_| 1);
    let cancelled = EventKind::AcquireFailed { reason: FailReason::Cancelled, error: None, waited };
    shell.tell(subject(ticket), cancelled);
}

/// Failed waits count too: a histogram of the winners hides the incident (P-27). One that was slow is told
/// as slow, with its causes (P-3).
fn record_wait<M: Manager>(
    shell: &Shell<M>,
    ticket: Option<u64>,
    span: Option<Span>,
    known: Option<Duration>,
    times: impl FnOnce(&Span) -> u64,
) -> Duration {
    let Some(span) = span else { return Duration::ZERO };
    let waited = known.unwrap_or_else(|| shell.env.now().since(span.since));
    match times(&span) {
        0 => {}
        times => shell.wait.record_times(waited, times),
    }
    if span.since + waited > span.slow {
        count(&shell.watch.marks.slow);
        if shell.watch.is_told(Level::Warn) {
            let state = shell.lock();
            let (status, last) = (state.status(), state.last_error.clone());
            drop(state);
            let last = last.as_ref().map(|error| &**error as _);
            let slow = EventKind::AcquireSlow { waited, status: &status, last };
            shell.tell(subject(ticket), slow);
        }
    }
    waited
}
