//! Nodes that come, change and go: in a file while PostgreSQL servers are under load, and in DNS.

mod dns;
mod living;
mod sources;
mod world;
