//! The pictures of the last minutes, five at most, drawn from samples that were taken once a second. What stands here
//! decides what is in a picture: its lines, its axis, and the sentence that says the present values to whoever cannot see it.
//! [`paint`] draws it.
//!
//! The page puts a picture into itself, so each thing in it has a class and the page's style sheet has the colours; by
//! itself it has those of a light page.

mod paint;

use std::sync::Arc;

use paint::{Axis, Line, Plot};

/// How much of the past a picture shows, in seconds, with its name: no more than there is something of.
const SPANS: [(u32, &str); 3] =
    [(60, "the last minute"), (120, "the last two minutes"), (300, "the last five minutes")];

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
    /// The waits of the last seconds, in milliseconds: that of half of all and of 99 in 100. `None`: nobody acquired.
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
        let seen = Seen::new(name, samples, now);
        match self {
            Kind::Connections => connections(&seen),
            Kind::Wait => wait(&seen),
            Kind::Traffic => traffic(&seen),
        }
        .paint()
    }
}

/// What is drawn of.
struct Seen<'a> {
    name: &'a str,
    dots: Vec<Dot<'a>>,
    span: (u32, &'static str),
}

impl<'a> Seen<'a> {
    fn new(name: &'a str, samples: &'a [Sample], now: u64) -> Seen<'a> {
        let x = |sample: &Sample| -(now.saturating_sub(sample.at) as f64) / 1e3;
        let dots = samples.iter().map(|sample| Dot { x: x(sample), sample });
        let longest = SPANS[SPANS.len() - 1];
        let dots: Vec<Dot<'_>> = dots.filter(|dot| dot.x >= -f64::from(longest.0)).collect();
        let first = dots.first().map_or(0.0, |dot| dot.x);
        let fits = |(span, _): &&(u32, &str)| -f64::from(*span) <= first;
        let span = *SPANS.iter().find(fits).unwrap_or(&longest);
        Seen { name, dots, span }
    }

    /// The picture, with what it shows for whoever cannot see it: the values of now.
    fn plot(&self, what: &str, axis: Axis, lines: Vec<Line>, nothing: &'static str) -> Plot {
        let values: Vec<String> = lines.iter().map(Line::value).collect();
        let now = if values.is_empty() { "nothing known".to_owned() } else { values.join(", ") };
        let (span, within) = self.span;
        let title = format!("{what}, {}, {within}. Now: {now}", self.name);
        Plot { title, axis, lines, span, nothing }
    }
}

/// A sample and how many seconds from now it is, which is none or less.
struct Dot<'a> {
    x: f64,
    sample: &'a Sample,
}

fn connections(seen: &Seen<'_>) -> Plot {
    let dots = &seen.dots;
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
    seen.plot("Connections", Axis::whole(most), lines, "No figures yet")
}

/// Waits reach from a microsecond to half a minute: only powers of ten show both ends. What is below a tenth of a
/// millisecond is drawn as that, or a line would fall and rise by half the picture where nobody waits to speak of.
fn wait(seen: &Seen<'_>) -> Plot {
    let line = |class, label: &str, of: &dyn Fn((f64, f64)) -> f64| {
        let log = |sample: &Sample| sample.wait.map(|wait| of(wait).max(NONE_MS).log10());
        Line::new(class, label, &seen.dots, log).told(wait_of).not_below(LEAST)
    };
    let lines = vec![line("p50", "50 %", &|wait| wait.0), line("p99", "99 %", &|wait| wait.1)];
    let most = Line::largest(&lines).unwrap_or(LEAST);
    let axis = Axis::powers(LEAST, most.max(LEAST + 2.0));
    seen.plot("Wait for a connection", axis, lines, "Nobody acquired in this time")
}

/// No time at all, as a logarithm can have it: a microsecond, which no clock tells from it.
const NONE_MS: f64 = 1e-3;
/// Where the axis begins: the power of ten of a millisecond.
const LEAST: f64 = -1.0;

fn wait_of(log: f64) -> String {
    if log <= NONE_MS.log10() { "none".to_owned() } else { time(10_f64.powf(log)) }
}

/// More nodes than this have no colour of their own, and share that of one before.
const COLOURS: usize = 8;

fn traffic(seen: &Seen<'_>) -> Plot {
    let dots = &seen.dots;
    // Those of now, in their order: the page's table has the same colours in it. Those that are gone come after them.
    let mut nodes: Vec<&Arc<str>> = Vec::new();
    for (node, _) in dots.iter().rev().flat_map(|dot| &dot.sample.traffic) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    let labels = labels(&nodes);
    let lines: Vec<Line> = nodes
        .iter()
        .zip(&labels)
        .enumerate()
        .map(|(n, (node, label))| {
            let part = |sample: &Sample| {
                let mut parts = sample.traffic.iter();
                parts.find(|(key, _)| key == *node).map(|(_, part)| 100.0 * part)
            };
            let line = Line::new(NODES[n % COLOURS], label, dots, part);
            line.told(|part| format!("{part:.0}\u{202f}%"))
        })
        .collect();
    let most = Line::largest(&lines).unwrap_or(100.0);
    seen.plot("Share of traffic", Axis::percent(most), lines, "No figures yet")
}

/// Keys of nodes as labels: if any is long, without the end that all have in common, as hosts of one domain do.
fn labels<'a>(nodes: &[&'a Arc<str>]) -> Vec<&'a str> {
    let all: Vec<&str> = nodes.iter().map(|node| &***node).collect();
    let [first, others @ ..] = all.as_slice() else { return all };
    if others.is_empty() || all.iter().all(|key| key.chars().count() <= paint::LONGEST) {
        return all;
    }
    let ends = first.char_indices().filter(|(at, c)| *at > 0 && matches!(c, '.' | ':'));
    let end = ends.map(|(at, _)| &first[at..]).find(|end| {
        all.iter().all(|key| key.strip_suffix(end).is_some_and(|rest| !rest.is_empty()))
    });
    all.iter().map(|key| end.and_then(|end| key.strip_suffix(end)).unwrap_or(key)).collect()
}

const NODES: [&str; COLOURS] =
    ["node-0", "node-1", "node-2", "node-3", "node-4", "node-5", "node-6", "node-7"];

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
