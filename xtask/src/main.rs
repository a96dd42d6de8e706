//! `cargo xtask`: what the project does with itself, in Rust, the standard library and the pool only, so that
//! a machine with a toolchain needs nothing else (but `guide`, which runs mdbook). One file for each command;
//! each ends with an exit code.

mod conformance;
mod deps;
mod guide;
mod habits;
mod options;
mod promises;
mod shuttle;
mod sim;
mod source;
mod test;
mod torture;

use std::process::ExitCode;

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

struct Xtask {
    name: &'static str,
    /// What may follow the name.
    usage: &'static str,
    what: &'static str,
    /// Gets what follows the name.
    run: fn(&[&str]) -> Outcome,
}

const COMMANDS: &[Xtask] = &[
    Xtask {
        name: "test",
        usage: "",
        what: "run all tests: unit, behaviour, documentation and examples",
        run: |args| alone(args, test::run),
    },
    Xtask {
        name: "promises",
        usage: "",
        what: "check that each promise of the guide has a test, and the reverse",
        run: |args| alone(args, promises::run),
    },
    Xtask {
        name: "conformance",
        usage: "",
        what: "check that each case and each item of the sources has its proof",
        run: |args| alone(args, conformance::run),
    },
    Xtask {
        name: "deps",
        usage: "",
        what: "check how many crates the pool pulls in by default",
        run: |args| alone(args, deps::run),
    },
    Xtask {
        name: "habits",
        usage: "",
        what: "check file lengths, unfinished code, skipped and sleeping tests",
        run: |args| alone(args, habits::run),
    },
    Xtask {
        name: "options",
        usage: "[--check]",
        what: "write the guide's list of options from the code, or check that it is current",
        run: options::run,
    },
    Xtask {
        name: "guide",
        usage: "",
        what: "check the links of the guide and make HTML of it; needs mdbook",
        run: |args| alone(args, guide::run),
    },
    Xtask {
        name: "sim",
        usage: "[--seeds N] [--from S]",
        what: "live more lives in the simulator than the tests do",
        run: sim::run,
    },
    Xtask {
        name: "shuttle",
        usage: "[--iterations N]",
        what: "run the pool's threads in many orders; see crates/cenote/src/schedules",
        run: shuttle::run,
    },
    Xtask {
        name: "torture",
        usage: "[--json FILE]",
        what: "run the cases that break pools on cenote and seven others",
        run: torture::run,
    },
];

/// Runs a command that nothing may follow.
fn alone(args: &[&str], run: fn() -> Outcome) -> Outcome {
    match args {
        [] => run(),
        [extra, ..] => Err(Failure::one(format!("\"{extra}\" is one word too many"))),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        [] | ["help" | "-h" | "--help"] => {
            print!("{}", help());
            Ok(())
        }
        [name, ref rest @ ..] => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => (command.run)(rest),
            None => Err(Failure::one(unknown(name))),
        },
    };
    match outcome {
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

fn help() -> String {
    let mut help =
        String::from("What the project does with itself.\n\nUsage: cargo xtask COMMAND\n\n");
    for Xtask { name, usage, what, .. } in COMMANDS {
        help += &format!("  {:<28} {what}\n", format!("{name} {usage}"));
    }
    help + "\nEverything that must hold before a change goes in: .ci/run\n"
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    format!("there is no command \"{name}\"; there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command() {
        for Xtask { name, what, .. } in COMMANDS {
            assert!(help().contains(name) && help().contains(what), "{name}");
        }
    }

    #[test]
    fn what_takes_no_words_refuses_them() {
        let Err(Failure::Said(sentences)) = alone(&["--check"], || Ok(())) else {
            panic!("it took one");
        };
        assert_eq!(sentences, ["\"--check\" is one word too many"]);
    }

    #[test]
    fn an_unknown_command_gets_one_sentence_with_the_known_ones() {
        let sentence = unknown("tset");
        assert_eq!(
            sentence,
            "there is no command \"tset\"; there are test, promises, conformance, deps, habits, options, guide, sim, shuttle, torture"
        );
    }
}
