//! The pool's life: its state, the deadline of its end, and the generation that `clear` raises.

use crate::stats::State;
use crate::time::Time;

#[derive(Clone, Debug)]
pub(crate) struct Life {
    state: State,
    /// While paused, newcomers fail instead of queueing.
    pub(crate) refuse_when_paused: bool,
    /// Connections of an older generation are never lent again.
    pub(crate) generation: u64,
    /// When a drain or a close stops waiting for borrowers.
    pub(crate) deadline: Time,
    /// The drain or close that the state stands for has reached its end.
    pub(crate) settled: bool,
    /// The runtime that carried the tasks is gone: nothing can be made, tested or reset any more.
    pub(crate) runtime_gone: bool,
    /// The core before this one panicked: see [`Core::stand_in`](super::Core::stand_in).
    pub(crate) broken: bool,
}

impl Life {
    pub(crate) fn new() -> Life {
        Life {
            state: State::Running,
            refuse_when_paused: false,
            generation: 0,
            deadline: Time::NEVER,
            settled: false,
            runtime_gone: false,
            broken: false,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether waiters are served.
    pub(crate) fn serves(&self) -> bool {
        matches!(self.state, State::Running | State::Draining) && !self.runtime_gone
    }

    /// Whether the minimums are kept.
    pub(crate) fn keeps_minimums(&self) -> bool {
        matches!(self.state, State::Running | State::Paused) && !self.runtime_gone
    }

    /// Whether connections that come back are closed, whatever their condition.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed || self.runtime_gone
    }

    /// Moves on to a later state, never back; a repeated call may only bring the deadline forward.
    pub(crate) fn end(&mut self, state: State, deadline: Time) {
        if self.state < state {
            self.state = state;
            self.deadline = deadline;
            self.settled = false;
        } else if self.state == state {
            self.deadline = self.deadline.min(deadline);
        }
    }

    pub(crate) fn pause(&mut self, refuse: bool) {
        if self.state <= State::Paused {
            self.state = State::Paused;
            self.refuse_when_paused = refuse;
        }
    }

    pub(crate) fn resume(&mut self) {
        if self.state == State::Paused {
            self.state = State::Running;
        }
    }
}
