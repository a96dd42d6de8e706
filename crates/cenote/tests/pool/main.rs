//! The behaviour of the pool by the rules of its specification, a module for each idea. All of it but a few cases runs in
//! virtual time; what needs real threads, or a process of its own, is in the files beside this folder.

#[path = "../common/mod.rs"]
mod common;

mod backoff;
mod capacity;
mod clearing;
mod closing;
mod config;
mod counterexamples;
mod draining;
mod dying;
mod ending;
mod errors;
mod failing;
mod fairness;
mod filling;
mod guards;
mod hooks;
mod leaks;
mod lending;
mod lessons;
mod life;
mod limits;
mod locking;
mod making;
mod many;
mod matrix;
mod membership;
mod numbers;
mod observers;
mod options;
mod peers;
mod presets;
mod ramp;
mod resetting;
mod retiring;
mod sharing;
mod testing;
mod tickets;
mod waiting;
mod with;
