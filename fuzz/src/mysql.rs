//! URLs of MySQL and MariaDB servers.

use cenote_mysql::Mysql;

use crate::server::{Driver, server};

/// A URL; a `$` in it is a secret, and so is a `~`.
pub fn mysql(input: &[u8]) -> bool {
    let schemes = ["mysql", "mariadb"];
    server(input, &Driver { schemes, read: Mysql::from_url, place: Mysql::place })
}
