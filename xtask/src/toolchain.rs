//! What special builds have in common: flags for the whole tree of crates, in a target folder of their own, since
//! these flags would make the other commands build everything again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::{Failure, source};

/// A folder for a build with flags of its own, beside what the other commands build.
pub(crate) fn target(name: &str) -> PathBuf {
    let usual = std::env::var_os("CARGO_TARGET_DIR");
    usual.map_or_else(|| source::root().join("target"), PathBuf::from).join(name)
}

/// The caller's flags, and ours.
pub(crate) fn flags(ours: &str) -> OsString {
    together(std::env::var_os("RUSTFLAGS"), ours)
}

fn together(usual: Option<OsString>, ours: &str) -> OsString {
    let mut flags = usual.unwrap_or_default();
    if !flags.is_empty() {
        flags.push(" ");
    }
    flags.push(ours);
    flags
}

/// The compiler that cargo would call.
pub(crate) fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// The machine's own target. With it as `--target`, build scripts and procedural macros get none of the flags.
pub(crate) fn host() -> Result<String, Failure> {
    let said = rustc().arg("-vV").output();
    let said = said.map_err(|error| Failure::one(format!("rustc cannot be run: {error}")))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::one("rustc -vV names no host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_flags_are_kept() {
        assert_eq!(together(None, "--cfg ours"), "--cfg ours");
        assert_eq!(together(Some("-D warnings".into()), "--cfg ours"), "-D warnings --cfg ours");
    }

    #[test]
    fn the_host_is_a_target() {
        assert!(host().is_ok_and(|host| host.split('-').count() >= 3));
    }
}
