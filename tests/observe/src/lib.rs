//! A recorder and a subscriber that keep what they are given, for the tests of cenote's facades.

#![forbid(unsafe_code)]

mod recorder;
mod subscriber;

pub use recorder::Kept;
pub use subscriber::{Line, Lines, Spans};
