//! What to make of what a source says: a state machine without I/O and without a clock, in front of every source. What was
//! said and the time go in; which nodes are to be added, changed and removed comes out, and why something else was done
//! than what was said (D-3).
//!
//! ```text
//! the source says                         what follows
//! --------------------------------------- -------------------------------------------------------------------
//! a node that is not there                it is added, at once
//! a node that is otherwise                it is changed, at once
//! nothing of a node that is there         it is removed, at once, but:
//!   so it is with more than half of them, those that pass their checks are held for the grace time, the others
//!   and with two at least                 removed. What goes within `together` counts as if it went at once
//!   a held node is listed again           it is held no longer
//!   a held node fails its checks          it is removed
//!   the grace time is over                they are removed
//! no node at all                          nothing, unless that is allowed
//! that it cannot say, or makes no sense   nothing
//! one node twice                          the first counts
//! a node that cannot be used              it is tried again when something is said, and when another node went
//! ```
//!
//! While a source is not to be trusted, because it fails or lists nothing, nobody is removed, held or not; when it
//! answers again, those that are held have a whole grace time before them. Additions come before removals, so that a list
//! that exchanges all nodes never leaves none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cenote::{Node, Time};

use super::{Decision, News, Note, Order, SafetyRules, SourceStatus, Update};

/// How often those that are held are looked at.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
struct Member {
    node: Node,
    /// The source does not list it any more; it stays until then.
    held: Option<Time>,
}

#[derive(Clone, Debug)]
struct Failing {
    since: Time,
    why: Arc<str>,
    invalid: bool,
}

/// The machine, one for each source.
///
/// ```
/// use cenote::{Node, Time};
/// use cenote_cluster::discovery::{Order, SafetyRules, Stabilizer, Update};
///
/// let mut stabilizer = Stabilizer::new(SafetyRules::default());
/// let two = ["a", "b"].map(|key| Node::new(key, "10.0.0.1"));
/// let works = |_: &str| true;
/// let decision = stabilizer.hear(Update::all(two.clone()), Time::ZERO, works);
/// assert_eq!(decision.orders, two.map(Order::Add));
/// // Both gone at once: they stay for a while.
/// let decision = stabilizer.hear(Update::all([Node::new("c", "")]), Time::ZERO, works);
/// assert_eq!(decision.orders, [Order::Add(Node::new("c", ""))]);
/// assert!(decision.notes[0].to_string().starts_with("takes away more than half of 2 nodes at once"));
/// ```
#[derive(Clone, Debug)]
pub struct Stabilizer {
    rules: SafetyRules,
    /// What the source says there is.
    listed: BTreeMap<String, Node>,
    /// What is to be there.
    members: BTreeMap<String, Member>,
    /// What cannot be used, and why.
    refused: BTreeMap<String, Arc<str>>,
    failing: Option<Failing>,
    /// The source lists nothing, and that is not believed.
    empty: bool,
    remarks: Vec<Arc<str>>,
    /// Nodes that were removed within `together` and have not come back, and when.
    removed: BTreeMap<String, Time>,
    /// When those that are held were looked at last.
    looked: Time,
    heard: u64,
}

impl Stabilizer {
    /// A machine that has heard nothing.
    pub fn new(rules: SafetyRules) -> Stabilizer {
        Stabilizer {
            rules,
            listed: BTreeMap::new(),
            members: BTreeMap::new(),
            refused: BTreeMap::new(),
            failing: None,
            empty: false,
            remarks: Vec::new(),
            removed: BTreeMap::new(),
            looked: Time::ZERO,
            heard: 0,
        }
    }

    /// How careful it is.
    pub fn rules(&self) -> SafetyRules {
        self.rules
    }

    /// The source said something. `passes`: whether this node passes its checks at the moment.
    pub fn hear(&mut self, update: Update, now: Time, passes: impl Fn(&str) -> bool) -> Decision {
        self.heard += 1;
        let mut decision = Decision::default();
        let mut remarks = update.remarks;
        match update.news {
            News::Failed { why, invalid } => {
                let why: Arc<str> = why.into();
                let before = self.failing.take();
                if before.as_ref().is_none_or(|before| before.why != why) {
                    decision.notes.push(Note::Failed(Arc::clone(&why)));
                }
                let since = before.map_or(now, |before| before.since);
                self.failing = Some(Failing { since, why, invalid });
                return decision;
            }
            News::All(nodes) => {
                self.listed.clear();
                for node in nodes {
                    self.list(node, false, &mut remarks);
                }
            }
            News::Change { gone, there } => {
                for key in &gone {
                    self.listed.remove(key);
                }
                for node in there {
                    self.list(node, true, &mut remarks);
                }
            }
        }
        let remarks: Vec<Arc<str>> = remarks.into_iter().map(Into::into).collect();
        let new = remarks.iter().filter(|remark| !self.remarks.contains(remark));
        decision.notes.extend(new.cloned().map(Note::Remark));
        self.remarks = remarks;
        let distrusted = self.is_distrusted();
        self.failing = None;
        if self.listed.is_empty() && !self.rules.allow_empty {
            if !std::mem::replace(&mut self.empty, true) {
                decision.notes.push(Note::Empty(self.members.len()));
            }
            return decision;
        }
        self.empty = false;
        if distrusted {
            decision.notes.push(Note::Back);
            let until = now + self.rules.grace;
            for held in self.members.values_mut().filter_map(|member| member.held.as_mut()) {
                *held = until;
            }
        }
        self.compare(now, passes, &mut decision);
        decision
    }

    fn list(&mut self, node: Node, replaces: bool, remarks: &mut Vec<String>) {
        let key = node.key();
        if key.is_empty() {
            remarks.push("a node without a key is left out: give it one".to_owned());
        } else if !replaces && self.listed.contains_key(key) {
            remarks.push(format!("node \"{key}\" is listed twice: the first entry counts"));
        } else {
            self.listed.insert(key.to_owned(), node);
        }
    }

    /// Whether nothing that is missing is believed to be gone.
    fn is_distrusted(&self) -> bool {
        self.failing.is_some() || self.empty
    }

    /// What the list and the members differ in.
    fn compare(&mut self, now: Time, passes: impl Fn(&str) -> bool, decision: &mut Decision) {
        let before = self.members.len();
        for (key, node) in &self.listed {
            match self.members.get_mut(key) {
                None => {
                    self.members.insert(key.clone(), Member { node: node.clone(), held: None });
                    decision.orders.push(Order::Add(node.clone()));
                }
                Some(member) => {
                    member.held = None;
                    if member.node != *node {
                        member.node = node.clone();
                        decision.orders.push(Order::Change(node.clone()));
                    }
                }
            }
        }
        // Whoever could not be used is tried again now, or is wanted as it is.
        let tried: BTreeSet<&str> = decision.orders.iter().filter_map(Order::comes).collect();
        self.refused.retain(|key, _| tried.contains(key.as_str()));
        let together = self.rules.together;
        self.removed.retain(|key, at| *at + together > now && !self.members.contains_key(key));
        let absent = |(key, _): &(&String, &Member)| !self.listed.contains_key(*key);
        let absent: Vec<(String, bool)> = self
            .members
            .iter()
            .filter(absent)
            .map(|(key, member)| (key.clone(), member.held.is_some()))
            .collect();
        let (gone, of) = (absent.len() + self.removed.len(), before + self.removed.len());
        let is_mass = gone >= 2 && gone * 2 > of && self.rules.grace > Duration::ZERO;
        let mut held = 0;
        for (key, _) in absent.into_iter().filter(|(_, is_held)| !is_held) {
            if is_mass && passes(&key) {
                held += 1;
                if let Some(member) = self.members.get_mut(&key) {
                    member.held = Some(now + self.rules.grace);
                }
            } else {
                self.remove(key, now, decision);
            }
        }
        if held > 0 {
            self.looked = now;
            decision.notes.push(Note::Held { held, of, grace: self.rules.grace });
        }
    }

    fn remove(&mut self, key: String, now: Time, decision: &mut Decision) {
        self.members.remove(&key);
        self.removed.insert(key.clone(), now);
        decision.orders.push(Order::Remove(key));
    }

    /// When time alone changes something: [`look`](Stabilizer::look) then.
    pub fn due(&self) -> Time {
        if self.is_distrusted() {
            return Time::NEVER;
        }
        let held = self.members.values().filter_map(|member| member.held);
        held.min().map_or(Time::NEVER, |first| first.min(self.looked + LOOK))
    }

    /// Time has passed.
    pub fn look(&mut self, now: Time, passes: impl Fn(&str) -> bool) -> Decision {
        let mut decision = Decision::default();
        if self.is_distrusted() {
            return decision;
        }
        self.looked = now;
        let ends = |(key, member): (&String, &Member)| {
            let over = member.held.is_some_and(|until| now >= until || !passes(key));
            over.then(|| key.clone())
        };
        let over: Vec<String> = self.members.iter().filter_map(ends).collect();
        for key in over {
            self.remove(key, now, &mut decision);
        }
        decision
    }

    /// An order could not be carried out: the node cannot be used. `stays`: what is there instead, if anything is. It is
    /// tried again when the source says something.
    pub fn refused(&mut self, key: &str, why: &str, stays: Option<Node>) -> Option<Note> {
        match (stays, self.members.get_mut(key)) {
            (Some(node), Some(member)) => member.node = node,
            (Some(_), None) => {}
            (None, _) => drop(self.members.remove(key)),
        }
        let why: Arc<str> = why.into();
        let before = self.refused.insert(key.to_owned(), Arc::clone(&why));
        (before.as_ref() != Some(&why)).then(|| Note::Refused { node: key.to_owned(), why })
    }

    /// What stood in the way of those that could not be used may be gone: they are to be tried again.
    pub fn again(&mut self) -> Decision {
        let mut decision = Decision::default();
        for node in self.refused.keys().filter_map(|key| self.listed.get(key)) {
            let member = Member { node: node.clone(), held: None };
            decision.orders.push(match self.members.insert(node.key().to_owned(), member) {
                None => Order::Add(node.clone()),
                Some(_) => Order::Change(node.clone()),
            });
        }
        decision
    }

    /// Whether something that the source lists cannot be used.
    pub(crate) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// An order was carried out.
    pub fn accepted(&mut self, key: &str) {
        self.refused.remove(key);
    }

    /// The keys of the nodes that are to be there.
    pub fn members(&self) -> BTreeSet<&str> {
        self.members.keys().map(String::as_str).collect()
    }

    /// Whether nothing of what the source says can be used, now and until somebody corrects it.
    pub(crate) fn is_hopeless(&self) -> bool {
        let invalid = self.failing.as_ref().is_some_and(|failing| failing.invalid);
        self.members.is_empty() && (invalid || !self.refused.is_empty())
    }

    /// How it stands.
    pub fn status(&self, name: Arc<str>, now: Time) -> SourceStatus {
        let left = |(key, member): (&String, &Member)| {
            member.held.map(|until| (key.clone(), until.since(now)))
        };
        SourceStatus {
            name,
            updates: self.heard,
            listed: self.listed.len(),
            members: self.members.len(),
            held: self.members.iter().filter_map(left).collect(),
            refused: self.refused.iter().map(|(key, why)| (key.clone(), Arc::clone(why))).collect(),
            failing: self.failing.as_ref().map(|f| (now.since(f.since), Arc::clone(&f.why))),
            empty: self.empty,
            remarks: self.remarks.clone(),
        }
    }
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
