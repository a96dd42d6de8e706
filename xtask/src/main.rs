//! `cargo xtask`: what the project does with itself, in Rust, the standard library and the pool only, so that
//! a machine with a toolchain needs nothing else (but `guide`, which runs mdbook). One file for each command;
//! each ends with an exit code.

mod deps;
mod guide;
mod habits;
mod options;
mod promises;
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
    /// One word, or two: `options --check` is a command of its own.
    name: &'static str,
    what: &'static str,
    run: fn() -> Outcome,
}

const COMMANDS: &[Xtask] = &[
    Xtask {
        name: "test",
        what: "run all tests: unit, behaviour, documentation and examples",
        run: test::run,
    },
    Xtask {
        name: "promises",
        what: "check that each promise of the guide has a test, and the reverse",
        run: promises::run,
    },
    Xtask {
        name: "deps",
        what: "check how many crates the pool pulls in by default",
        run: deps::run,
    },
    Xtask {
        name: "habits",
        what: "check file lengths, unfinished code, skipped and sleeping tests",
        run: habits::run,
    },
    Xtask {
        name: "options",
        what: "write the guide's list of options from the code",
        run: options::write,
    },
    Xtask {
        name: "options --check",
        what: "check that this list is what the code says",
        run: options::check,
    },
    Xtask {
        name: "guide",
        what: "check the links of the guide and make HTML of it; needs mdbook",
        run: guide::run,
    },
    Xtask {
        name: "torture",
        what: "run the cases that break pools on cenote and seven others; --json FILE writes them down",
        run: || torture::run(&[]),
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.join(" ").as_str() {
        "" | "help" | "-h" | "--help" => {
            print!("{}", help());
            Ok(())
        }
        _ if args[0] == "torture" => torture::run(&args[1..]),
        name => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => (command.run)(),
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
    for Xtask { name, what, .. } in COMMANDS {
        help += &format!("  {name:<16} {what}\n");
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
    fn an_unknown_command_gets_one_sentence_with_the_known_ones() {
        let sentence = unknown("tset");
        assert_eq!(
            sentence,
            "there is no command \"tset\"; there are test, promises, deps, habits, options, options --check, guide, torture"
        );
        assert!(unknown("deps --check").starts_with("there is no command \"deps --check\";"));
    }
}
