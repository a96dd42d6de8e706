//! The figures as people read them: aligned, in human units, within 80 columns, and as little as possible.

use std::fmt::Write;

use console::style;

use crate::figures::Figures;
use crate::histogram::Spread;
use crate::units::{count, duration, per_second};

/// The pool in a service, as it is compiled with the program's examples.
const TEN_LINES: &str = include_str!("../examples/ten_lines.rs");
const BAR: usize = 40;

/// All figures below a headline. `note` says what the queries are.
pub(crate) fn figures(headline: &str, figures: &Figures, note: &str) -> String {
    let done = &figures.done;
    let mut text = format!("\n  {}\n\n", style(headline).bold());

    let speed = format!("{:<20}", per_second_in_words(done.queries, done.elapsed));
    let amount = format!("{} in {}{note}", count(done.queries), duration(done.elapsed));
    text += &line("Throughput", &style(speed).bold().to_string(), &amount);
    text += &match figures.max_size {
        Some(_) => line("Wait", &spread(&figures.wait), "to get a connection"),
        None => line("Connect", &spread(&figures.wait), "for each query"),
    };
    if let Some(hold) = &figures.hold {
        text += &line("Hold", &spread(hold), "until given back");
    }
    text += &line("Connections", &connections(figures), "");
    text + &match &done.first_error {
        None => line("Errors", "0", ""),
        Some(first) => {
            let errors = count(done.errors);
            line("Errors", &style(errors).red().to_string(), &format!(", the first: {first}"))
        }
    }
}

fn line(name: &str, value: &str, note: &str) -> String {
    format!("  {}{value}{}\n", style(format!("{name:<13}")).dim(), style(note).dim())
}

fn spread(Spread { p50, p99, max }: &Spread) -> String {
    let [p50, p99, max] = [p50, p99, max].map(|d| duration(*d));
    format!("p50 {p50:<9} p99 {p99:<9} max {max:<9} ")
}

fn connections(figures: &Figures) -> String {
    let mut text = format!("{} opened, {} closed", count(figures.opened), count(figures.closed));
    let reasons = figures.closed_by.iter();
    let reasons = reasons.map(|(reason, n)| format!("{} {}", count(*n), reason.name()));
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        let _ = write!(text, " ({})", reasons.join(", "));
    }
    text
}

fn per_second_in_words(n: u64, elapsed: std::time::Duration) -> String {
    format!("{} queries/s", count(per_second(n, elapsed)))
}

/// What the pool gains, as two bars.
pub(crate) fn comparison(figures: &Figures) -> String {
    let (done, Some(without)) = (&figures.done, &figures.without_pool) else {
        return String::new();
    };
    let mut text =
        format!("\n  {}\n\n", style("The same with a new connection for every query").bold());
    let speeds = [done, without].map(|run| run.queries as f64 / run.elapsed.as_secs_f64());
    let most = speeds[0].max(speeds[1]).max(1.0);
    let bar = |speed: f64| "█".repeat(((speed / most * BAR as f64).round() as usize).max(1));
    let with = style(format!("{:<BAR$}", bar(speeds[0]))).cyan();
    let anew = style(format!("{:<BAR$}", bar(speeds[1]))).dim();
    for (name, bar, run) in [("Pool", with, done), ("New", anew, without)] {
        let speed = per_second_in_words(run.queries, run.elapsed);
        text += &line(name, &format!("{bar} {speed:>19}"), "");
    }
    if speeds[0] > speeds[1] && without.queries > 0 {
        let _ =
            writeln!(text, "  {:<13}The pool is {:.1} times as fast.", "", speeds[0] / speeds[1]);
    }
    text
}

/// How to use the pool; without indentation, to be copied.
pub(crate) fn ten_lines() -> String {
    let code = TEN_LINES.split_once("\n\n").map_or(TEN_LINES, |(_, code)| code);
    format!("\n  {}\n\n{code}", style("The pool in ten lines").bold())
}
