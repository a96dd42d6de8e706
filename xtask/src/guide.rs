//! The guide: mdBook makes HTML of it, after every link of its pages, and of the documents that point to them,
//! was followed. mdBook itself does not look where links lead. Addresses outside the project are not visited.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::{Failure, Outcome, source};

const FOLDER: &str = "book";

pub(crate) fn run() -> Outcome {
    let documents = source::documents()?;
    let links: usize = documents.values().map(|text| links(text).len()).sum();
    let wrong: Vec<String> = documents.keys().flat_map(|path| broken(path, &documents)).collect();
    if !wrong.is_empty() {
        return Err(Failure::Said(wrong));
    }
    build()?;
    println!("{} documents with {links} links, all of which lead somewhere", documents.len());
    Ok(())
}

fn build() -> Outcome {
    let built = Command::new("mdbook").args(["build", FOLDER]).current_dir(source::root()).output();
    let built = built.map_err(|error| {
        Failure::one(format!(
            "mdbook cannot be run ({error}): install it as .ci/run does, with cargo install mdbook"
        ))
    })?;
    let said = String::from_utf8_lossy(&built.stderr);
    eprint!("{said}");
    match built.status.success() && !said.contains("WARN") {
        true => Ok(()),
        false => Err(Failure::one("mdbook has something to say against the guide")),
    }
}

/// The documents by their paths from the project's root.
type Documents = BTreeMap<String, String>;

/// One sentence for each link of this document that leads nowhere.
fn broken(path: &str, documents: &Documents) -> Vec<String> {
    let links = links(&documents[path]).into_iter();
    links
        .filter_map(|(n, target)| {
            let why = follow(path, &target, documents)?;
            Some(format!("{path}:{n}: the link to \"{target}\" leads nowhere: {why}"))
        })
        .collect()
}

/// What is wrong with a link, if anything is.
fn follow(from: &str, target: &str, documents: &Documents) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { from.to_owned() } else { beside(from, file) };
    // What is outside the guide's folder is not part of what mdBook makes.
    if from.starts_with("book/src/") && !path.starts_with("book/src/") {
        return Some("it leaves the guide".to_owned());
    }
    match documents.get(&path) {
        Some(text) if anchor.is_empty() || anchors(text).iter().any(|known| known == anchor) => {
            None
        }
        Some(_) => Some(format!("{path} has no heading for \"#{anchor}\"")),
        None if anchor.is_empty() && source::root().join(&path).exists() => None,
        None => Some(format!("there is no document {path}")),
    }
}

/// A path relative to the folder of a document, from the project's root.
fn beside(from: &str, file: &str) -> String {
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
    for part in file.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The lines outside of code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// Where the links of a document lead, with their lines: `[text](target)` and `[text]: target`.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, line) in prose(text) {
        // What stands in backticks is no link, but may be the text of one.
        let line = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let reference = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        let targets = inline.map(|(target, _)| target).chain(reference.map(|(_, target)| target));
        found.extend(targets.map(|target| (n, target.to_owned())));
    }
    found
}

/// The anchors that mdBook gives to the headings of a document.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let letters = heading.trim().chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
            _ => None,
        });
        let anchor: String = letters.collect();
        // Of headings with the same words, all but the first get a number.
        let twins = anchors.iter().filter(|known| **known == anchor).count();
        anchors.push(if twins == 0 { anchor } else { format!("{anchor}-{twins}") });
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(texts: &[(&str, &str)]) -> Documents {
        texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn links_are_found_in_prose_only() {
        let text =
            "[a](b.md) and [`c`](d.md#e), not `[x](y)`.\n```text\n[x](y)\n```\n[f]: https://g";
        let found = [(1, "b.md"), (1, "d.md#e"), (5, "https://g")];
        assert_eq!(links(text), found.map(|(n, target)| (n, target.to_owned())));
    }

    #[test]
    fn headings_have_anchors() {
        let text = "# One, *two*\n## `max_size`\n```text\n# no\n```\n#no\n## generic-pool 2.4\n## max_size";
        assert_eq!(anchors(text), ["one-two", "max_size", "generic-pool-24", "max_size-1"]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named() {
        let all = documents(&[
            ("README.md", "[guide](book/src/a.md#top) [gone](book/src/b.md)"),
            ("book/src/a.md", "# Top\n[up](../../README.md) [here](#top) [out](https://a.b)"),
            ("book/src/c.md", "[a](a.md#bottom)\n\n[a](./a.md)"),
        ]);
        assert_eq!(
            broken("README.md", &all),
            [
                "README.md:1: the link to \"book/src/b.md\" leads nowhere: there is no document book/src/b.md"
            ]
        );
        assert_eq!(
            broken("book/src/a.md", &all),
            ["book/src/a.md:2: the link to \"../../README.md\" leads nowhere: it leaves the guide"]
        );
        assert_eq!(
            broken("book/src/c.md", &all),
            [
                "book/src/c.md:1: the link to \"a.md#bottom\" leads nowhere: book/src/a.md has no heading for \"#bottom\""
            ]
        );
    }

    #[test]
    fn the_projects_links_lead_somewhere() {
        let documents = source::documents().unwrap_or_default();
        assert!(
            documents.contains_key("README.md") && documents.contains_key("book/src/SUMMARY.md")
        );
        let wrong: Vec<String> =
            documents.keys().flat_map(|path| broken(path, &documents)).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
