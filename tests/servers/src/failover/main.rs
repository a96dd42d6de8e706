//! Failover, for real: a cluster over a primary and two servers that follow it, 200 requests a second that come whether or
//! not the last one was served, and servers that are killed, promoted, started again and held back meanwhile. Each case
//! gives figures with the bounds that the guide promises. `cargo xtask failover` runs it; a short form is a test.

#![forbid(unsafe_code)]

mod direct;
mod figure;
mod kind;
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
use crate::kind::{Kind, Which};

/// What keeps a case from being measured at all.
type Trouble = Box<dyn Error + Send + Sync>;

/// Kill servers under load, and hold what the cluster does to its bounds.
#[derive(Parser)]
struct Wishes {
    /// How often each case is run; the median and the worst count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Only this kind of server
    #[arg(long)]
    server: Option<Which>,
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
    /// The primary is killed, another one promoted, and the old primary comes back writable
    Primary,
    /// One that follows is killed and comes back
    Standby,
    /// One that follows falls behind and catches up
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

    async fn run<K: Kind>(self, events: bool) -> Result<Vec<Measured>, Trouble> {
        match self {
            Case::Primary => primary::run::<K>(events).await,
            Case::Standby => standby::run::<K>(events).await,
            Case::Lag => lag::run::<K>(events).await,
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
    let servers =
        Which::ALL.into_iter().filter(|one| wishes.server.is_none_or(|only| only == *one));
    let cases = Case::ALL.into_iter().filter(|case| wishes.only.is_none_or(|only| only == *case));
    for (server, case) in servers.flat_map(|server| cases.clone().map(move |case| (server, case))) {
        let name = format!("{} {}", server.name(), case.name());
        for run in 1..=wishes.runs {
            let measured = server.run(case, wishes.events).await;
            let measured = measured.map_err(|error| format!("{name}, run {run}: {error}"))?;
            for one in &measured {
                println!("{name} {run} of {}: {one}", wishes.runs);
            }
            figures.add(server.name(), case.name(), measured);
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
