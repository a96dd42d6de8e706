//! The pages of the guide as documentation, so that `cargo test --doc` compiles and runs the code in them. A page
//! that is not listed here, or code that asks not to be compiled, fails a test.

#![forbid(unsafe_code)]

macro_rules! pages {
    ($($name:ident = $file:literal)+) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!(concat!("src/", $file))]
            mod $name {}
        )+

        #[cfg(test)]
        const PAGES: &[&str] = &[$($file),+];
    };
}

pages! {
    introduction = "introduction.md"
    world = "world.md"
    sizing = "sizing.md"
    size = "size.md"
    timeouts = "timeouts.md"
    sharing = "sharing.md"
    observing = "observing.md"
    admin = "admin.md"
    top = "top.md"
    cluster = "cluster.md"
    discovery = "discovery.md"
    speed = "speed.md"
    postgresql = "postgresql.md"
    redis = "redis.md"
    mysql = "mysql.md"
    http = "http.md"
    managers = "managers.md"
    errors = "errors.md"
    acquire_timeouts = "acquire-timeouts.md"
    coming_from = "coming-from.md"
    presets = "presets.md"
    options = "options.md"
    promises = "promises.md"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use cenote::Options;

    use super::PAGES;

    fn folder() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
    }

    /// Where the links of the table of contents lead.
    fn contents(summary: &str) -> Vec<&str> {
        let targets = summary.split("](").skip(1);
        targets.filter_map(|rest| rest.split_once(')').map(|(page, _)| page)).collect()
    }

    /// The lines that begin code which rustdoc would take for Rust and not compile.
    fn uncompiled(page: &str) -> Vec<&str> {
        let mut inside = false;
        let fences = page.lines().filter(|line| line.trim_start().starts_with("```"));
        let opening = fences.filter(|_| {
            inside = !inside;
            inside
        });
        opening
            .filter(|line| {
                let info = line.trim().trim_start_matches('`');
                info.is_empty() || info.contains("ignore") || info.contains("compile_fail")
            })
            .collect()
    }

    #[test]
    fn every_page_is_in_the_contents_and_in_the_tests() {
        let summary = fs::read_to_string(folder().join("SUMMARY.md")).unwrap();
        let listed = contents(&summary);
        let tested: BTreeSet<&str> = PAGES.iter().copied().collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), tested, "SUMMARY.md, lib.rs");
        assert_eq!(listed.len(), PAGES.len(), "a page is listed twice");

        let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
        let files: Vec<String> = files.map(|name| name.to_string_lossy().into_owned()).collect();
        // Pictures lie in a folder of their own.
        let names = files.iter().map(String::as_str).filter(|name| name.ends_with(".md"));
        let pages: BTreeSet<&str> = names.filter(|name| *name != "SUMMARY.md").collect();
        assert_eq!(pages, tested, "files, lib.rs");
    }

    #[test]
    fn all_code_of_the_pages_is_compiled() {
        for page in PAGES {
            let text = fs::read_to_string(folder().join(page)).unwrap();
            assert_eq!(uncompiled(&text), [""; 0], "{page}");
        }
    }

    /// The variants of an enum, by its source.
    fn variants<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
        let (_, body) = source.split_once(&format!("pub enum {name}<E> {{\n")).unwrap();
        let (body, _) = body.split_once("\n}").unwrap();
        let names = body.lines().filter_map(|line| line.strip_prefix("    "));
        let names = names.filter(|line| line.starts_with(char::is_uppercase));
        names.map(|line| line.split([' ', '(', ',']).next().unwrap_or(line)).collect()
    }

    // S
    #[test]
    fn every_error_is_on_the_page_of_errors() {
        let source = |name| fs::read_to_string(folder().join("../../crates/cenote/src").join(name));
        let (error, report) = (source("error.rs").unwrap(), source("report.rs").unwrap());
        let page = fs::read_to_string(folder().join("errors.md")).unwrap();

        let acquire = variants(&error, "Error");
        assert!(acquire.contains(&"Timeout") && acquire.contains(&"RuntimeGone"), "{acquire:?}");
        for name in acquire {
            assert!(page.contains(&format!("\n### {name}\n")), "Error::{name} has no section");
        }
        for (source, name) in
            [(&error, "ConnectError"), (&error, "BuildError"), (&report, "CloseError")]
        {
            let (_, section) = page.split_once(&format!("\n## {name}\n")).unwrap();
            let section = section.split("\n## ").next().unwrap();
            for variant in variants(source, name) {
                assert!(section.contains(&format!("\n| `{variant}")), "{name}::{variant}");
            }
        }
    }

    // P-24
    #[test]
    fn the_defaults_that_pages_name_are_those_of_the_code() {
        let plain = |text: &str| text.replace([' ', '`'], "");
        let mut compared = 0;
        for page in ["sizing.md", "timeouts.md"] {
            let text = fs::read_to_string(folder().join(page)).unwrap();
            for row in text.lines().filter(|line| line.starts_with("| [`")) {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                for option in Options::reference() {
                    if cells[1].contains(&format!("(options.md#{})", option.name)) {
                        assert_eq!(plain(cells[2]), plain(option.default), "{page}: {row}");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 15, "the tables are not found: {compared}");
    }

    #[test]
    fn code_that_is_not_compiled_is_found() {
        assert_eq!(uncompiled("```rust,ignore\n```\n```rust\n```"), ["```rust,ignore"]);
        assert_eq!(uncompiled("```\n```"), ["```"], "rustdoc takes it for Rust, readers do not");
        assert!(uncompiled("```rust\n```\n\n```toml\n```\n\n```rust,no_run\n```").is_empty());
    }
}
