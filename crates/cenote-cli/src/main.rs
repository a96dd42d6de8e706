//! The program `cenote`: `demo` shows the pool at work on a database that it makes itself, or a cluster in a
//! little world of its own, `bench` measures it on the user's own database and query, `size` tries pool sizes on it, `nodes` shows what a source of nodes says,
//! `top` watches a service that serves cenote-admin. Figures go to stdout, progress and errors to stderr; a usage error
//! ends with code 2, any other with 1, an interrupted run with 130.

#![forbid(unsafe_code)]

mod args;
mod bench;
mod demo;
mod drivers;
mod failure;
mod figures;
mod harmless;
mod histogram;
mod load;
mod nodes;
mod progress;
mod size;
mod source;
mod stop;
mod text;
mod top;
mod units;
mod world;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::explain(&error),
    };
    match run(cli) {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no threads could be started: {error}")))?;
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Demo(args) if args.cluster => world::run(&args).await,
            Command::Demo(args) => demo::run(&args).await,
            Command::Bench(args) => bench::run(&args).await,
            Command::Nodes(args) => nodes::run(&args).await,
            Command::Size(args) => size::run(&args).await,
            Command::Top(args) => top::run(&args).await,
        }
    })?;
    match std::io::stdout().write_all(outcome.text.as_bytes()) {
        // A closed pipe is how readers say that they have seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            return Err(Failure::new(format!("the figures could not be written: {error}")));
        }
        _ => {}
    }
    Ok(if outcome.interrupted { ExitCode::from(130) } else { ExitCode::SUCCESS })
}

/// What a command has to show.
struct Outcome {
    text: String,
    interrupted: bool,
}
