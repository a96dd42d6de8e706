//! What others have said, made fit to be shown: no password in it, and no command to the terminal. A mistyped command line is
//! repeated to its user, keys of nodes may be URLs, and a file or a server says what it likes.

use crate::top::clean;

/// The text without what may be a password, in one line.
pub(crate) fn harmless(text: &str) -> String {
    clean::text(&without_passwords(text))
}

/// Takes what may be a password out of a text: a mistyped command line is repeated to its user.
fn without_passwords(text: &str) -> String {
    without_values(&without_userinfo(text))
}

/// The value of each `password=` and its like, of a URL and of a connection string.
fn without_values(text: &str) -> String {
    const NAMES: [&str; 5] = ["password", "passwd", "pwd", "secret", "token"];
    let mut clean = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at + 1);
        clean.push_str(before);
        rest = after;
        let name = before[..at].to_lowercase();
        if NAMES.iter().any(|secret| name.ends_with(secret)) {
            clean.push_str("...");
            // Its end may be anywhere, blanks may be in it: all that was one argument goes.
            rest = &after[after.find(['\'', '&']).unwrap_or(after.len())..];
        }
    }
    clean + rest
}

/// Users and passwords of URLs.
fn without_userinfo(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(['/', '\'', '"', ' ']).unwrap_or(after.len());
        // A password may itself hold a slash or an @, so look as far as the URL goes.
        let whole = after.find([' ', '\'']).unwrap_or(after.len());
        rest = match after[..whole].rfind('@') {
            // Our own words on how to write one.
            Some(host) if after[..host].ends_with("USER:PASSWORD") => {
                clean.push_str(&after[..host]);
                &after[host..]
            }
            Some(host) => {
                clean.push_str("...");
                &after[host..]
            }
            None => {
                clean.push_str(&after[..end]);
                &after[end..]
            }
        };
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    // S
    #[test]
    fn passwords_are_taken_out_of_urls() {
        for (text, clean) in [
            ("'postgres://me:hunter2@host/db' found", "'postgres://...@host/db' found"),
            ("a://u:p/q@r@h b://u@h", "a://...@h b://...@h"),
            ("sqlite:///tmp/app.db and http://host/x", "sqlite:///tmp/app.db and http://host/x"),
            ("no url", "no url"),
            ("as in a://USER:PASSWORD@HOST", "as in a://USER:PASSWORD@HOST"),
            ("'host=h PGPASSWORD=hunter2 x' found", "'host=h PGPASSWORD=...' found"),
            ("'a://h/d?password=hunter2&x=1' found", "'a://h/d?password=...&x=1' found"),
        ] {
            assert_eq!(without_passwords(text), clean);
        }
    }
}
