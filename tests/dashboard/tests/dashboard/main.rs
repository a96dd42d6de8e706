//! The dashboard as a person meets it: a real page in a real Chromium, over a real server on this machine, with pools and a
//! cluster whose servers are scripted. At the end of each test the page has complained of nothing and has asked nobody but
//! its own server.

mod ends;
mod hostile;
mod lags;
mod looks;
mod operates;
mod rules;
mod shows;
mod visit;
mod world;
