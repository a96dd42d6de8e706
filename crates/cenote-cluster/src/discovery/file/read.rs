//! Reading a node file: what is there as bytes, or why nothing can be read; never more than so many of them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::node_file::{NodeFile, parse};
use crate::discovery::{FileError, Update};

/// The largest file that is read: some twenty thousand nodes.
const LARGEST: u64 = 4 << 20;

/// What a look at the file saw.
pub(super) enum Seen {
    /// Its bytes, and what they say.
    Content(Vec<u8>, Result<NodeFile, FileError>),
    /// Why it cannot be read.
    Error(String),
}

impl Seen {
    #[cfg(test)]
    pub(super) fn content(text: String) -> Seen {
        let listed = parse(Path::new("nodes.toml"), text.as_bytes());
        Seen::Content(text.into_bytes(), listed)
    }

    /// Whether it lists nodes.
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Seen::Content(_, Ok(listed)) if !listed.nodes.is_empty())
    }
}

pub(super) fn read(path: &Path) -> Seen {
    match bytes(path) {
        Ok(bytes) => {
            let listed = parse(path, &bytes);
            Seen::Content(bytes, listed)
        }
        Err(why) => Seen::Error(why),
    }
}

/// What is there, or why it cannot be read.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "it does not exist: create it, or correct the path".to_owned(),
        ErrorKind::PermissionDenied => {
            "it may not be read: give this process the right to, or correct the path".to_owned()
        }
        _ => format!("it cannot be read: {error}"),
    };
    // Asked before it is opened: a pipe would wait for a writer.
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err("it is no regular file: name one that lists nodes".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(told)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!(
            "it is larger than {} MiB: it should list nodes and nothing else",
            LARGEST >> 20
        ));
    }
    Ok(bytes)
}

/// What is to be said of it.
pub(super) fn update(path: &Path, seen: &Seen) -> Update {
    match seen {
        Seen::Error(why) => Update::failed(format!("node file {}: {why}", shown(path))),
        Seen::Content(_, Err(mistake)) => Update::invalid(mistake.to_string()),
        Seen::Content(_, Ok(listed)) => {
            let update = Update::all(listed.nodes.iter().cloned());
            listed.remarks.iter().fold(update, |update, remark| update.remark(remark.clone()))
        }
    }
}

/// A path as a sentence can hold it.
pub(in crate::discovery) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    text
}
