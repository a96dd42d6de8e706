//! What a script has seen: counts that always add up, and a log of the last steps with their times.

use std::collections::VecDeque;

use cenote::{Fault, Time};

/// What a [`Script`](crate::Script) has seen so far.
///
/// Always `connects = connecting + connected + connect_failures + connects_abandoned` and
/// `connected = live + closed + dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connects begun.
    pub connects: u64,
    /// Connects under way now.
    pub connecting: u64,
    /// The most connects that were ever under way at once.
    pub peak_connecting: u64,
    /// Connects that made a connection.
    pub connected: u64,
    /// Connects that ended in an error or a panic.
    pub connect_failures: u64,
    /// Connects that were dropped before their end.
    pub connects_abandoned: u64,
    /// Connections that exist now.
    pub live: u64,
    /// The most connections that ever existed at once.
    pub peak_live: u64,
    /// Connections that are gone, for which [`close`](cenote::Manager::close) was called.
    pub closed: u64,
    /// Connections that were dropped without a call of [`close`](cenote::Manager::close).
    pub dropped: u64,
    /// Closes that ended in an error.
    pub close_failures: u64,
    /// Checks begun.
    pub checks: u64,
    /// Checks that ended in an error.
    pub check_failures: u64,
    /// Resets begun.
    pub resets: u64,
    /// Resets that ended in an error.
    pub reset_failures: u64,
    /// Calls of [`released`](cenote::Manager::released).
    pub releases: u64,
    /// Handles of shared connections that exist now.
    pub handles: u64,
}

/// Something that happened to a [`Script`](crate::Script).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connect began.
    ConnectBegan,
    /// A connect made this connection.
    Connected {
        /// The connection.
        serial: u64,
    },
    /// A connect ended in an error.
    ConnectFailed {
        /// The error's class.
        fault: Fault,
    },
    /// A check of this connection began.
    CheckBegan {
        /// The connection.
        serial: u64,
    },
    /// A reset of this connection began.
    ResetBegan {
        /// The connection.
        serial: u64,
    },
    /// A close of this connection began.
    CloseBegan {
        /// The connection.
        serial: u64,
    },
    /// This connection is gone.
    Gone {
        /// The connection.
        serial: u64,
    },
}

/// An entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When: in the time of the script's environment, else since the script was made.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// The last entries; a script that runs for hours must not eat the memory.
#[derive(Default)]
pub(crate) struct Log(VecDeque<Logged>);

impl Log {
    const MOST: usize = 1 << 16;

    pub(crate) fn push(&mut self, at: Time, event: Event) {
        if self.0.len() == Log::MOST {
            self.0.pop_front();
        }
        self.0.push_back(Logged { at, event });
    }

    pub(crate) fn all(&self) -> Vec<Logged> {
        self.0.iter().copied().collect()
    }
}
