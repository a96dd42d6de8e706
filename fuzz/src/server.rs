//! URLs of database servers: what is taken connects where the URL says, and what is refused is refused in a sentence.
//! Neither shows a password.

use std::fmt::Debug;

use cenote::{Manager, Options};

use crate::claims;
use crate::url::Parts;

/// A driver that reads URLs.
pub(crate) struct Driver<M: Manager> {
    /// All of them mean the same.
    pub(crate) schemes: [&'static str; 2],
    pub(crate) read: fn(&str) -> Result<M, M::Error>,
    /// Where it connects.
    pub(crate) place: fn(&M) -> String,
}

/// A URL; a `$` in it is a secret, and so is a `~`.
pub(crate) fn server<M: Manager + Debug>(input: &[u8], driver: &Driver<M>) -> bool {
    let url = claims::text(input);
    let parts = Parts::of(&url);
    match (driver.read)(&url) {
        Ok(manager) => {
            let (scheme, rest) = url.split_once("://").expect("it has a scheme");
            let known = driver.schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known));
            assert!(known, "{url}");
            let place = (driver.place)(&manager);
            claims::is_one_sentence(&shortened(&place));
            // Only what stands for somebody or something else than the password is shown.
            let open = match rest.split_once('@') {
                Some((login, rest)) => format!("{} {rest}", login.split(':').next().unwrap_or("")),
                None => rest.to_owned(),
            };
            if !claims::shows_a_secret(&open) {
                let shown = format!("{place} {manager:?}");
                assert!(!claims::shows_a_secret(&shown), "{url}: {shown}");
            }
            // The driver's own defaults, then the URL's.
            let options = manager.defaults(Options::default());
            parts.are_in(&options);
            true
        }
        Err(error) => {
            let said = error.to_string();
            claims::is_one_sentence(&said);
            // A scheme is shown; nothing else is.
            let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
            if !claims::shows_a_secret(scheme) {
                parts.keep_the_secret(&said);
            }
            false
        }
    }
}

/// Names may be as long as the URL.
fn shortened(place: &str) -> String {
    format!("at {}", place.chars().take(400).collect::<String>())
}
