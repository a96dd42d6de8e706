//! `cenote nodes`: what a source of nodes says, and what a cluster would make of it, decided by the same stabilizer. No
//! address is shown, since it may hold a password; and none of what is shown is a command to the terminal.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::pin::pin;

use cenote::env::Tokio;
use cenote::{Env, Node};
use cenote_cluster::discovery::{Decision, Discovery, NodeFile, Order, SafetyRules, Stabilizer};

use crate::Outcome;
use crate::args::NodesArgs;
use crate::failure::Failure;
use crate::harmless::harmless;
use crate::source::Source;
use crate::stop::Stop;

pub(crate) async fn run(args: &NodesArgs) -> Result<Outcome, Failure> {
    let source = Source::named(&args.source)?;
    match args.source.strip_prefix("file:") {
        Some(path) if args.check => check(path),
        None if args.check => {
            Err(Failure::usage("--check: only a file can be checked, as in file:nodes.toml"))
        }
        _ => show(source, args.watch).await,
    }
}

/// Whether the file is in order, and a cluster would do all that it says.
fn check(path: &str) -> Result<Outcome, Failure> {
    let listed = NodeFile::read(path).map_err(Failure::new)?;
    if let Some(remark) = listed.remarks.first() {
        return Err(Failure::new(remark));
    }
    if listed.nodes.is_empty() {
        return Err(Failure::new(format!(
            "node file {path}: it lists no node, which a cluster takes for a mistake: list one at least"
        )));
    }
    let n = listed.nodes.len();
    let text = format!("node file {path}: {n} node{}, in order\n", if n == 1 { "" } else { "s" });
    Ok(Outcome { text, interrupted: false })
}

/// Shows what the source says, once or as long as it is watched.
async fn show(mut source: Source, watch: bool) -> Result<Outcome, Failure> {
    let env = Tokio::current().ok_or_else(|| Failure::new("there is no clock to watch with"))?;
    let mut stop = Stop::new();
    let mut stabilizer = Stabilizer::new(SafetyRules::default());
    let name = source.name();
    loop {
        let mut next = pin!(source.next(&env));
        let update = loop {
            let due = stabilizer.due();
            tokio::select! {
                update = &mut next => break update,
                () = env.sleep_until(due) => {
                    // Nobody is connected to here: whoever is held is taken to work.
                    let decision = stabilizer.look(env.now(), |_| true);
                    if !tell(&decision)? {
                        return Ok(silent(false));
                    }
                }
                () = stop.wished() => return Ok(silent(true)),
            }
        };
        let Some(update) = update else {
            // It will say nothing more.
            if watch {
                stop.wished().await;
            }
            return Ok(silent(watch));
        };
        if let (Some(why), false) = (update.error(), watch) {
            return Err(Failure::new(why));
        }
        let listed = update.nodes().map(<[Node]>::len);
        let decision = stabilizer.hear(update, env.now(), |_| true);
        if let Some(n) = listed {
            let line = format!("{name} lists {n} node{}", if n == 1 { "" } else { "s" });
            if !say(&format!("{line}\n"))? {
                return Ok(silent(false));
            }
        }
        if !tell(&decision)? || !watch {
            return Ok(silent(false));
        }
    }
}

fn silent(interrupted: bool) -> Outcome {
    Outcome { text: String::new(), interrupted }
}

/// What would be done, a line for each. False: nobody reads it.
fn tell(decision: &Decision) -> Result<bool, Failure> {
    let mut text = String::new();
    for order in &decision.orders {
        match order {
            Order::Add(node) => text += &format!("  + {}\n", harmless(&described(node))),
            Order::Change(node) => text += &format!("  ~ {}\n", harmless(&described(node))),
            Order::Remove(key) => text += &format!("  - {}\n", harmless(key)),
            _ => {}
        }
    }
    for note in &decision.notes {
        text += &format!("  ! {}\n", harmless(&note.to_string()));
    }
    say(&text)
}

fn described(node: &Node) -> String {
    let mut text = node.key().to_owned();
    if let Some(role) = node.configured_role() {
        let _ = write!(text, ", {role}");
    }
    let _ = write!(text, ", weight {}", node.configured_weight());
    if node.configured_backup() > 0 {
        let _ = write!(text, ", backup {}", node.configured_backup());
    }
    for (name, value) in [("zone", node.configured_zone()), ("group", node.configured_group())] {
        if let Some(value) = value {
            let _ = write!(text, ", {name} {value}");
        }
    }
    let tags: Vec<&str> = node.tags().collect();
    if !tags.is_empty() {
        let _ = write!(text, ", tags {}", tags.join(" "));
    }
    text
}

/// Writes at once, since what is watched may be long in coming. False: nobody reads it.
fn say(text: &str) -> Result<bool, Failure> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(format!("the nodes could not be written: {error}"))),
    }
}
