//! Failover with real servers, a program of `tests/servers`. Built as a release: its figures are the guide's. The short form
//! that the tests run has the debug assertions.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Outcome, servers, source};

#[derive(Args)]
pub(crate) struct Wishes {
    /// How often each case is run; the median and the worst count
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Only this kind of server: postgres, mariadb or redis
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// Only this case: primary, standby or lag
    #[arg(long, value_name = "CASE")]
    only: Option<String>,
    /// Write the figures there too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Print what the cluster tells of its nodes
    #[arg(long)]
    events: bool,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    servers::install_servers()?;
    let mut failover = Command::new(cargo());
    failover.args(["run", "--quiet", "--locked", "--release", "--package", servers::SERVERS]);
    failover.args(["--bin", "cenote-failover", "--", "--runs", &wishes.runs.to_string()]);
    failover.current_dir(source::root());
    if let Some(server) = &wishes.server {
        failover.args(["--server", server]);
    }
    if let Some(case) = &wishes.only {
        failover.args(["--only", case]);
    }
    if let Some(json) = &wishes.json {
        // Meant from where we are, not from the root.
        let json = std::path::absolute(json).unwrap_or_else(|_| json.clone());
        failover.arg("--json").arg(json);
    }
    if wishes.events {
        failover.arg("--events");
    }
    run_to_end(&mut failover)
}
