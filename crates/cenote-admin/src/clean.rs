//! What may hold a secret is cleaned before anybody sees it: passwords in URLs, values of options that are named like
//! secrets, and the token itself. Drivers keep their passwords out of their errors; this is for keys of nodes that are
//! URLs, for managers of the service's own, and for what actions answer. It rather hides too much.

/// Hides secrets.
#[derive(Clone)]
pub(crate) struct Clean {
    /// Never shown, wherever it stands.
    token: Option<String>,
}

/// What stands for a secret.
const HIDDEN: &str = "***";
/// Names of values that nobody should see; a longer name may end so.
const NAMES: [&str; 8] =
    ["password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "authorization"];

impl Clean {
    pub(crate) fn new(token: Option<&str>) -> Clean {
        Clean { token: token.filter(|token| !token.is_empty()).map(str::to_owned) }
    }

    /// The text without what it may hold of secrets.
    pub(crate) fn text(&self, text: &str) -> String {
        // One line, whatever a driver or a name has in it.
        let mut text = text.replace(is_strange, "\u{fffd}");
        if let Some(token) = self.token.as_deref().filter(|token| text.contains(*token)) {
            text = text.replace(token, HIDDEN);
        }
        if text.contains("://") {
            text = without_userinfo(&text);
        }
        if text.contains(['=', ':']) {
            text = without_values(&text);
        }
        text
    }
}

/// What tears lines apart, or turns them round.
fn is_strange(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where a URL, or a value, ends in a sentence.
fn ends(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')
}

/// Hides what stands between the user and the last `@` of each URL: a password may hold slashes and more `@`.
fn without_userinfo(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = url.find(ends).unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        match url.rfind('@') {
            Some(at) => {
                let user = url[..at].split(':').next().unwrap_or_default();
                clean.push_str(user);
                if user.len() < at {
                    clean.push(':');
                    clean.push_str(HIDDEN);
                }
                clean.push_str(&url[at..]);
            }
            None => clean.push_str(url),
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// Hides the value after `password=`, `"token": ` and their like.
fn without_values(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at(at + 1);
        clean.push_str(before);
        rest = after;
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let name = before[..at].trim_end_matches(['"', '\'', ' ']);
        let start = name.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
        let name = name.get(start..).unwrap_or_default().to_lowercase().replace('-', "_");
        if !NAMES.iter().any(|secret| name.ends_with(secret)) {
            continue;
        }
        let value = rest.trim_start_matches(' ');
        clean.push_str(&rest[..rest.len() - value.len()]);
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        let end = match quote {
            Some(quote) => value[1..].find(quote).map_or(value.len(), |at| at + 2),
            // Schemes and their credentials are two words.
            None if name.contains("authorization") => value.len(),
            None => value
                .find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | ')'))
                .unwrap_or(value.len()),
        };
        if end > 0 {
            clean.push_str(HIDDEN);
        }
        rest = &value[end..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    // section S
    #[test]
    fn passwords_of_urls_and_of_options_are_hidden_and_the_rest_stays() {
        let clean = Clean::new(Some("open sesame"));
        for (text, shown) in [
            ("postgres://app:hunter2@db:5432/shop", "postgres://app:***@db:5432/shop"),
            ("at \"redis://:hunter2@h/0\": refused", "at \"redis://:***@h/0\": refused"),
            ("mysql://a:hun/t@er2@h/x and http://h/", "mysql://a:***@h/x and http://h/"),
            ("https://user@host/p", "https://user@host/p"),
            ("http://host:80/path", "http://host:80/path"),
            ("host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"),
            ("password='hun ter2' user=me", "password=*** user=me"),
            ("{\"db_password\": \"hunter2\", \"n\": 1}", "{\"db_password\": ***, \"n\": 1}"),
            ("Authorization: Bearer hunter2", "Authorization: ***"),
            ("x-api-key: hunter2, more", "x-api-key: ***, more"),
            ("says open sesame twice: open sesame", "says *** twice: ***"),
            ("pool \"a\": closed, size 1 of 10", "pool \"a\": closed, size 1 of 10"),
            ("waited 2.0s: a = b", "waited 2.0s: a = b"),
            ("ключ=значение password=тайна", "ключ=значение password=***"),
            ("password=", "password="),
            ("two\nlines\u{202e}", "two\u{fffd}lines\u{fffd}"),
            ("pool \"tokens\": closed", "pool \"tokens\": closed"),
            ("", ""),
        ] {
            assert_eq!(clean.text(text), shown);
        }
    }
}
