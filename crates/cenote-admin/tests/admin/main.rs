//! The router, asked without sockets where that is enough, and the server on loopback sockets where it is not.

mod common;
mod hostile;
mod live;
mod log;
mod metrics;
mod operations;
mod secrets;
mod server;
mod status;
