//! Failover, for real: a cluster over a PostgreSQL primary and two standbys, 200 requests a second that come whether or
//! not the last one was served, and servers that are killed, promoted, started again and held back meanwhile. Each case
//! gives figures with the bounds that the guide promises. `cargo xtask failover` runs it; a short form is a test.

#![forbid(unsafe_code)]

mod direct;
mod figure;
mod lag;
mod load;
mod primary;
mod standby;
mod world;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::figure::{Figures, Measured};

/// What keeps a case from being measured at all.
type Trouble = Box<dyn Error + Send + Sync>;

/// Kill servers under load, and hold what the cluster does to its bounds.
#[derive(Parser)]
struct Wishes {
    /// How often each case is run; the median and the worst count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Only this case
    #[arg(long)]
    only: Option<Case>,
    /// Write the figures there too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Print what the cluster tells of its nodes
    #[arg(long)]
    events: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// The primary is killed, a standby promoted, and the old primary comes back writable
    Primary,
    /// A standby is killed and comes back
    Standby,
    /// A standby falls behind and catches up
    Lag,
}

impl Case {
    const ALL: [Case; 3] = [Case::Primary, Case::Standby, Case::Lag];

    fn name(self) -> &'static str {
        match self {
            Case::Primary => "primary",
            Case::Standby => "standby",
            Case::Lag => "lag",
        }
    }

    async fn run(self, events: bool) -> Result<Vec<Measured>, Trouble> {
        match self {
            Case::Primary => primary::run(events).await,
            Case::Standby => standby::run(events).await,
            Case::Lag => lag::run(events).await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Wishes::parse()).await {
        Ok(true) => {
            println!("verdict: every bound holds");
            ExitCode::SUCCESS
        }
        Ok(false) => {
            println!("verdict: a bound is broken");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("failover: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every bound holds.
async fn measure(wishes: &Wishes) -> Result<bool, Trouble> {
    let mut figures = Figures::default();
    for case in Case::ALL.into_iter().filter(|case| wishes.only.is_none_or(|only| only == *case)) {
        for run in 1..=wishes.runs {
            let measured = case.run(wishes.events).await;
            let measured =
                measured.map_err(|error| format!("{}, run {run}: {error}", case.name()))?;
            for one in &measured {
                println!("{} {run} of {}: {one}", case.name(), wishes.runs);
            }
            figures.add(case.name(), measured);
        }
    }
    let rows = figures.rows();
    println!("\n{}", figure::table(&rows));
    if let Some(path) = &wishes.json {
        std::fs::write(path, figure::json(&rows))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    Ok(rows.iter().all(figure::Row::holds))
}
