//! The pages of the guide as documentation, so that `cargo test --doc` compiles and runs the code in them. A page
//! that is not listed here, or code that asks not to be compiled, fails a test.

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
    sizing = "sizing.md"
    timeouts = "timeouts.md"
    sharing = "sharing.md"
    observing = "observing.md"
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
        let pages = files.iter().map(String::as_str).filter(|name| *name != "SUMMARY.md");
        let pages: BTreeSet<&str> = pages.collect();
        assert_eq!(pages, tested, "files, lib.rs");
    }

    #[test]
    fn all_code_of_the_pages_is_compiled() {
        for page in PAGES {
            let text = fs::read_to_string(folder().join(page)).unwrap();
            assert_eq!(uncompiled(&text), [""; 0], "{page}");
        }
    }

    #[test]
    fn code_that_is_not_compiled_is_found() {
        assert_eq!(uncompiled("```rust,ignore\n```\n```rust\n```"), ["```rust,ignore"]);
        assert_eq!(uncompiled("```\n```"), ["```"], "rustdoc takes it for Rust, readers do not");
        assert!(uncompiled("```rust\n```\n\n```toml\n```\n\n```rust,no_run\n```").is_empty());
    }
}
