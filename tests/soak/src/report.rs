//! What a run prints: a line for each round, the figures, and the verdict as the last line.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::meters::Reading;
use crate::place::Shelf;
use crate::round::Seen;
use crate::world::World;

/// How far the memory at rest may move after the warm-up, in percent.
const FLAT: f64 = 5.0;
/// Fewer rounds, or less time, say nothing about memory: the allocator still finds its size.
const ROUNDS: usize = 12;
const TIME: Duration = Duration::from_secs(60);

/// The memory at rest after each round, in KiB.
#[derive(Debug, Default)]
pub(crate) struct Memory(Vec<u64>);

#[derive(Debug, PartialEq)]
pub(crate) enum Trend {
    /// Nothing can be said, because …
    Untold(&'static str),
    /// From, to, change in percent.
    Seen(u64, u64, f64),
}

impl Memory {
    pub(crate) fn push(&mut self, rest: &Reading) {
        self.0.extend(rest.rss);
    }

    /// The first third after the warm-up, a quarter of the rounds, against the last third, by their medians: one
    /// round whose pages were not yet given back decides nothing.
    pub(crate) fn trend(&self, ran: Duration) -> Trend {
        if self.0.is_empty() {
            return Trend::Untold("this system does not tell it");
        }
        if self.0.len() < ROUNDS || ran < TIME {
            return Trend::Untold("the run is too short for that, give it a minute or more");
        }
        let warm = &self.0[self.0.len() / 4..];
        let third = warm.len() / 3;
        let (from, to) = (median(&warm[..third]), median(&warm[warm.len() - third..]));
        Trend::Seen(from, to, (to as f64 / from as f64 - 1.0) * 100.0)
    }

    fn series(&self) -> String {
        let shown = |kib: &u64| format!("{:.1}", *kib as f64 / 1024.0);
        self.0.iter().map(shown).collect::<Vec<_>>().join(" ")
    }
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

pub(crate) fn line(round: usize, of: usize, world: &World, seen: &Seen) {
    let acquired = world.tally.acquired.load(Ordering::Relaxed);
    let faults: u64 = world.faults.fired().iter().sum();
    println!(
        "round {round} of {of}: {acquired} acquires, {faults} faults so far; under load at most {}; then {}",
        seen.peak, seen.rest
    );
}

/// The figures of the run.
pub(crate) fn figures(world: &World, shelf: &Shelf, memory: &Memory, before: &Reading) {
    let n = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let tally = &world.tally;
    println!();
    println!(
        "acquires    {} got one, {} timed out, {} cancelled, {} failed or refused",
        n(&tally.acquired),
        n(&tally.timed_out),
        n(&tally.cancelled),
        n(&tally.failed),
    );
    let [errors, slow, endless, panics] = world.faults.fired();
    println!("faults      {errors} errors, {slow} slow, {endless} endless, {panics} panics");
    println!("pools       {} closed and opened again under load", n(&tally.reopened));
    println!("events      {} told to observers", n(&tally.events));
    println!("commits     {} known, all of them in the database", world.ledger.committed());
    for (writer, books) in shelf.books().iter().enumerate() {
        let count = books.count();
        println!(
            "pool {writer}      {} made = {} closed + {} detached + {} dropped + {} left",
            count.made,
            count.closed,
            count.detached,
            count.dropped,
            count.living(),
        );
    }
    println!("memory      {} MiB at rest after each round", memory.series());
    for what in before.untold() {
        println!("not seen    {what}: this system does not tell (Linux does, under /proc)");
    }
}

/// What is wrong with the memory; prints what is right.
pub(crate) fn judge(memory: &Memory, ran: Duration) -> Option<String> {
    match memory.trend(ran) {
        Trend::Untold(why) => {
            println!("            not judged: {why}");
            None
        }
        Trend::Seen(from, to, percent) => {
            let said =
                format!("{from} KiB after the warm-up, {to} KiB at the end: {percent:+.1} %");
            println!("            {said}");
            (percent.abs() > FLAT).then(|| format!("memory is not flat: {said}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend(series: &[u64]) -> Trend {
        Memory(series.to_vec()).trend(TIME)
    }

    #[test]
    fn memory_is_judged_by_medians_after_the_warm_up() {
        let mut series = [100; 24];
        // The warm-up, and one round in which nothing was given back.
        series[0] = 10;
        series[5] = 400;
        series[20] = 400;
        assert_eq!(trend(&series), Trend::Seen(100, 100, 0.0));
        let grows: Vec<u64> = (100..124).collect();
        let Trend::Seen(from, to, percent) = trend(&grows) else { panic!("seen") };
        assert_eq!((from, to), (109, 121));
        assert!(percent > FLAT, "{percent}");
    }

    #[test]
    fn what_cannot_be_judged_says_why() {
        assert!(matches!(trend(&[]), Trend::Untold(why) if why.contains("system")));
        assert!(matches!(trend(&[1; 11]), Trend::Untold(why) if why.contains("too short")));
        let short = Memory(vec![1; 24]).trend(TIME / 2);
        assert!(matches!(short, Trend::Untold(why) if why.contains("too short")));
    }
}
