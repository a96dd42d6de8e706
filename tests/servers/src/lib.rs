//! Tests that need real servers live in this crate, in `tests/`: `cargo xtask test --no-servers` leaves it out as a
//! whole, and lists what is in it.

#![forbid(unsafe_code)]
