//! URLs of services.

use cenote_http::Http;

use crate::server::{Driver, server};

/// A URL; a `$` in it is a secret, and so is a `~`.
pub fn http(input: &[u8]) -> bool {
    let schemes = ["http", "https"];
    server(input, &Driver { schemes, read: Http::from_url, place: |http| http.place() })
}
