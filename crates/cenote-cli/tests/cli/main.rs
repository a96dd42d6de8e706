//! The program as its users run it.

mod bad_input;
mod bench;
mod demo;
mod http;
mod nodes;
mod program;
mod size;
mod top;
mod world;
