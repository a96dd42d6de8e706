//! What a node file says: the nodes, or the one mistake that is in the way, with its line and the rule.

use std::collections::BTreeMap;
use std::path::Path;

use cenote::Node;

use super::{read, toml};
use crate::discovery::entry::{Entry, FileError, Mistake, json, node};

/// What a node file lists.
///
/// ```
/// use cenote_cluster::discovery::NodeFile;
///
/// let listed = NodeFile::from_toml("nodes = [{ key = 'a', address = '10.0.0.1', weight = 2 }]").unwrap();
/// assert_eq!(listed.nodes[0].configured_weight(), 2);
///
/// let mistake = NodeFile::from_json("{\"nodes\": [\n {\"key\": \"a\"}\n]}").unwrap_err();
/// assert_eq!(mistake.to_string(), "line 2: node \"a\" has no address: give it one");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeFile {
    /// The nodes, in the order in which they stand there; each key once.
    pub nodes: Vec<Node>,
    /// What is odd and no mistake: entries that stand there twice.
    pub remarks: Vec<String>,
}

impl NodeFile {
    /// Reads a file: TOML, or JSON if its name ends in `.json`. It blocks.
    ///
    /// # Errors
    /// The file's name, the line if there is one, and the rule.
    pub fn read(path: impl AsRef<Path>) -> Result<NodeFile, FileError> {
        let path = path.as_ref();
        match read::bytes(path) {
            Ok(bytes) => parse(path, &bytes),
            Err(why) => Err(Mistake::nowhere(why).of(read::shown(path))),
        }
    }

    /// Reads a text as TOML.
    ///
    /// # Errors
    /// The line and the rule.
    pub fn from_toml(text: &str) -> Result<NodeFile, FileError> {
        toml::entries(text).and_then(listed).map_err(Mistake::of_text)
    }

    /// Reads a text as JSON.
    ///
    /// # Errors
    /// The line and the rule.
    pub fn from_json(text: &str) -> Result<NodeFile, FileError> {
        json::entries(text).and_then(listed).map_err(Mistake::of_text)
    }
}

/// Reads what is in this file.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<NodeFile, FileError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        Mistake::at(line, "it is no UTF-8 text from here on: save it as UTF-8")
            .of(read::shown(path))
    })?;
    // Some editors begin a file with a mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_json = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json"));
    let read = if is_json { json::entries(text) } else { toml::entries(text) };
    let of_file = |remark| format!("node file {}, {remark}", read::shown(path));
    let listed = read.and_then(listed).map_err(|mistake| mistake.of(read::shown(path)))?;
    Ok(NodeFile { nodes: listed.nodes, remarks: listed.remarks.into_iter().map(of_file).collect() })
}

fn listed(entries: Vec<Entry>) -> Result<NodeFile, Mistake> {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut listed = NodeFile { nodes: Vec::new(), remarks: Vec::new() };
    for entry in entries {
        let line = entry.line;
        let node = node(entry, None)?;
        match first.get(node.key()) {
            Some(before) => listed.remarks.push(format!(
                "line {line}: node \"{}\" is listed twice: the entry in line {before} counts",
                node.key()
            )),
            None => {
                first.insert(node.key().to_owned(), line);
                listed.nodes.push(node);
            }
        }
    }
    Ok(listed)
}

#[cfg(test)]
mod tests;
