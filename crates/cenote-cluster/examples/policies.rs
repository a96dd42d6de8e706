//! Measures what the policies do, in the simulator: balancers on unequal servers, and every policy switched off alone
//! in six kinds of trouble. The tables of the guide's page on clusters are its output; with a path as argument it
//! also writes the picture.
//!
//! ```text
//! cargo run --release -p cenote-cluster --example policies -- book/src/pictures/unequal.svg
//! ```

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/model/mod.rs"]
mod model;

use std::fmt::Write;
use std::sync::Arc;

use cenote_cluster::balance::{
    Balance, DynamicWeight, LeastLoaded, PeakEwma, RoundRobin, SmoothWeighted, StaticWeight,
    Uniform,
};
use model::{Load, SWITCHES, TROUBLES, outcome, suffer};

type Make = fn() -> Arc<dyn Balance>;

const POLICIES: &[(&str, bool, Make)] = &[
    ("random", false, || Arc::new(Uniform)),
    ("round robin", false, || Arc::new(RoundRobin::new())),
    ("dynamic weight", false, || Arc::new(DynamicWeight::default())),
    ("static weight", true, || Arc::new(StaticWeight)),
    ("smooth weighted", true, || Arc::new(SmoothWeighted::new())),
    ("peak EWMA, no weights", false, || Arc::new(PeakEwma)),
    ("least loaded, no weights", false, || Arc::new(LeastLoaded)),
    ("least loaded", true, || Arc::new(LeastLoaded)),
];

fn main() {
    println!("| policy | late at load 0.7 | late at load 0.9 |\n|---|---|---|");
    let mut bars = Vec::new();
    for (name, weighted, balance) in POLICIES {
        let at = |at| Load { at, requests: 60_000, weighted: *weighted, ..Load::default() };
        let [some, much] = [0.7, 0.9].map(|load| outcome(balance(), &at(load)).late * 100.0);
        println!("| {name} | {some:.1} % | {much:.1} % |");
        bars.push((*name, some, much));
    }
    if let Some(path) = std::env::args().nth(1) {
        if let Err(error) = std::fs::write(&path, picture(&bars)) {
            eprintln!("cannot write {path}: {error}");
            std::process::exit(1);
        }
    }

    print!("\n| switched off |");
    for trouble in TROUBLES {
        print!(" {} |", trouble.name);
    }
    println!("\n|---|{}", "---|".repeat(TROUBLES.len()));
    for switch in SWITCHES {
        print!("| {} |", switch.name);
        for trouble in TROUBLES {
            let seen = suffer(switch, trouble);
            print!(" {:.2} % / {} / {} |", seen.failed * 100.0, seen.p99.as_millis(), seen.dials);
        }
        println!();
    }
}

/// Two bars for each policy.
fn picture(bars: &[(&str, f64, f64)]) -> String {
    let (row, left, width) = (34, 190, 640);
    let height = bars.len() * row + 50;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n<text x=\"8\" y=\"20\">Requests that timed out, in percent: servers of 8, 4 and 2 workers</text>\n"
    );
    for (n, (name, some, much)) in bars.iter().enumerate() {
        let y = 36 + n * row;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>",
            left - 8,
            y + 18
        );
        for (part, (percent, colour)) in
            [(some, "#9ec5e8"), (much, "#1f6fb2")].into_iter().enumerate()
        {
            let (y, long) = (y + part * 14, percent * 5.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{y}\" width=\"{long:.1}\" height=\"12\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\" font-size=\"11\">{percent:.1}</text>",
                left as f64 + long + 4.0,
                y + 10
            );
        }
    }
    let y = height - 8;
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{}\" width=\"12\" height=\"10\" fill=\"#9ec5e8\"/><text x=\"{}\" y=\"{y}\">load 0.7</text><rect x=\"{}\" y=\"{}\" width=\"12\" height=\"10\" fill=\"#1f6fb2\"/><text x=\"{}\" y=\"{y}\">load 0.9</text>\n</svg>",
        y - 9,
        left + 16,
        left + 90,
        y - 9,
        left + 106
    );
    svg
}
