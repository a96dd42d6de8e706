//! What stands after the question mark. Names and values are percent-decoded; what cannot be decoded stays as it is.

/// The pairs of a query.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    })
}

/// The first value with this name.
pub(crate) fn value(query: Option<&str>, name: &str) -> Option<String> {
    pairs(query?).find(|(known, _)| known == name).map(|(_, value)| value)
}

pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |n: usize| bytes.get(at + n).and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_what_cannot_be_stays() {
        let of = |query| value(Some(query), "of");
        assert_eq!(of("of=orders%3Areplica%3ab&x=1").as_deref(), Some("orders:replica:b"));
        assert_eq!(of("x=1&of=a+b%20c").as_deref(), Some("a b c"));
        assert_eq!(of("of=100%&of=2").as_deref(), Some("100%"));
        assert_eq!(of("of=%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(of("of=%ff").as_deref(), Some("\u{fffd}"));
        assert_eq!(of("%6Ff=1").as_deref(), Some("1"));
        assert_eq!(of("of").as_deref(), Some(""));
        assert_eq!((of(""), of("&&=&")), (None, None));
    }
}
