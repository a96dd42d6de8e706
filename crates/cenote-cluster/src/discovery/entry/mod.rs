//! One entry that describes a node, whatever it is written in and wherever it stands, in a file or in a registry: fields
//! with their lines in, a node or a mistake out. The rules are here and nowhere else.

pub(super) mod json;
mod lines;
mod mistake;
mod text;

pub(super) use lines::Lines;
pub use mistake::FileError;
pub(super) use mistake::Mistake;
pub use text::{node_from_json, node_to_json};

use cenote::{Node, Role};

/// The longest text that a field may have.
const LONGEST: usize = 200;
/// An address may be a URL with many options.
const LONGEST_ADDRESS: usize = 4_000;

pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) fields: Vec<Field>,
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(String),
    /// A number, as it is written.
    Number(String),
    List(Vec<Value>),
    Other,
}

/// The node that this entry is. `named`: its key, if the entry does not say it.
pub(super) fn node(entry: Entry, named: Option<&str>) -> Result<Node, Mistake> {
    let Entry { line, fields } = entry;
    let mut key = named.filter(|named| fits(named, LONGEST)).map(str::to_owned);
    for field in fields.iter().filter(|field| field.name == "key") {
        key = Some(text(field, "its key", LONGEST)?);
    }
    let key =
        key.ok_or_else(|| Mistake::at(line, "a node has no key: give each a key of its own"))?;
    let who = format!("node \"{key}\"");
    let mut node = Node::new(key, "");
    let mut address = None;
    for field in &fields {
        let about = format!("{who}: its {}", field.name);
        match field.name.as_str() {
            "key" => {}
            "address" => address = Some(text(field, &about, LONGEST_ADDRESS)?),
            "role" => {
                node = node.role(match &field.value {
                    Value::Text(role) if role == "primary" => Role::Primary,
                    Value::Text(role) if role == "replica" => Role::Replica,
                    _ => {
                        let rule = format!("{about} must be \"primary\" or \"replica\"");
                        return Err(Mistake::at(field.line, rule));
                    }
                });
            }
            "weight" => {
                let weight = match &field.value {
                    Value::Number(number) => number.parse::<u32>().ok(),
                    _ => None,
                };
                node = node.weight(weight.ok_or_else(|| {
                    let rule = format!("{about} must be a whole number from 0 to {}", u32::MAX);
                    Mistake::at(field.line, rule)
                })?);
            }
            "backup" => {
                let rank = match &field.value {
                    Value::Number(number) => number.parse::<u16>().ok(),
                    _ => None,
                };
                node = node.backup(rank.ok_or_else(|| {
                    let rule = format!("{about} must be a whole number from 0 to {}", u16::MAX);
                    Mistake::at(field.line, rule)
                })?);
            }
            "zone" => node = node.zone(text(field, &about, LONGEST)?),
            "group" => node = node.group(text(field, &about, LONGEST)?),
            "tags" => {
                let wrong = || Mistake::at(field.line, format!("{about} must be a list of texts"));
                let Value::List(tags) = &field.value else { return Err(wrong()) };
                for tag in tags {
                    match tag {
                        Value::Text(tag) if fits(tag, LONGEST) => node = node.tag(tag.clone()),
                        _ => return Err(wrong()),
                    }
                }
            }
            unknown => {
                let rule = format!(
                    "{who} has a field \"{}\", which no node has: these are key, address, role, weight, backup, zone, group and tags",
                    shown(unknown)
                );
                return Err(Mistake::at(field.line, rule));
            }
        }
    }
    let Some(address) = address else {
        return Err(Mistake::at(line, format!("{who} has no address: give it one")));
    };
    Ok(with_address(&node, address))
}

/// The same node at this address.
fn with_address(node: &Node, address: String) -> Node {
    let mut new = Node::new(node.key(), address)
        .weight(node.configured_weight())
        .backup(node.configured_backup());
    if let Some(role) = node.configured_role() {
        new = new.role(role);
    }
    if let Some(zone) = node.configured_zone() {
        new = new.zone(zone);
    }
    if let Some(group) = node.configured_group() {
        new = new.group(group);
    }
    node.tags().fold(new, Node::tag)
}

fn text(field: &Field, about: &str, longest: usize) -> Result<String, Mistake> {
    match &field.value {
        Value::Text(text) if fits(text, longest) => Ok(text.clone()),
        _ => {
            let rule = format!("{about} must be a text of one line, with 1 to {longest} letters");
            Err(Mistake::at(field.line, rule))
        }
    }
}

/// Whether a text can be shown in a log as it is.
fn fits(text: &str, longest: usize) -> bool {
    let length = text.chars().count();
    (1..=longest).contains(&length) && !text.contains(is_strange)
}

/// Characters that end lines, or turn the direction of what is read.
pub(super) fn is_strange(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name from the file as a sentence can hold it.
pub(super) fn shown(name: &str) -> String {
    let clean = |c: char| if is_strange(c) { '?' } else { c };
    let short: String = name.chars().take(40).map(clean).collect();
    if name.chars().count() > 40 { format!("{short}…") } else { short }
}

/// A parser's sentence as ours can hold it.
pub(super) fn one_line(said: &str) -> String {
    let line = said.lines().next().unwrap_or_default();
    line.chars().filter(|c| !is_strange(*c)).take(200).collect()
}
