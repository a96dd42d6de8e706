//! The core alone: a crate in cargo's output folder that is nothing but a copy of the core and of the modules that it
//! uses. A change of it is compiled and tested in some seconds, where the whole crate takes minutes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::test::target;
use crate::{Failure, source};

const SOURCES: &str = "crates/cenote/src/";
/// Files and folders; a module that the core begins to use must be named here, or the crate does not compile.
const MODULES: [&str; 7] = ["config", "core", "lane", "spread", "stats", "sync", "time"];

const MANIFEST: &str = r#"[package]
name = "core-alone"
version = "0.0.0"
edition = "2024"
publish = false

[features]
serde = []

# Quick to compile: that is most of the work. Incremental, and without a workspace above it.
[profile.dev]
debug = 0
opt-level = 0
incremental = true

[workspace]
"#;

/// Writes the crate anew and returns its folder.
pub(crate) fn write() -> Result<PathBuf, Failure> {
    let folder = target().join("mutants/core-alone");
    let said = |error: io::Error| Failure::one(format!("{}: {error}", folder.display()));
    let src = folder.join("src");
    // What it has compiled lies beside the sources and stays.
    if src.exists() {
        fs::remove_dir_all(&src).map_err(said)?;
    }
    fs::create_dir_all(&src).map_err(said)?;
    fs::write(folder.join("Cargo.toml"), MANIFEST).map_err(said)?;
    fs::write(src.join("lib.rs"), root()).map_err(said)?;
    for path in source::paths()?.iter().filter_map(|path| path.strip_prefix(SOURCES)) {
        if MODULES.iter().any(|module| belongs(path, module)) {
            let to = src.join(path);
            fs::create_dir_all(to.parent().unwrap_or(&src)).map_err(said)?;
            fs::write(to, source::read(Path::new(&format!("{SOURCES}{path}")))?).map_err(said)?;
        }
    }
    Ok(folder)
}

/// What others call in the real crate nobody calls here.
fn root() -> String {
    let modules: String = MODULES.iter().map(|module| format!("mod {module};\n")).collect();
    format!("#![allow(warnings)]\n{modules}pub use config::*;\n")
}

/// Whether the file is the module's, as `a.rs` and all in `a/` are.
fn belongs(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_a_file_or_a_folder_and_no_other_with_the_same_beginning() {
        assert!(belongs("time.rs", "time") && belongs("core/tests/time.rs", "core"));
        assert!(!belongs("core/time.rs", "time") && !belongs("timer.rs", "time"));
    }

    #[test]
    fn every_module_of_the_core_alone_is_there() {
        let paths = source::paths().unwrap_or_default();
        let mut files = paths.iter().filter_map(|path| path.strip_prefix(SOURCES));
        for module in MODULES {
            assert!(files.any(|path| belongs(path, module)), "{module}");
        }
    }

    #[test]
    fn no_module_of_the_core_alone_uses_one_that_is_left_out() {
        let paths = source::paths().map_err(|_| "the files are listed").unwrap();
        let files: Vec<&str> = paths.iter().filter_map(|path| path.strip_prefix(SOURCES)).collect();
        let copied = |path: &str| MODULES.iter().any(|module| belongs(path, module));
        for file in files.iter().filter(|file| copied(file)) {
            let text = source::read(Path::new(&format!("{SOURCES}{file}")));
            let text = text.map_err(|_| file).unwrap();
            for line in text
                .lines()
                .map(str::trim_start)
                .filter(|line| line.starts_with("use ") || line.starts_with("pub"))
            {
                let Some((_, rest)) = line.split_once("crate::") else { continue };
                let name =
                    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
                let left_out =
                    files.iter().any(|path| belongs(path, name)) && !copied(&format!("{name}.rs"));
                assert!(!left_out, "{file} uses {name}, which MODULES must name");
            }
        }
    }
}
