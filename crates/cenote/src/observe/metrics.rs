//! Events as numbers for the `metrics` facade. Where OpenTelemetry's semantic conventions have a name it is
//! used, durations in seconds; the rest is named `cenote.*`. Everything is labelled by the pool's name.
//!
//! Gauges are set from the pool's status after each event that moves one, which takes the pool's lock once
//! more: a price that only pools with metrics pay.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::event::{Event, EventKind, FailReason};
use super::registry::Observer;
use crate::config::Bound;

const POOL: &str = "db.client.connection.pool.name";
const STATE: &str = "db.client.connection.state";

/// Passes events on to the current recorder.
pub(crate) struct Metrics;

impl Observer for Metrics {
    fn event(&self, event: &Event<'_>) {
        let pool = event.pool();
        let add = |name: &'static str| counter!(name, POOL => pool.to_owned()).increment(1);
        let add_by = |name: &'static str, label: &'static str, value: &'static str| {
            counter!(name, POOL => pool.to_owned(), label => value).increment(1);
        };
        let record = |name: &'static str, value: Duration| {
            histogram!(name, POOL => pool.to_owned()).record(value.as_secs_f64());
        };
        match *event.kind() {
            EventKind::PoolCreated | EventKind::PoolReconfigured => limits(event),
            EventKind::AcquireSucceeded { waited, .. } => {
                record("db.client.connection.wait_time", waited);
                add_by("cenote.acquires", "outcome", "ok");
            }
            EventKind::AcquireFailed { reason, waited, .. } => {
                // Failed waits count too: a histogram of the winners hides the incident.
                record("db.client.connection.wait_time", waited);
                add_by("cenote.acquires", "outcome", reason.name());
                if reason == FailReason::Timeout {
                    add("db.client.connection.timeouts");
                }
            }
            EventKind::AcquireSlow { .. } => add("cenote.acquires.slow"),
            EventKind::GrantTakenBack => add("cenote.stale_grants"),
            EventKind::ConnectionReady { took } => {
                record("db.client.connection.create_time", took);
                add_by("cenote.connects", "outcome", "ok");
            }
            EventKind::ConnectFailed { fault, .. } => {
                add_by("cenote.connects", "outcome", fault.name());
            }
            EventKind::ConnectionClosed { reason } => {
                add_by("cenote.closes", "reason", reason.name());
            }
            EventKind::CloseFailed { .. } => add("cenote.close_failures"),
            EventKind::TestFailed { .. } => add("cenote.test_failures"),
            EventKind::ResetFailed { .. } => add("cenote.reset_failures"),
            EventKind::Released { held: Some(held) } => {
                record("db.client.connection.use_time", held);
            }
            EventKind::Leaked { .. } => add("cenote.leaks"),
            EventKind::HookPanicked { .. } => add("cenote.hook_panics"),
            EventKind::ObserverPanicked => add("cenote.observer_panics"),
            _ => {}
        }
        if moves_a_gauge(event.kind()) {
            gauges(event);
        }
    }
}

fn moves_a_gauge(kind: &EventKind<'_>) -> bool {
    !matches!(
        kind,
        EventKind::AcquireStarted { .. }
            | EventKind::AcquireSlow { .. }
            | EventKind::ConnectionCreated { .. }
            | EventKind::CloseFailed { .. }
            | EventKind::HookFailed { .. }
            | EventKind::HookPanicked { .. }
            | EventKind::ObserverPanicked
    )
}

/// The options that are gauges. One without a limit has no number and is not set.
fn limits(event: &Event<'_>) {
    let (pool, options) = (event.pool(), event.options());
    let set = |name: &'static str, value: usize| {
        gauge!(name, POOL => pool.to_owned()).set(value as f64);
    };
    set("db.client.connection.idle.min", options.min_idle);
    if let Bound::At(max) = options.max_size {
        set("db.client.connection.max", max);
    }
    let max_idle = options.max_idle.get().min(options.max_size.get());
    if max_idle != usize::MAX {
        set("db.client.connection.idle.max", max_idle);
    }
}

fn gauges(event: &Event<'_>) {
    let (pool, status) = (event.pool(), event.status());
    let set = |name: &'static str, value: usize| {
        gauge!(name, POOL => pool.to_owned()).set(value as f64);
    };
    for (state, n) in [("idle", status.available), ("used", status.using)] {
        gauge!("db.client.connection.count", POOL => pool.to_owned(), STATE => state).set(n as f64);
    }
    set("db.client.connection.pending_requests", status.waiting);
    set("cenote.connections.connecting", status.connecting);
    set("cenote.connections.closing", status.closing);
    set("cenote.connections.idle_in_transaction", status.idle_in_transaction);
}
