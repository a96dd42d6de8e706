//! URLs of PostgreSQL databases: what is taken connects where the URL says, and what is refused is refused in a
//! sentence. Neither shows a password.

use cenote::{Manager, Options};
use cenote_postgres::Postgres;

use crate::claims;
use crate::url::Parts;

/// A URL; a `$` in it is a secret, and so is a `~`.
pub fn postgres(input: &[u8]) -> bool {
    let url = claims::text(input);
    let parts = Parts::of(&url);
    match Postgres::from_url(&url) {
        Ok(postgres) => {
            let (scheme, rest) = url.split_once("://").expect("it has a scheme");
            let ours = ["postgres", "postgresql"];
            assert!(ours.iter().any(|ours| scheme.eq_ignore_ascii_case(ours)), "{url}");
            claims::is_one_sentence(&shortened(&postgres.place()));
            // Only what stands for somebody or something else than the password is shown.
            let open = match rest.split_once('@') {
                Some((login, rest)) => format!("{} {rest}", login.split(':').next().unwrap_or("")),
                None => rest.to_owned(),
            };
            if !claims::shows_a_secret(&open) {
                let shown = format!("{} {postgres:?}", postgres.place());
                assert!(!claims::shows_a_secret(&shown), "{url}: {shown}");
            }
            // The driver's own defaults, then the URL's.
            let options = postgres.defaults(Options::default());
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
