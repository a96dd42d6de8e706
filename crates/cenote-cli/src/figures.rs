//! The figures of a run, and as JSON.

use std::time::Duration;

use cenote::{CloseReason, Stats};
use serde_json::{Map, Value, json};

use crate::histogram::Spread;
use crate::load::Done;
use crate::units::per_second;

pub(crate) struct Figures {
    pub(crate) target: String,
    pub(crate) tasks: u32,
    pub(crate) done: Done,
    /// How long it took to get a connection.
    pub(crate) wait: Spread,
    /// How long it was held; told by a pool.
    pub(crate) hold: Option<Spread>,
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) closed_by: Vec<(CloseReason, u64)>,
    /// The pool's size; without a pool there is none.
    pub(crate) max_size: Option<u32>,
    /// The same work with a new connection for each query.
    pub(crate) without_pool: Option<Done>,
}

impl Figures {
    /// The figures of a load over a pool that has been closed.
    pub(crate) fn of_pool(
        target: String,
        tasks: u32,
        max_size: u32,
        stats: &Stats,
        done: Done,
    ) -> Figures {
        Figures {
            target,
            tasks,
            done,
            wait: Spread::from(&stats.wait),
            hold: Some(Spread::from(&stats.hold)),
            opened: stats.counts.connected,
            closed: stats.counts.closes.total(),
            closed_by: stats.counts.closes.iter().collect(),
            max_size: Some(max_size),
            without_pool: None,
        }
    }

    /// One line.
    pub(crate) fn json(&self) -> String {
        let Figures { target, tasks, done, wait, hold, opened, closed, max_size, .. } = self;
        let by_reason = self.closed_by.iter().map(|(reason, n)| (reason.name().into(), json!(n)));
        let mut all = json!({
            "target": target,
            "tasks": tasks,
            "max_size": max_size,
            "seconds": round(done.elapsed.as_secs_f64()),
            "queries": done.queries,
            "queries_per_second": per_second(done.queries, done.elapsed),
            "errors": done.errors,
            "first_error": done.first_error,
            "acquire_wait_us": micros(wait),
            "hold_us": hold.as_ref().map(micros),
            "connections_opened": opened,
            "connections_closed": closed,
            "connections_closed_by_reason": by_reason.collect::<Map<String, Value>>(),
        });
        if let Some(without) = &self.without_pool {
            all["without_pool"] = json!({
                "seconds": round(without.elapsed.as_secs_f64()),
                "queries": without.queries,
                "queries_per_second": per_second(without.queries, without.elapsed),
                "errors": without.errors,
            });
        }
        format!("{all}\n")
    }
}

fn micros(spread: &Spread) -> Value {
    let micros = |d: Duration| round(d.as_secs_f64() * 1e6);
    json!({ "p50": micros(spread.p50), "p99": micros(spread.p99), "max": micros(spread.max) })
}

/// Three decimals are enough.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
