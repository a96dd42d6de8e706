//! The project's own files, found by walking its folders: hidden ones and those that cargo has marked as its
//! output are passed by. So a check judges the same files before a commit and after it, without git.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::Failure;

/// A file of the project.
pub(crate) struct Source {
    /// From the project's root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether the whole file is test code: its behaviour tests, or the tests that sit beside a module.
    pub(crate) fn is_test(&self) -> bool {
        let mut parts: Vec<&str> = self.path.split('/').collect();
        let file = parts.pop().unwrap_or_default();
        parts.contains(&"tests") || file == "tests.rs" || file.ends_with("_test.rs")
    }
}

/// The project's root.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the project's root")
}

/// All Rust files, in the order of their paths.
pub(crate) fn rust_files() -> Result<Vec<Source>, Failure> {
    files(".rs")
}

/// All manifests of crates, and the workspace's.
pub(crate) fn manifests() -> Result<Vec<Source>, Failure> {
    files("Cargo.toml")
}

/// All documents, those of the guide included, by their paths.
pub(crate) fn documents() -> Result<BTreeMap<String, String>, Failure> {
    Ok(files(".md")?.into_iter().map(|file| (file.path, file.text)).collect())
}

/// The paths of all files, in their order.
pub(crate) fn paths() -> Result<Vec<String>, Failure> {
    let mut paths = Vec::new();
    walk("", &mut paths)
        .map_err(|error| Failure::one(format!("the project's files cannot be listed: {error}")))?;
    paths.sort();
    Ok(paths)
}

/// All files whose names end like this, in the order of their paths.
fn files(ending: &str) -> Result<Vec<Source>, Failure> {
    let paths = paths()?.into_iter().filter(|path| path.ends_with(ending));
    paths.map(|path| Ok(Source { text: read(Path::new(&path))?, path })).collect()
}

/// Adds the files of a folder: its path ends with `/`, or is empty for the root.
fn walk(folder: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in root().join(folder).read_dir()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}{name}");
        if entry.file_type()?.is_dir() {
            let built = entry.path().join("CACHEDIR.TAG").exists();
            if !built && !name.starts_with('.') {
                walk(&format!("{path}/"), paths)?;
            }
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// A file of the project, as text.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(root().join(path))
        .map_err(|error| Failure::one(format!("{} cannot be read: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_files_are_told_by_their_place_and_name() {
        let is_test = |path: &str| Source { path: path.to_owned(), text: String::new() }.is_test();
        assert!(is_test("crates/cenote/tests/fair.rs"));
        assert!(is_test("crates/cenote/src/core/tests/model.rs"));
        assert!(is_test("crates/cenote/src/queue/tests.rs"));
        assert!(!is_test("crates/cenote/src/queue.rs"));
        assert!(!is_test("crates/cenote-testkit/src/tests_of_time.rs"));
    }

    #[test]
    fn the_projects_files_are_found_and_nothing_that_was_built() {
        let files = rust_files().unwrap_or_default();
        assert!(files.iter().any(|file| file.path == "xtask/src/source.rs"));
        assert!(!files.iter().any(|file| file.path.starts_with("target/")));
    }
}
