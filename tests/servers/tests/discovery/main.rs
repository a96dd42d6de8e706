//! Nodes that come, change and go in a file while PostgreSQL servers are under load.

mod living;
mod sources;
mod world;
