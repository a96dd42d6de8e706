//! Node files: what is read is a list of nodes that a cluster can have, each once, and says the same to a stabilizer again;
//! what is wrong is named with a line of the file, in one sentence.

use std::collections::BTreeSet;

use cenote::{Node, Time};
use cenote_cluster::discovery::{FileError, NodeFile, Order, SafetyRules, Stabilizer, Update};

use crate::claims;

/// A file that lists nodes, in either format.
pub fn nodes(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (toml, json) = (NodeFile::from_toml(&text), NodeFile::from_json(&text));
    // Whatever is one of them is not the other, so one says what an address looks like in the wrong place.
    [toml, json].into_iter().map(|read| judge(&text, read)).fold(false, |taken, one| taken | one)
}

fn judge(text: &str, read: Result<NodeFile, FileError>) -> bool {
    match read {
        Ok(listed) => {
            listed.remarks.iter().for_each(|remark| claims::is_one_sentence(remark));
            can_be_had(&listed.nodes);
            true
        }
        Err(mistake) => {
            claims::is_one_sentence(&mistake.to_string());
            let line = mistake.line().expect("a text has lines");
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&line), "{text:?}: {mistake}");
            false
        }
    }
}

/// Each has a key of its own that a log can hold, and all of them are added once.
fn can_be_had(nodes: &[Node]) {
    let keys: BTreeSet<&str> = nodes.iter().map(Node::key).collect();
    assert_eq!(keys.len(), nodes.len());
    for node in nodes {
        claims::is_one_sentence(node.key());
        assert!(!node.address().is_empty());
        let named = [node.configured_zone(), node.configured_group()];
        named.into_iter().flatten().chain(node.tags()).for_each(claims::is_one_sentence);
    }
    let mut stabilizer = Stabilizer::new(SafetyRules::default());
    let list = || Update::all(nodes.iter().cloned());
    let decision = stabilizer.hear(list(), Time::ZERO, |_| true);
    assert_eq!(decision.orders.len(), nodes.len());
    for order in &decision.orders {
        let Order::Add(node) = order else { panic!("{order:?}") };
        assert!(nodes.contains(node));
    }
    assert_eq!(stabilizer.hear(list(), Time::ZERO, |_| true).orders, []);
}
