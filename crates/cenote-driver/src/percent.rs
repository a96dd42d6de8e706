//! Percent encoding in URLs (RFC 3986), read strictly: what is encoded wrongly is a mistake to be told, since it is most
//! often a password with a `%` in it.

/// Text that is encoded wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding;

/// The bytes of a text without their encoding.
///
/// # Errors
/// If a `%` is not followed by two hexadecimal digits.
///
/// ```
/// assert_eq!(cenote_driver::decoded("a%20b").as_deref(), Ok(&b"a b"[..]));
/// assert!(cenote_driver::decoded("100%").is_err());
/// ```
pub fn decoded(text: &str) -> Result<Vec<u8>, Encoding> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or(Encoding)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16).ok_or(Encoding);
        bytes.push((digit(0)? << 4 | digit(1)?) as u8);
        rest = after;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // section S
    #[test]
    fn what_is_encoded_wrongly_is_told() {
        for wrong in ["%", "a%2", "%g0", "%0g", "%%20", "%é"] {
            assert_eq!(decoded(wrong), Err(Encoding), "{wrong}");
        }
        assert_eq!(decoded("%C3%a9+é%25").as_deref(), Ok("é+é%".as_bytes()));
    }
}
