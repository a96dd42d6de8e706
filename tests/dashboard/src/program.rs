//! Where the browser is.

use std::env;
use std::path::PathBuf;

use crate::{Result, Trouble};

/// What it is for, as lists of what is missing say it.
pub const SERVER: &str = "the dashboard's browser";
/// The package of Debian that has it: without windows, and half as large as the whole browser.
pub const PACKAGE: &str = "chromium-headless-shell";

/// The names it has; a browser with windows can do without them too.
const PROGRAMS: &[&str] =
    &["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

pub(crate) fn find() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let places =
        PROGRAMS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file()).ok_or_else(|| {
        Trouble::new(format!(
            "the program {} is not installed: install it (on Debian: apt-get install {PACKAGE})",
            PROGRAMS[0]
        ))
    })
}

/// The name of the program that this machine does not have; `None` if there is a browser.
pub fn missing() -> Option<&'static str> {
    find().is_err().then_some(PROGRAMS[0])
}
