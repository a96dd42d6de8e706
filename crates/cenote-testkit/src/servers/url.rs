//! Texts inside URLs.

use std::fmt::Write;

/// With everything as `%41` that could mean something in a URL.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte as char)
            }
            _ => write!(encoded, "%{byte:02X}").expect("a String takes everything"),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_url_is_written_as_numbers() {
        assert_eq!(encoded("a-b/c@d:é%"), "a-b%2Fc%40d%3A%C3%A9%25");
    }
}
