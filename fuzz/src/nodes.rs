//! Node files: what is read is a list of nodes that a cluster can have, each once, and says the same to a stabilizer again;
//! what is wrong is named with a line of the file, in one sentence. The same of one node alone, as registries have it.

use std::collections::BTreeSet;

use cenote::{Node, Time};
use cenote_cluster::discovery::{
    FileError, NodeFile, Order, SafetyRules, Stabilizer, Update, node_from_json, node_to_json,
};

use crate::claims;

/// A file that lists nodes, in either format.
pub fn nodes(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let (toml, json) = (NodeFile::from_toml(&text), NodeFile::from_json(&text));
    let listed = |read: Result<NodeFile, FileError>| {
        let listed = read?;
        listed.remarks.iter().for_each(|remark| claims::is_one_sentence(remark));
        Ok(listed.nodes)
    };
    let one = node_from_json(&text, Some("a")).map(|node| {
        assert_eq!(node_from_json(&node_to_json(&node), None).as_ref(), Ok(&node));
        vec![node]
    });
    // Whatever is one of them is none of the others, so each says what an address looks like in the wrong place.
    let all = [listed(toml), listed(json), one];
    all.into_iter().map(|read| judge(&text, read)).fold(false, |taken, one| taken | one)
}

fn judge(text: &str, read: Result<Vec<Node>, FileError>) -> bool {
    match read {
        Ok(nodes) => {
            can_be_had(&nodes);
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
