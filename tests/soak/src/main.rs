//! The soak: four pools on one SQLite file under full load, with faults at every step, for as long as one likes. After
//! each round everything is closed, and nothing may be left: no connection, waiter, task, thread or file descriptor;
//! over the rounds the memory at rest stays flat. `cargo xtask soak` runs it; a short form is a test.
//!
//! The seed repeats what is drawn, not the order in which threads and tasks come: a failing seed is a good start,
//! not a certainty.

#![forbid(unsafe_code)]

mod books;
mod borrowers;
mod dice;
mod driver;
mod error;
mod faults;
mod keeper;
mod leak;
mod ledger;
mod manager;
mod meters;
mod place;
mod report;
mod round;
mod threads;
mod world;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic;
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::dice::Dice;
use crate::leak::Leak;
use crate::ledger::Ledger;
use crate::meters::Reading;
use crate::place::{Shelf, WRITERS};
use crate::report::Memory;
use crate::round::Rounds;
use crate::world::World;

/// Full load with faults on SQLite, and then: is anything left?
#[derive(Parser)]
struct Wishes {
    /// How long the load lasts
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// The same in seconds
    #[arg(long, conflicts_with = "minutes")]
    seconds: Option<u64>,
    /// What to draw the faults from; another one each time if not given
    #[arg(long)]
    seed: Option<u64>,
    /// Leak something on purpose, to see that it is found
    #[arg(long)]
    leak: Option<Leak>,
    /// How many seconds whatever must end may take, on the slowest machine
    #[arg(long, default_value_t = 20)]
    patience: u64,
}

/// A round is long enough for a few hundred closes and short enough for a dozen rounds.
const SHORTEST: u64 = 3;
const LONGEST: u64 = 15;

fn main() -> ExitCode {
    let wishes = Wishes::parse();
    let seconds = wishes.seconds.unwrap_or(wishes.minutes * 60).max(1);
    let seed = wishes.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 32);
    let length = (seconds / 20).clamp(SHORTEST, LONGEST).min(seconds);
    let rounds = seconds.div_ceil(length) as usize;
    println!("{rounds} rounds of {length} s, seed {seed}");
    let wrong = soak(&wishes, seed, rounds, Duration::from_secs(length));
    if wrong.is_empty() {
        println!("verdict: nothing is left behind");
        return ExitCode::SUCCESS;
    }
    for sentence in &wrong {
        println!("wrong: {sentence}");
    }
    println!("again: cargo xtask soak --seconds {seconds} --seed {seed}");
    println!("verdict: {} things are wrong", wrong.len());
    ExitCode::FAILURE
}

fn soak(wishes: &Wishes, seed: u64, rounds: usize, length: Duration) -> Vec<String> {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return vec![format!("there is no place for the database: {error}")],
    };
    let ledger = match Ledger::create(folder.path(), WRITERS) {
        Ok(ledger) => ledger,
        Err(error) => return vec![format!("the database cannot be created: {error}")],
    };
    let patience = Duration::from_secs(wishes.patience);
    let world = Arc::new(World::new(seed, ledger, wishes.leak, patience));
    hear_panics(&world);
    // Five things are waited for one after the other.
    let _watched = watchdog((length + patience * 5) * rounds as u32);
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = match threads {
        Ok(runtime) => runtime,
        Err(error) => return vec![format!("there is no runtime: {error}")],
    };
    let before = Reading::now(runtime.handle());
    println!("before: {before}");
    let shelf = Shelf::default();
    let mut all = Rounds { runtime, world, shelf, dice: Dice::new(seed), before };
    let (began, mut memory) = (Instant::now(), Memory::default());
    let mut wrong = Vec::new();
    for round in 1..=rounds {
        let seen = all.one(length);
        memory.push(&seen.rest);
        report::line(round, rounds, &all.world, &seen);
        wrong.extend(seen.wrong.into_iter().map(|sentence| format!("round {round}: {sentence}")));
        if !wrong.is_empty() {
            break;
        }
    }
    report::figures(&all.world, &all.shelf, &memory, &all.before);
    wrong.extend(report::judge(&memory, began.elapsed()));
    wrong
}

/// Panics that were planted are silent; any other is told and counts.
fn hear_panics(world: &Arc<World>) {
    let (usual, world) = (panic::take_hook(), Arc::clone(world));
    panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let said = text.or(payload.downcast_ref::<&str>().copied());
        if !said.unwrap_or_default().starts_with(faults::PLANTED) {
            world.complain(format!("a panic that nobody planted: {info}"));
            usual(info);
        }
    }));
}

/// Ends the process if it never ends by itself. Lives as long as what it returns.
fn watchdog(limit: Duration) -> mpsc::Sender<()> {
    let (alive, watch) = mpsc::channel();
    thread::spawn(move || {
        if watch.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            println!("verdict: the soak hangs, it should have ended {limit:?} after its begin");
            exit(1);
        }
    });
    alive
}
