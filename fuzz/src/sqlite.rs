//! URLs of SQLite databases: the path is what stands there, the rest is understood or refused.

use cenote::{Manager, Options};
use cenote_sqlite::Sqlite;

use crate::claims;
use crate::url::Parts;

/// A URL; a `$` in it is a secret, and so is a `~`.
pub fn sqlite(input: &[u8]) -> bool {
    let url = claims::text(input);
    let parts = Parts::of(&url);
    let (scheme, after) = url.split_once(':').unwrap_or_default();
    match Sqlite::from_url(&url) {
        Ok(sqlite) => {
            assert!(scheme.eq_ignore_ascii_case("sqlite"), "{url}");
            let path = after.strip_prefix("//").unwrap_or(after);
            assert_eq!(Some(sqlite.path()), path.split('?').next(), "{url}");
            assert!(!sqlite.path().is_empty(), "{url}");
            let rest: Vec<&str> = parts.rest().filter(|parameter| !parameter.is_empty()).collect();
            assert!(matches!(rest[..], [] | ["mode=ro" | "mode=rw" | "mode=rwc"]), "{url}");
            assert_eq!(parts.fragment, "", "{url}");
            // The driver's own defaults, then the URL's.
            let options = sqlite.defaults(Options::default());
            parts.are_in(&options);
            true
        }
        Err(error) => {
            let said = error.to_string();
            claims::is_one_sentence(&said);
            // A scheme is shown; nothing else is.
            if !claims::shows_a_secret(scheme) {
                parts.keep_the_secret(&said);
            }
            false
        }
    }
}
