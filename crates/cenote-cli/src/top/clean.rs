//! What came from a server, made harmless: nothing of it is a command to the terminal, or turns around what stands beside
//! it.

use serde_json::Value;

/// So many characters of one text are kept; a screen has fewer.
const MOST: usize = 2_000;

/// Makes every text in it harmless, names of fields among them.
pub(crate) fn value(value: Value) -> Value {
    match value {
        Value::String(is) => Value::String(text(&is)),
        Value::Array(all) => Value::Array(all.into_iter().map(self::value).collect()),
        Value::Object(fields) => {
            let clean = |(name, value): (String, Value)| (text(&name), self::value(value));
            Value::Object(fields.into_iter().map(clean).collect())
        }
        plain => plain,
    }
}

/// The same of one text.
pub(crate) fn text(text: &str) -> String {
    let shown = |c| if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(MOST).map(shown).collect()
}

/// Controls, line ends among them; what turns the direction of writing; what is invisible.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // P-26, S
    #[test]
    fn no_command_reaches_the_terminal() {
        for (hostile, shown) in [
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("\u{9b}31m\u{7f}\r\n\t\0", "\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}", "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}"),
            ("ä → 字 👍", "ä → 字 👍"),
        ] {
            assert_eq!(text(hostile), shown);
        }
        assert_eq!(text(&"x".repeat(10_000)).len(), MOST);
        let clean = value(json!({"a\u{1b}": ["\u{7}", {"b": "\u{9d}"}], "n": 1.5, "z": null}));
        assert_eq!(
            clean,
            json!({"a\u{fffd}": ["\u{fffd}", {"b": "\u{fffd}"}], "n": 1.5, "z": null})
        );
        assert!(!clean.to_string().chars().any(char::is_control));
    }
}
