//! Nodes that come, change and go: in a file while PostgreSQL servers are under load, in DNS, and in etcd.

mod dns;
mod etcd;
mod living;
mod sources;
mod world;
