//! What people do with a pool: one program each in `src/bin`. The tests run them and
//! compare what they print, line by line; the code in the README is compiled and run here.

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
