//! One node as a text of JSON, as registries keep it under a key.

use std::fmt::Write as _;

use cenote::Node;

use super::{FileError, Mistake, json, node};

/// The node that this text describes, an entry of a node file in JSON: `{"address": "…", "role": "replica", "weight": 2}`.
/// `named` is its key if the text says none, as where it lies under a key already.
///
/// # Errors
/// The line and the rule; no address, which may hold a password.
///
/// ```
/// use cenote_cluster::discovery::node_from_json;
///
/// let node = node_from_json("{\"address\": \"10.0.0.1:5432\", \"weight\": 2}", Some("db-1")).unwrap();
/// assert_eq!((node.key(), node.configured_weight()), ("db-1", 2));
///
/// let mistake = node_from_json("{\"weight\": 2}", Some("db-1")).unwrap_err();
/// assert_eq!(mistake.to_string(), "line 1: node \"db-1\" has no address: give it one");
/// ```
pub fn node_from_json(text: &str, named: Option<&str>) -> Result<Node, FileError> {
    json::entry(text).and_then(|entry| node(entry, named)).map_err(Mistake::of_text)
}

/// The text that describes this node, in one line. Its address is in it, and so is what password that has.
///
/// ```
/// use cenote::Node;
/// use cenote_cluster::discovery::{node_from_json, node_to_json};
///
/// let node = Node::new("db-1", "10.0.0.1:5432").weight(2).tag("ssd");
/// assert_eq!(node_from_json(&node_to_json(&node), None).unwrap(), node);
/// ```
pub fn node_to_json(node: &Node) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut line = format!("{{\"key\": {}", quoted(node.key()));
    let mut field = |name: &str, value: String| {
        let _ = write!(line, ", \"{name}\": {value}");
    };
    field("address", quoted(node.address()));
    field("weight", node.configured_weight().to_string());
    field("backup", node.configured_backup().to_string());
    if let Some(role) = node.configured_role() {
        field("role", quoted(role.name()));
    }
    if let Some(zone) = node.configured_zone() {
        field("zone", quoted(zone));
    }
    if let Some(group) = node.configured_group() {
        field("group", quoted(group));
    }
    let tags: Vec<String> = node.tags().map(quoted).collect();
    field("tags", format!("[{}]", tags.join(", ")));
    line + "}"
}
