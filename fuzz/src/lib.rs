//! What must hold of any configuration, any URL, any node file and any request, whatever bytes they are: one function for each kind of
//! source, which panics where it does not hold. The tests give them the kept inputs (`corpus/`) and inputs
//! drawn from seeds; libFuzzer (`cargo xtask fuzz`) gives them what reaches code that no input has reached.

#![forbid(unsafe_code)]

mod admin;
mod claims;
pub mod dice;
mod file;
mod http;
mod mysql;
mod nodes;
mod postgres;
mod server;
mod sqlite;
mod url;
mod values;
mod variables;

pub use admin::admin;
pub use file::{json, toml};
pub use http::http;
pub use mysql::mysql;
pub use nodes::nodes;
pub use postgres::postgres;
pub use sqlite::sqlite;
pub use url::url;
pub use values::{values, values_known};
pub use variables::variables;

/// A kind of source.
pub struct Target {
    /// Its folder in `corpus/`, and its program for libFuzzer.
    pub name: &'static str,
    /// Panics where something does not hold that must hold of any input; says whether this one was taken.
    pub run: fn(&[u8]) -> bool,
}

/// Every kind of source.
pub const TARGETS: [Target; 11] = [
    Target { name: "admin", run: admin },
    Target { name: "json", run: json },
    Target { name: "http", run: http },
    Target { name: "mysql", run: mysql },
    Target { name: "nodes", run: nodes },
    Target { name: "postgres", run: postgres },
    Target { name: "sqlite", run: sqlite },
    Target { name: "toml", run: toml },
    Target { name: "url", run: url },
    Target { name: "values", run: values },
    Target { name: "variables", run: variables },
];
