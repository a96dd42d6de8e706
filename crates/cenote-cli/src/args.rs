//! The command line: what can be asked for, the bounds of each number, and how a mistake is told.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::failure::say;
use crate::world::Plant;

const SECONDS: RangeInclusive<u32> = 1..=86_400;
/// Each connection is a thread and some open files.
const SIZE: RangeInclusive<u32> = 1..=1_000;
const TASKS: RangeInclusive<u32> = 1..=100_000;
const LIMIT: RangeInclusive<u32> = 1..=1_000_000;
const PROCESSES: RangeInclusive<u32> = 1..=100_000;
const RESERVE: RangeInclusive<u32> = 0..=1_000_000;

/// A connection pool that grows with your service: see it at work, measure it on your own data.
#[derive(Parser)]
#[command(name = "cenote", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the pool at work: 64 tasks, 8 connections, SQLite with 100,000 rows; or, with --cluster, a cluster that lives
    /// through faults
    Demo(DemoArgs),
    /// Measure the pool on your own database and query
    Bench(BenchArgs),
    /// Show which nodes a source lists, and what a cluster would make of it
    Nodes(NodesArgs),
    /// Find out how many connections a pool should have: by a limit, and by trying sizes on your own database
    Size(SizeArgs),
    /// Watch the pools and clusters of a service that serves cenote-admin
    Top(TopArgs),
}

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// How long to run [default: 10; with --cluster until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = within(SECONDS), allow_hyphen_values = true)]
    pub(crate) seconds: Option<u32>,
    /// Print one JSON object instead of text
    #[arg(long, conflicts_with = "cluster")]
    pub(crate) json: bool,
    /// Show a cluster instead: a primary and two replicas in this process, a dashboard, and buttons for faults
    #[arg(long)]
    pub(crate) cluster: bool,
    /// Where the dashboard is served [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "127.0.0.1:PORT", requires = "cluster", value_parser = on_this_machine, allow_hyphen_values = true)]
    pub(crate) listen: Option<SocketAddr>,
    /// Without a dashboard: play a script of faults, print what came of it, the last line as JSON, and fail if something
    /// did not hold
    #[arg(long, requires = "cluster", conflicts_with_all = ["seconds", "listen"])]
    pub(crate) headless: bool,
    // For the program's own tests.
    #[arg(long, hide = true, requires = "headless")]
    pub(crate) plant: Option<Plant>,
}

/// An address that only programs of this machine reach: whoever opens the page may press the buttons.
fn on_this_machine(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback());
    address.ok_or_else(|| {
        "it must be an address of this machine with a port, such as 127.0.0.1:7070".to_owned()
    })
}

#[derive(Args)]
pub(crate) struct BenchArgs {
    // Not parsed here: a parse error would repeat it, and it may hold a password.
    /// The database: sqlite:PATH of a file that exists, postgres://, mysql:// or redis://USER:PASSWORD@HOST/DATABASE, or
    /// http://HOST/PATH
    #[arg(long)]
    pub(crate) url: String,
    /// Connections in the pool
    #[arg(long, value_name = "N", default_value = "8", value_parser = within(SIZE), allow_hyphen_values = true)]
    pub(crate) size: u32,
    /// Tasks that query at the same time
    #[arg(long, value_name = "N", default_value = "64", value_parser = within(TASKS), allow_hyphen_values = true)]
    pub(crate) tasks: u32,
    /// How long to run
    #[arg(long, value_name = "N", default_value = "10", value_parser = within(SECONDS), allow_hyphen_values = true)]
    pub(crate) seconds: u32,
    /// The query, or the command of Redis; it runs as it is, so one that writes does write [default: SELECT count(*) FROM
    /// sqlite_schema, SELECT 1, or PING]
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) sql: Option<String>,
    /// Let tasks share connections: PostgreSQL, Redis, and HTTP if it is HTTP/2
    #[arg(long, conflicts_with = "no_pool")]
    pub(crate) share: bool,
    /// Open a new connection for every query instead
    #[arg(long)]
    pub(crate) no_pool: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct NodesArgs {
    // Not parsed here, as a URL of etcd's may hold a password.
    /// Where nodes come from: file:PATH of a node file, dns:NAME:PORT for the addresses of a name, srv:NAME for SRV
    /// records, etcd:http://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/PREFIX for the keys below a prefix in etcd
    #[arg(long)]
    pub(crate) source: String,
    /// Go on and show what changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// Only say whether the file is in order: code 1 and the place of the mistake if it is not
    #[arg(long, conflicts_with = "watch")]
    pub(crate) check: bool,
}

#[derive(Args)]
pub(crate) struct SizeArgs {
    // Not parsed here, as in bench.
    /// The database, as in bench; without it only --limit is divided
    #[arg(long, required_unless_present = "limit")]
    pub(crate) url: Option<String>,
    /// The query, as in bench; it runs as it is
    #[arg(long, requires = "url", allow_hyphen_values = true)]
    pub(crate) sql: Option<String>,
    /// Tasks that query at the same time; no more connections than these are tried
    #[arg(long, value_name = "N", default_value = "64", value_parser = within(TASKS), allow_hyphen_values = true)]
    pub(crate) tasks: u32,
    /// How long to measure in all
    #[arg(long, value_name = "N", default_value = "30", value_parser = within(SECONDS), allow_hyphen_values = true)]
    pub(crate) seconds: u32,
    /// Connections that all processes together may have [default: what the server has left]
    #[arg(long, value_name = "N", value_parser = within(LIMIT), allow_hyphen_values = true)]
    pub(crate) limit: Option<u32>,
    /// Processes that share the server, each with a pool; in a rolling deployment the old and the new ones
    #[arg(long, value_name = "N", default_value = "1", value_parser = within(PROCESSES), allow_hyphen_values = true)]
    pub(crate) processes: u32,
    /// Connections that are kept for others: migrations, monitoring, a person with a shell [default: a tenth]
    #[arg(long, value_name = "N", value_parser = within(RESERVE), allow_hyphen_values = true)]
    pub(crate) reserve: Option<u32>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct TopArgs {
    // Not parsed here, as in bench.
    /// Where cenote-admin is: http://HOST:PORT or https://HOST, with the path that it is mounted at, if any
    pub(crate) url: String,
    /// Print what there is once, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Print the document, one line of JSON each second, or one with --once
    #[arg(long)]
    pub(crate) json: bool,
}

fn within(
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            format!("it must be a whole number from {} to {}", range.start(), range.end())
        })
    }
}

/// Tells a mistake in the command line in its first sentence; help and version in full.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || error.kind() == DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
    } else {
        let text = error.render().to_string();
        // The sentence, and a tip if there is one; not the usage, which --help shows better.
        let told = text.split("\n\n").enumerate();
        let told = told.filter(|(at, part)| *at == 0 || part.trim_start().starts_with("tip:"));
        let in_a_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
        let told: Vec<String> = told.map(|(_, part)| in_a_line(part)).collect();
        say(&format!("{} (see --help)", told.join("; ")));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-24
    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
