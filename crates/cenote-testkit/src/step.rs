//! What a scripted step does, and the error it may end in. A [`Plan`] is the script of one kind of step:
//! outcomes for the next ones, then one that repeats.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use cenote::Fault;

/// How one step of a [`Script`](crate::Script) goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// It succeeds at once.
    Ok,
    /// It fails at once, with an error of this class.
    Error(Fault),
    /// It succeeds after this long.
    Slow(Duration),
    /// It fails after this long, with an error of this class.
    SlowError(Duration, Fault),
    /// It never ends.
    Never,
    /// It panics.
    Panic,
}

/// The kinds of steps that are scripted one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// [`Manager::connect`](cenote::Manager::connect).
    Connect,
    /// [`Manager::check`](cenote::Manager::check).
    Check,
    /// [`Manager::reset`](cenote::Manager::reset).
    Reset,
    /// [`Manager::close`](cenote::Manager::close).
    Close,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Act::Connect => "connect",
            Act::Check => "check",
            Act::Reset => "reset",
            Act::Close => "close",
        })
    }
}

/// The error of a scripted step. Its class is what the script says; [`Script`](crate::Script) classifies
/// by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The class.
    pub fault: Fault,
    /// The sentence.
    pub text: String,
}

impl ScriptError {
    /// An error of this class, for instance to return from the closure of [`Pool::with`](cenote::Pool::with).
    pub fn new(fault: Fault, text: impl Into<String>) -> ScriptError {
        ScriptError { fault, text: text.into() }
    }

    pub(crate) fn scripted(fault: Fault, act: Act) -> ScriptError {
        ScriptError::new(fault, format!("scripted {fault} error in {act}"))
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ScriptError {}

/// The script of one kind of step.
pub(crate) struct Plan {
    next: VecDeque<Step>,
    then: Step,
}

impl Plan {
    pub(crate) fn new() -> Plan {
        Plan { next: VecDeque::new(), then: Step::Ok }
    }

    pub(crate) fn queue(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.next.extend(steps);
    }

    /// From now on, whatever was queued.
    pub(crate) fn always(&mut self, step: Step) {
        self.next.clear();
        self.then = step;
    }

    pub(crate) fn len(&self) -> usize {
        self.next.len()
    }

    pub(crate) fn take(&mut self) -> Step {
        self.next.pop_front().unwrap_or(self.then)
    }
}
