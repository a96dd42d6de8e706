//! URLs of PostgreSQL servers.

use cenote_postgres::Postgres;

use crate::server::{Driver, server};

/// A URL; a `$` in it is a secret, and so is a `~`.
pub fn postgres(input: &[u8]) -> bool {
    let schemes = ["postgres", "postgresql"];
    server(input, &Driver { schemes, read: Postgres::from_url, place: Postgres::place })
}
