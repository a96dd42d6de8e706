//! Server-sent events, as the HTML standard has them: a stream cut anywhere, into messages. What a server may make us
//! keep is bounded.

/// The most bytes of one message: a document of some ten thousand pools.
const MOST: usize = 8 << 20;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its type; `message` if it has none.
    pub(crate) event: String,
    pub(crate) data: String,
}

/// The server sends more than anybody wants to read in one message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

#[derive(Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
    /// The last byte was a carriage return, so that a line feed ends no further line.
    after_return: bool,
    /// A mark of the byte order would have been taken away.
    begun: bool,
}

impl Parser {
    /// Takes some bytes, and gives each message that is whole.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Message),
    ) -> Result<(), TooLong> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (line, ended) = (&rest[..end], rest[end]);
            rest = &rest[end + 1..];
            let is_second_half = ended == b'\n' && self.after_return && line.is_empty();
            self.after_return = ended == b'\r';
            if is_second_half && self.line.is_empty() {
                continue;
            }
            self.keep(line)?;
            if let Some(message) = self.end_line()? {
                each(message);
            }
        }
        if !rest.is_empty() {
            self.after_return = false;
        }
        self.keep(rest)
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() + piece.len() > MOST {
            return Err(TooLong);
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<Message>, TooLong> {
        let line = std::mem::take(&mut self.line);
        let mut line = &line[..];
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.end_message());
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.event = value.to_vec(),
            b"data" => {
                if self.data.len() + value.len() + 1 > MOST {
                    return Err(TooLong);
                }
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            // Comments, and what is said for browsers.
            _ => {}
        }
        Ok(None)
    }

    fn end_message(&mut self) -> Option<Message> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        // The last line feed is not part of it; without any there was no data.
        data.pop()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let event = if event.is_empty() { "message".to_owned() } else { text(event) };
        Some(Message { event, data: text(data) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let (mut parser, mut seen) = (Parser::default(), Vec::new());
        for piece in pieces {
            parser.feed(piece, |message| seen.push((message.event, message.data))).unwrap();
        }
        seen
    }

    const STREAM: &str = "\u{feff}: hello\n\nevent: status\ndata: {\"a\":\ndata:1}\n\nid: 7\r\nretry: 10\r\ndata\r\n\r\nevent: both\r\ndata: a\r\ndata: b\r\n\r\nevent: log\rdata:  ä → 字\r\revent: empty\n\ndata: half";

    // P-26
    #[test]
    fn a_stream_is_read_the_same_wherever_it_is_cut() {
        let message = |event: &str, data: &str| (event.to_owned(), data.to_owned());
        let whole = vec![
            message("status", "{\"a\":\n1}"),
            message("message", ""),
            message("both", "a\nb"),
            message("log", " ä → 字"),
        ];
        let bytes = STREAM.as_bytes();
        assert_eq!(all(&[bytes]), whole);
        for at in 0..=bytes.len() {
            let (before, after) = bytes.split_at(at);
            assert_eq!(all(&[before, after]), whole, "cut at {at}");
            assert_eq!(all(&[before, &[], after]), whole, "cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(all(&single), whole);
    }

    // P-26, S
    #[test]
    fn what_is_no_text_is_read_as_far_as_it_goes() {
        assert_eq!(
            all(&[b"data: \xff\x00\x1b[2J\n\n"]),
            [("message".to_owned(), "\u{fffd}\0\u{1b}[2J".to_owned())]
        );
        assert_eq!(all(&[b"\n\n\r\r\r\n::::\nDATA: x\ndata x\n\n"]), []);
    }

    // P-26, S
    #[test]
    fn a_message_without_end_is_given_up() {
        for piece in
            [&b"data: no end of a line "[..], b"data: many lines\n", b"event: x", b": comment "]
        {
            let (mut parser, piece) = (Parser::default(), piece.repeat(1 << 12));
            let mut fed = 0;
            let given_up = loop {
                let fits = parser.feed(&piece, |_| panic!("nothing is whole"));
                fed += piece.len();
                if fits.is_err() || fed > 2 * MOST {
                    break fits;
                }
            };
            assert_eq!(given_up, Err(TooLong));
            assert!(parser.line.len() + parser.data.len() <= MOST);
        }
        // Comments that end keep nothing.
        let mut parser = Parser::default();
        let comments = b": and another one\n".repeat(1 << 16);
        for _ in 0..16 {
            parser.feed(&comments, |_| panic!("nothing is said")).unwrap();
        }
    }
}
