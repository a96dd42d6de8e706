//! An event as one line: who, what, the numbers, the cause. The same line goes to every log.

use std::fmt;
use std::time::Duration;

use super::event::{Event, EventKind, Subject};

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool \"{}\"", self.pool)?;
        match self.subject {
            Subject::Pool => {}
            Subject::Acquire(ticket) => write!(f, ", acquire {ticket}")?,
            Subject::Connection(id) => write!(f, ", connection {id}")?,
        }
        write!(f, ": {}", self.kind)
    }
}

impl fmt::Display for EventKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            EventKind::PoolCreated => f.write_str("created"),
            EventKind::PoolReady => f.write_str("ready"),
            EventKind::PoolCleared { host_failed: false } => f.write_str("cleared"),
            EventKind::PoolCleared { host_failed: true } => {
                f.write_str("cleared, because a borrower's error says that the host failed")
            }
            EventKind::PoolPaused => f.write_str("paused"),
            EventKind::PoolResumed => f.write_str("resumed"),
            EventKind::PoolReconfigured => f.write_str("options changed"),
            EventKind::PoolDraining => f.write_str("draining"),
            EventKind::PoolDrained { holders: 0 } => f.write_str("drained"),
            EventKind::PoolDrained { holders } => write!(f, "drained, {holders} still held"),
            EventKind::PoolClosing => f.write_str("closing"),
            EventKind::PoolClosed { holders: 0 } => f.write_str("closed"),
            EventKind::PoolClosed { holders } => write!(f, "closed, {holders} still held"),
            EventKind::RuntimeGone => f.write_str("the runtime it was built on was shut down"),
            EventKind::AcquireStarted { location } => write!(f, "started at {location}"),
            EventKind::AcquireQueued => f.write_str("queued"),
            EventKind::AcquireSucceeded { connection, taken: 1, waited } => {
                write!(f, "got connection {connection} after {waited:.1?}")
            }
            EventKind::AcquireSucceeded { taken, waited, .. } => {
                write!(f, "got {taken} connections after {waited:.1?}")
            }
            EventKind::AcquireFailed { reason, error, waited } => {
                match waited {
                    Duration::ZERO => write!(f, "failed at once ({reason})")?,
                    waited => write!(f, "failed after {waited:.1?} ({reason})")?,
                }
                error.map_or(Ok(()), |error| write!(f, ": {error}"))
            }
            EventKind::AcquireSlow { waited, status, last } => {
                write!(f, "slow, it took {waited:.1?} ({status})")?;
                last.map_or(Ok(()), |last| write!(f, "; the last connect failed: {last}"))
            }
            EventKind::GrantTakenBack => {
                f.write_str("did not come for its connection within a second, the next one gets it")
            }
            EventKind::ConnectStarted => f.write_str("connecting"),
            EventKind::ConnectionCreated { took } => write!(f, "created in {took:.1?}"),
            EventKind::ConnectionReady { took } => write!(f, "ready after {took:.1?}"),
            EventKind::ConnectFailed { error, fault, took } => {
                write!(f, "connect failed after {took:.1?} ({fault}): {error}")
            }
            EventKind::ConnectionClosing { reason } => write!(f, "closing ({reason})"),
            EventKind::ConnectionClosed { reason } => write!(f, "closed ({reason})"),
            EventKind::CloseFailed { error } => write!(f, "close failed: {error}"),
            EventKind::ConnectionDetached => f.write_str("taken out of the pool"),
            EventKind::TestFailed { error } => write!(f, "test failed: {error}"),
            EventKind::ResetFailed { error } => write!(f, "reset failed: {error}"),
            EventKind::Released { held: None } => f.write_str("released"),
            EventKind::Released { held: Some(held) } => write!(f, "released after {held:.1?}"),
            EventKind::Leaked { location, held, in_transaction } => {
                write!(f, "lent for {held:.1?} and not given back, acquired at {location}")?;
                f.write_str(if in_transaction { ", idle in a transaction" } else { "" })
            }
            EventKind::LeakReturned { location, held } => {
                write!(f, "given back after {held:.1?}, acquired at {location}")
            }
            EventKind::HookFailed { hook, error } => write!(f, "the hook {hook} failed: {error}"),
            EventKind::HookPanicked { hook } => write!(f, "the hook {hook} panicked"),
            EventKind::ObserverPanicked => f.write_str("an observer panicked"),
        }
    }
}
