//! `cargo xtask`: what the project does with itself. One file for each command; each ends with an exit code.

#![forbid(unsafe_code)]

mod alone;
mod bench;
mod conformance;
mod deps;
mod failover;
mod fuzz;
mod guide;
mod habits;
mod lessons;
mod loom;
mod miri;
mod mutants;
mod options;
mod plant;
mod promises;
mod sanitize;
mod scheduled;
mod servers;
mod shuttle;
mod sim;
mod soak;
mod source;
mod test;
mod toolchain;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Why a command did not succeed.
enum Failure {
    /// A program that it ran ended with this code, and has said why.
    Code(u8),
    /// One sentence for each thing that is wrong.
    Said(Vec<String>),
}

impl Failure {
    fn one(sentence: impl Into<String>) -> Failure {
        Failure::Said(vec![sentence.into()])
    }
}

type Outcome = Result<(), Failure>;

/// What the project does with itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
#[command(after_help = "Everything that must hold before a change goes in: .ci/run")]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests: unit, behaviour, documentation, examples and those with real servers
    Test(test::Wishes),
    /// Start the servers that tests use, or install their programs
    #[command(subcommand)]
    Servers(servers::Wishes),
    /// Check that each promise of the guide has a test, and the reverse
    Promises,
    /// Check that each case, each lesson and each item of the sources has its proof
    Conformance,
    /// Check how many crates the pool pulls in by default
    Deps,
    /// Check file lengths, unfinished code, skipped and sleeping tests
    Habits,
    /// Write the guide's list of options from the code, or check that it is current
    Options(options::Wishes),
    /// Check the links of the guide and make HTML of it; needs mdbook
    Guide,
    /// Live more lives in the simulator than the tests do
    Sim(sim::Wishes),
    /// Run the pool's threads in many orders; see crates/cenote/src/schedules
    Shuttle(shuttle::Wishes),
    /// Change the core in many small ways and see a test fail each time; needs cargo-mutants
    Mutants(mutants::Wishes),
    /// Put known bugs into a copy of the project and see the checks fail that must catch them
    Plant(plant::Wishes),
    /// Run the small pieces that threads meet in, in every order; see crates/cenote/src/permutations
    Loom(loom::Wishes),
    /// Full load with faults on SQLite for some minutes, and then: is anything left?
    Soak(soak::Wishes),
    /// Kill and promote servers of PostgreSQL, MariaDB and Redis under load, and hold what a cluster does to its bounds
    Failover(failover::Wishes),
    /// Run the cases that break pools on cenote and seven others
    Torture(torture::Wishes),
    /// Measure what a pool costs, cenote beside six others
    Bench(bench::Wishes),
    /// Give libFuzzer configuration and URLs to try; needs a C++ compiler
    Fuzz(fuzz::Wishes),
    /// Run what threads and C code do under the address and leak sanitizers
    Sanitize,
    /// Run the core and the small concurrent pieces under miri; needs miri
    Miri(miri::Wishes),
}

impl Command {
    fn run(self) -> Outcome {
        match self {
            Command::Test(wishes) => test::run(&wishes),
            Command::Servers(wishes) => servers::run(&wishes),
            Command::Promises => promises::run(),
            Command::Conformance => conformance::run(),
            Command::Deps => deps::run(),
            Command::Habits => habits::run(),
            Command::Options(wishes) => options::run(&wishes),
            Command::Guide => guide::run(),
            Command::Sim(wishes) => sim::run(&wishes),
            Command::Shuttle(wishes) => shuttle::run(&wishes),
            Command::Mutants(wishes) => mutants::run(&wishes),
            Command::Plant(wishes) => plant::run(&wishes),
            Command::Loom(wishes) => loom::run(&wishes),
            Command::Soak(wishes) => soak::run(&wishes),
            Command::Failover(wishes) => failover::run(&wishes),
            Command::Torture(wishes) => torture::run(&wishes),
            Command::Bench(wishes) => bench::run(&wishes),
            Command::Fuzz(wishes) => fuzz::run(&wishes),
            Command::Sanitize => sanitize::run(),
            Command::Miri(wishes) => miri::run(&wishes),
        }
    }
}

fn main() -> ExitCode {
    match Xtask::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Code(code)) => ExitCode::from(code),
        Err(Failure::Said(sentences)) => {
            for sentence in sentences {
                eprintln!("xtask: {sentence}");
            }
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The wishes of a command line, or the message that it gets.
    fn read(line: &str) -> Result<Command, String> {
        let words = std::iter::once("xtask").chain(line.split_whitespace());
        Xtask::try_parse_from(words).map(|xtask| xtask.command).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_sound() {
        Xtask::command().debug_assert();
    }

    #[test]
    fn numbers_are_read_and_have_defaults() {
        let Ok(Command::Sim(sim)) = read("sim --from 7") else { panic!("sim") };
        assert_eq!((sim.seeds, sim.from), (20_000, 7));
        let Ok(Command::Shuttle(shuttle)) = read("shuttle --test a_close --schedule 91") else {
            panic!("shuttle")
        };
        assert_eq!((shuttle.iterations, shuttle.seed), (500, 0));
        assert_eq!(shuttle.test.as_deref(), Some("a_close"));
        assert_eq!(shuttle.schedule.as_deref(), Some("91"));
        let Ok(Command::Loom(loom)) = read("loom --test crew") else { panic!("loom") };
        assert_eq!((loom.preemptions, loom.test.as_deref()), (3, Some("crew")));
        let Ok(Command::Servers(servers::Wishes::Up(up))) = read("servers up --tls") else {
            panic!("servers")
        };
        assert_eq!((up.standbys, up.tls), (1, true));
        let Ok(Command::Failover(failover)) = read("failover --json out") else {
            panic!("failover")
        };
        assert_eq!((failover.runs, failover.json.is_some()), (5, true));
        let Ok(Command::Test(test)) = read("test --no-servers") else { panic!("test") };
        assert!(test.no_servers);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (line, named) in [
            ("tset", "'test'"),
            ("test --check", "'--check'"),
            ("servers down", "'down'"),
            ("sim --from", "'--from <SEED>'"),
            ("sim --from x", "'x'"),
            ("shuttle --schedule 91", "--test <NAME>"),
            ("bench --only S99", "there is no such scenario"),
            ("bench --write", "--gate"),
            ("bench --gate --quick", "--quick"),
            ("soak --minutes 1 --seconds 1", "'--minutes <N>'"),
        ] {
            let said = read(line).err().expect(line);
            assert!(said.contains(named), "{line}: {said}");
        }
    }
}
