//! What lies below a prefix, as nodes: keys and values in, what is to be said of them out. It knows no etcd.
//!
//! A value that describes no node costs no other key anything: the node stays as it was, or is not there yet, and a remark
//! says so as long as the value is there. Of several keys that describe one node the first in etcd's order counts. So what is
//! said depends on the keys and values alone, and on nothing that happened in between.

use std::collections::{BTreeMap, BTreeSet};

use cenote::Node;
use cenote_cluster::discovery::{Update, node_from_json};

/// How many mistakes are told one by one.
const TOLD: usize = 10;
/// The most that is kept, in bytes: some fifty thousand nodes.
pub(crate) const LARGEST: usize = 16 << 20;
/// What a key costs beside its letters and those of its value.
const SLOT: usize = 200;

#[derive(Clone, Debug, PartialEq)]
struct Slot {
    node: Option<Node>,
    /// What is wrong with the value, if anything is.
    wrong: Option<String>,
    size: usize,
}

#[derive(Debug)]
pub(crate) struct Listing {
    prefix: Vec<u8>,
    slots: BTreeMap<Vec<u8>, Slot>,
    /// The etcd keys that describe each node, by its key.
    described: BTreeMap<String, BTreeSet<Vec<u8>>>,
    /// Keys of nodes of which something is to be said.
    touched: BTreeSet<String>,
    /// Etcd keys whose values are wrong.
    wrong: BTreeSet<Vec<u8>>,
    /// Something is to be said that is about no node that is there.
    news: bool,
    size: usize,
}

impl Listing {
    pub(crate) fn new(prefix: &[u8]) -> Listing {
        Listing {
            prefix: prefix.to_vec(),
            slots: BTreeMap::new(),
            described: BTreeMap::new(),
            touched: BTreeSet::new(),
            wrong: BTreeSet::new(),
            news: false,
            size: 0,
        }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Whether it is more than is kept.
    pub(crate) fn is_too_large(&self) -> bool {
        self.size > LARGEST
    }

    /// Another listing of the same prefix takes this one's place. What is wrong in the new one stays as it was here.
    pub(crate) fn succeed(&mut self, mut new: Listing) {
        for key in &new.wrong {
            let Some(slot) = new.slots.get_mut(key) else { continue };
            slot.node = self.slots.remove(key).and_then(|slot| slot.node);
            if let Some(node) = &slot.node {
                new.described.entry(node.key().to_owned()).or_default().insert(key.clone());
            }
        }
        *self = new;
    }

    /// This key has this value.
    pub(crate) fn put(&mut self, key: Vec<u8>, value: &[u8]) {
        let before = self.slots.remove(&key);
        let size = SLOT + key.len() + value.len();
        let slot = match self.read(&key, value) {
            Ok(node) => Slot { node: Some(node), wrong: None, size },
            Err(wrong) => {
                let node = before.as_ref().and_then(|slot| slot.node.clone());
                Slot { node, wrong: Some(wrong), size }
            }
        };
        self.size += size;
        self.size -= before.as_ref().map_or(0, |slot| slot.size);
        self.news |= before.as_ref().and_then(|slot| slot.wrong.as_ref()) != slot.wrong.as_ref();
        match slot.wrong {
            Some(_) => _ = self.wrong.insert(key.clone()),
            None => _ = self.wrong.remove(&key),
        }
        let was = before.and_then(|slot| slot.node);
        if was != slot.node {
            self.undescribe(&key, was.as_ref());
            if let Some(node) = &slot.node {
                self.touched.insert(node.key().to_owned());
                self.described.entry(node.key().to_owned()).or_default().insert(key.clone());
            }
        }
        self.slots.insert(key, slot);
    }

    /// This key is gone.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        let Some(slot) = self.slots.remove(key) else { return };
        self.size -= slot.size;
        self.news |= self.wrong.remove(key);
        self.undescribe(key, slot.node.as_ref());
    }

    fn undescribe(&mut self, key: &[u8], node: Option<&Node>) {
        let Some(node) = node else { return };
        self.touched.insert(node.key().to_owned());
        if let Some(keys) = self.described.get_mut(node.key()) {
            keys.remove(key);
            if keys.is_empty() {
                self.described.remove(node.key());
            }
        }
    }

    /// The node that a value describes, or what is wrong with it.
    fn read(&self, key: &[u8], value: &[u8]) -> Result<Node, String> {
        let text = std::str::from_utf8(value)
            .map_err(|_| format!("{}: its value is no UTF-8 text", shown(key)))?;
        let named = key.strip_prefix(self.prefix.as_slice()).unwrap_or(key);
        let named = std::str::from_utf8(named).ok();
        node_from_json(text, named).map_err(|mistake| format!("{}, {mistake}", shown(key)))
    }

    /// Everything.
    pub(crate) fn all(&mut self) -> Update {
        self.said();
        let nodes: Vec<Node> =
            self.described.keys().filter_map(|key| self.node(key)).cloned().collect();
        if let (true, Some(first)) = (nodes.is_empty(), self.remarks().into_iter().next()) {
            // There are keys, and nothing of them is of any use.
            return Update::invalid(first);
        }
        self.remarked(Update::all(nodes))
    }

    /// What is otherwise than it was when something was said last; `None` if nothing is.
    pub(crate) fn change(&mut self) -> Option<Update> {
        if self.described.is_empty() && (self.news || !self.touched.is_empty()) {
            // Not by the way of a change: nothing that is left may be of use.
            return Some(self.all());
        }
        let (touched, news) = self.said();
        if touched.is_empty() && !news {
            return None;
        }
        let there: Vec<Node> = touched.iter().filter_map(|key| self.node(key)).cloned().collect();
        let gone = touched.into_iter().filter(|key| !self.described.contains_key(key));
        Some(self.remarked(Update::change(gone, there)))
    }

    fn said(&mut self) -> (BTreeSet<String>, bool) {
        (std::mem::take(&mut self.touched), std::mem::take(&mut self.news))
    }

    /// The node of this key, as the first that describes it has it.
    fn node(&self, key: &str) -> Option<&Node> {
        self.slots.get(self.described.get(key)?.first()?)?.node.as_ref()
    }

    fn remarked(&self, update: Update) -> Update {
        self.remarks().into_iter().fold(update, Update::remark)
    }

    fn remarks(&self) -> Vec<String> {
        let wrong = self.wrong.iter().filter_map(|key| {
            let slot = self.slots.get(key)?;
            let then = if slot.node.is_some() { "it stays as it was" } else { "it is left out" };
            Some(format!("{}; {then}", slot.wrong.as_ref()?))
        });
        let mut remarks: Vec<String> = wrong.take(TOLD).collect();
        if self.wrong.len() > TOLD {
            remarks.push(format!("{} more values describe no node", self.wrong.len() - TOLD));
        }
        let twice = self.described.iter().filter(|(_, keys)| keys.len() > 1);
        let twice = twice.filter_map(|(node, keys)| {
            let (first, other) = (shown(keys.first()?), shown(keys.iter().nth(1)?));
            Some(format!("{other}: node \"{node}\" is listed twice: {first} counts"))
        });
        remarks.extend(twice.take(TOLD));
        remarks
    }
}

/// A key as a sentence can hold it.
fn shown(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let strange =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let short: String = text.chars().take(100).map(|c| if strange(c) { '?' } else { c }).collect();
    let more = if text.chars().count() > 100 { "…" } else { "" };
    format!("etcd key {short}{more}")
}

#[cfg(test)]
mod tests;
