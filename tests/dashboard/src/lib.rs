//! A headless Chromium for the tests of the dashboard, driven over the DevTools protocol.
//!
//! The protocol is JSON, and Chromium speaks it over two pipes with a zero byte after each message
//! (`--remote-debugging-pipe`). So nothing is needed but a process, its pipes and a JSON parser: no web socket, no open port,
//! none of the crates that bring the whole protocol as generated types. The browser ends when its pipes do, which is also
//! when the test's process is killed.
//!
//! The calls block their thread. No wait here is a sleep: the page itself says when a condition holds.

#![forbid(unsafe_code)]

mod browser;
mod page;
mod pipe;
mod program;

pub use browser::Browser;
pub use page::Page;
pub use program::{PACKAGE, SERVER, missing};

use std::fmt;

/// Why something could not be done, in a sentence. Tests end with it.
#[derive(Clone, Debug)]
pub struct Trouble(pub(crate) String);

impl Trouble {
    pub(crate) fn new(sentence: impl Into<String>) -> Trouble {
        Trouble(sentence.into())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

/// What most calls return.
pub type Result<T> = std::result::Result<T, Trouble>;
