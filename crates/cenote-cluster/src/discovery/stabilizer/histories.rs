//! The stabilizer against a model, in random histories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cenote::{Node, Time};

use super::*;
use crate::random::Random;

/// The rules again, as simply as they can be said, and what must hold of every decision.
struct Model {
    rules: SafetyRules,
    /// What the orders have made.
    there: BTreeMap<String, Node>,
    listed: BTreeMap<String, Node>,
    /// Since when a node is held.
    held: BTreeMap<String, Time>,
    gone: BTreeMap<String, Time>,
    works: BTreeSet<String>,
    trusted: bool,
}

impl Model {
    fn new(rules: SafetyRules) -> Model {
        Model {
            rules,
            there: BTreeMap::new(),
            listed: BTreeMap::new(),
            held: BTreeMap::new(),
            gone: BTreeMap::new(),
            works: BTreeSet::new(),
            trusted: true,
        }
    }

    fn carry_out(&mut self, decision: &Decision, now: Time) -> BTreeSet<String> {
        let mut removed = BTreeSet::new();
        for order in &decision.orders {
            match order {
                Order::Add(node) => {
                    assert!(removed.is_empty(), "additions come first");
                    let before = self.there.insert(node.key().to_owned(), node.clone());
                    assert_eq!(before, None, "added twice");
                    self.gone.remove(node.key());
                }
                Order::Change(node) => {
                    let before = self.there.insert(node.key().to_owned(), node.clone());
                    assert!(before.is_some_and(|before| before != *node), "nothing to change");
                }
                Order::Remove(key) => {
                    assert!(self.there.remove(key).is_some(), "removed though not there");
                    self.held.remove(key);
                    self.gone.insert(key.clone(), now);
                    removed.insert(key.clone());
                }
            }
        }
        removed
    }

    /// The source gave a list.
    fn heard(&mut self, decision: &Decision, now: Time) {
        if self.listed.is_empty() && !self.rules.allow_empty {
            assert_eq!(decision.orders, [], "an empty list is a mistake");
            self.trusted = false;
            return;
        }
        if !std::mem::replace(&mut self.trusted, true) {
            self.held.values_mut().for_each(|since| *since = now);
        }
        let before: BTreeSet<String> = self.there.keys().cloned().collect();
        let removed = self.carry_out(decision, now);
        self.held.retain(|key, _| !self.listed.contains_key(key));
        for (key, node) in &self.listed {
            assert_eq!(self.there.get(key), Some(node), "what is listed is there");
        }
        let lately = |(key, at): &(&String, &Time)| {
            **at + self.rules.together > now && !removed.contains(*key)
        };
        let lately = self.gone.iter().filter(lately).count();
        let absent: Vec<&String> =
            before.iter().filter(|key| !self.listed.contains_key(*key)).collect();
        let lost = absent.len() + lately;
        let mass =
            lost >= 2 && 2 * lost > before.len() + lately && self.rules.grace > Duration::ZERO;
        for key in absent {
            let stays = self.held.contains_key(key) || (mass && self.works.contains(key));
            assert_eq!(removed.contains(key), !stays, "{key}: {decision:?}");
            if stays {
                self.held.entry(key.clone()).or_insert(now);
            }
        }
    }

    fn looked(&mut self, decision: &Decision, now: Time) {
        let over = |(key, since): (&String, &Time)| {
            let over = *since + self.rules.grace <= now || !self.works.contains(key);
            (self.trusted && over).then(|| key.clone())
        };
        let due: BTreeSet<String> = self.held.iter().filter_map(over).collect();
        let removed = self.carry_out(decision, now);
        assert_eq!(removed, due);
    }
}

/// One history: lists, changes, failures, empty lists and time in any order; then the source is calm, and everything is as
/// it says.
fn history(seed: u64) {
    let random = Random::new(seed);
    let rules = match random.below(4) {
        0 => SafetyRules::default().allow_empty(),
        1 => SafetyRules::default().together(Duration::ZERO),
        2 => SafetyRules::default().grace(Duration::from_secs(random.below(3) as u64)),
        _ => SafetyRules::default(),
    };
    let (mut machine, mut model) = (Stabilizer::new(rules), Model::new(rules));
    let keys: Vec<String> = (0..1 + random.below(8)).map(|n| format!("n{n}")).collect();
    let draw = |key: &String| Node::new(key.clone(), "x").weight(random.below(3) as u32);
    let mut now = Time::ZERO;
    for _ in 0..60 {
        now = now + Duration::from_millis(random.below(8_000) as u64);
        model.works = keys.iter().filter(|_| random.below(4) > 0).cloned().collect();
        let works = model.works.clone();
        let passes = |key: &str| works.contains(key);
        match random.below(10) {
            0 => {
                let decision = machine.hear(Update::failed("gone"), now, passes);
                assert_eq!(decision.orders, [], "an error changes nothing");
                model.trusted = false;
            }
            1..=3 => {
                let decision = machine.look(now, passes);
                model.looked(&decision, now);
            }
            4..=6 => {
                let keep = random.below(5);
                let list: Vec<Node> =
                    keys.iter().filter(|_| random.below(4) < keep).map(draw).collect();
                model.listed =
                    list.iter().map(|node| (node.key().to_owned(), node.clone())).collect();
                let decision = machine.hear(Update::all(list), now, passes);
                model.heard(&decision, now);
            }
            _ => {
                let gone: Vec<String> =
                    keys.iter().filter(|_| random.below(4) == 0).cloned().collect();
                let there: Vec<Node> =
                    keys.iter().filter(|_| random.below(5) == 0).map(draw).collect();
                gone.iter().for_each(|key| drop(model.listed.remove(key)));
                let came = there.iter().map(|node| (node.key().to_owned(), node.clone()));
                model.listed.extend(came);
                let decision = machine.hear(Update::change(gone, there), now, passes);
                model.heard(&decision, now);
            }
        }
        let waits = model.trusted && !model.held.is_empty();
        assert_eq!(machine.due() == Time::NEVER, !waits, "somebody looks after who is held");
        let members: BTreeSet<&str> = model.there.keys().map(String::as_str).collect();
        assert_eq!(machine.members(), members);
    }
    let list: Vec<Node> = keys.iter().take(1).map(draw).collect();
    model.listed = list.iter().map(|node| (node.key().to_owned(), node.clone())).collect();
    let decision = machine.hear(Update::all(list), now, |_| true);
    model.works = keys.iter().cloned().collect();
    model.heard(&decision, now);
    while machine.due() != Time::NEVER {
        now = machine.due();
        let decision = machine.look(now, |_| true);
        model.looked(&decision, now);
    }
    assert_eq!(model.there, model.listed, "in the end everything is as the source says");
}

// D-2, D-3
#[test]
fn whatever_a_source_says_no_more_is_removed_than_the_rules_allow() {
    let env = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, n) = (env("CENOTE_SEED").unwrap_or(1), env("CENOTE_HISTORIES").unwrap_or(5_000));
    for seed in first..first + n {
        let lives = std::panic::catch_unwind(|| history(seed));
        if let Err(panic) = lives {
            eprintln!("CENOTE_SEED={seed} CENOTE_HISTORIES=1 repeats it");
            std::panic::resume_unwind(panic);
        }
    }
}
