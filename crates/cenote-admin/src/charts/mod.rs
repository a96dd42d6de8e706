//! The pictures of the last five minutes, drawn from samples that were taken once a second. What stands here decides what
//! is in a picture: its lines, its axis, and the sentence that says the present values to whoever cannot see it.
//! [`paint`] draws it.
//!
//! The page puts a picture into itself, so each thing in it has a class and the page's style sheet has the colours; by
//! itself it has those of a light page.

mod paint;

use std::sync::Arc;

use paint::{Axis, Line, Plot};

/// How much of the past a picture shows, in seconds.
pub(crate) const SPAN: u64 = 300;

/// What was so at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// When, in milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) size: usize,
    pub(crate) available: usize,
    pub(crate) using: usize,
    pub(crate) waiting: usize,
    /// The limit, if there is one.
    pub(crate) max: Option<usize>,
    /// The waits of the second before, in milliseconds: that of half of all and of 99 in 100. `None`: nobody acquired.
    pub(crate) wait: Option<(f64, f64)>,
    /// The nodes of a cluster in their order, with their parts of its traffic.
    pub(crate) traffic: Vec<(Arc<str>, f64)>,
}

/// What there are pictures of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Connections,
    Wait,
    Traffic,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Connections, Kind::Wait, Kind::Traffic];

    /// As addresses have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Connections => "connections",
            Kind::Wait => "wait",
            Kind::Traffic => "traffic",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The picture of a pool or a cluster by this name, as SVG. The samples come in the order of their times; the last is
    /// the present. No samples are a picture without lines.
    ///
    /// # Errors
    /// What the drawing library says. Nothing is known that makes it fail.
    pub(crate) fn draw(
        self,
        name: &str,
        samples: &[Sample],
    ) -> Result<String, Box<dyn std::error::Error>> {
        let now = samples.last().map_or(0, |sample| sample.at);
        let samples: Vec<Dot<'_>> = samples
            .iter()
            .map(|sample| Dot { x: -(now.saturating_sub(sample.at) as f64) / 1e3, sample })
            .filter(|dot| dot.x >= -(SPAN as f64))
            .collect();
        match self {
            Kind::Connections => connections(name, &samples),
            Kind::Wait => wait(name, &samples),
            Kind::Traffic => traffic(name, &samples),
        }
        .paint()
    }
}

/// A sample and how many seconds from now it is, which is none or less.
struct Dot<'a> {
    x: f64,
    sample: &'a Sample,
}

fn connections(name: &str, dots: &[Dot<'_>]) -> Plot {
    let line = |class: &'static str, label: &str, number: &dyn Fn(&Sample) -> Option<usize>| {
        let line = Line::new(class, label, dots, |sample| number(sample).map(|n| n as f64));
        line.told(|value| format!("{value:.0}"))
    };
    let mut lines = vec![
        line("size", "size", &|s| Some(s.size)),
        line("available", "idle", &|s| Some(s.available)),
        line("using", "in use", &|s| Some(s.using)).filled(),
        line("waiting", "waiting", &|s| Some(s.waiting)),
    ];
    if dots.iter().any(|dot| dot.sample.max.is_some()) {
        lines.insert(0, line("limit", "limit", &|s| s.max));
    }
    let most = Line::largest(&lines).unwrap_or(0.0);
    Plot { title: title("Connections", name, &lines), axis: Axis::whole(most), lines }
}

/// Waits reach from a microsecond to half a minute: only powers of ten show both ends.
fn wait(name: &str, dots: &[Dot<'_>]) -> Plot {
    let line = |class, label: &str, of: &dyn Fn((f64, f64)) -> f64| {
        let log = |sample: &Sample| sample.wait.map(|wait| of(wait).max(LEAST_MS).log10());
        Line::new(class, label, dots, log).told(wait_of)
    };
    let lines = vec![line("p50", "50 %", &|wait| wait.0), line("p99", "99 %", &|wait| wait.1)];
    let (least, most) = (Line::smallest(&lines), Line::largest(&lines));
    Plot {
        title: title("Wait for a connection", name, &lines),
        // Up to a millisecond at least: nobody is to take microseconds for trouble.
        axis: Axis::powers(least.unwrap_or(-1.0), most.unwrap_or(0.0).max(0.0)),
        lines,
    }
}

/// What a wait of no time is drawn as: a microsecond.
const LEAST_MS: f64 = 1e-3;

fn wait_of(log: f64) -> String {
    if log <= LEAST_MS.log10() { "none".to_owned() } else { time(10_f64.powf(log)) }
}

/// More nodes than this have no colour of their own, and share that of one before.
const COLOURS: usize = 8;

fn traffic(name: &str, dots: &[Dot<'_>]) -> Plot {
    // Those of now, in their order: the page's table has the same colours in it. Those that are gone come after them.
    let mut nodes: Vec<&Arc<str>> = Vec::new();
    for (node, _) in dots.iter().rev().flat_map(|dot| &dot.sample.traffic) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    let lines: Vec<Line> = nodes
        .iter()
        .enumerate()
        .map(|(n, node)| {
            let part = |sample: &Sample| {
                let mut parts = sample.traffic.iter();
                parts.find(|(key, _)| key == *node).map(|(_, part)| 100.0 * part)
            };
            let line = Line::new(NODES[n % COLOURS], node, dots, part);
            line.told(|part| format!("{part:.0}\u{202f}%"))
        })
        .collect();
    Plot { title: title("Share of traffic", name, &lines), axis: Axis::percent(), lines }
}

const NODES: [&str; COLOURS] =
    ["node-0", "node-1", "node-2", "node-3", "node-4", "node-5", "node-6", "node-7"];

/// What the picture shows, for whoever cannot see it: the values of now.
fn title(what: &str, name: &str, lines: &[Line]) -> String {
    let values: Vec<String> = lines.iter().map(Line::value).collect();
    let now = if values.is_empty() { "nothing known".to_owned() } else { values.join(", ") };
    format!("{what}, {name}, the last five minutes. Now: {now}")
}

/// A time in milliseconds, with the unit that fits.
fn time(ms: f64) -> String {
    let (value, unit) = match ms {
        ms if ms < 0.9995 => (ms * 1e3, "µs"),
        ms if ms < 999.5 => (ms, "ms"),
        ms => (ms / 1e3, "s"),
    };
    let places = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    let digits = format!("{value:.places$}");
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        &digits
    };
    format!("{digits}\u{202f}{unit}")
}

#[cfg(test)]
mod tests;
