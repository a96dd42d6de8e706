//! Pieces of bytes in, whole lines out, wherever the pieces were cut. A line has a bound, so that a stream without an end
//! cannot fill the memory.

/// Cuts a stream into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    held: Vec<u8>,
    /// How much of what is held was looked at, and has no end of a line.
    looked: usize,
    longest: usize,
}

/// A line is longer than it may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    pub(crate) fn new(longest: usize) -> Lines {
        Lines { held: Vec::new(), looked: 0, longest }
    }

    /// Another piece of the stream. Lines are taken before the next one is put.
    pub(crate) fn put(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
    }

    /// The next whole line that has something in it. `None`: more pieces are needed.
    pub(crate) fn take(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            let Some(at) = self.held[self.looked..].iter().position(|byte| *byte == b'\n') else {
                self.looked = self.held.len();
                return if self.held.len() > self.longest { Err(TooLong) } else { Ok(None) };
            };
            let end = self.looked + at;
            if end > self.longest {
                return Err(TooLong);
            }
            let rest = self.held.split_off(end + 1);
            let mut line = std::mem::replace(&mut self.held, rest);
            self.looked = 0;
            line.truncate(end);
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"{\"a\":1}\n\n{\"b\":\"\xc3\xa9\"}\r\n \n{\"c\":3}\n{\"half\"";

    /// All lines, when the text comes in these pieces.
    fn lines<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(100);
        let mut all = Vec::new();
        for piece in pieces {
            lines.put(piece);
            while let Some(line) = lines.take().unwrap() {
                all.push(line);
            }
        }
        all
    }

    // D-1
    #[test]
    fn lines_come_out_whole_wherever_the_stream_was_cut() {
        let whole = lines([TEXT].into_iter());
        assert_eq!(whole.len(), 3, "what is empty is no line, and half of one neither");
        for cut in 0..=TEXT.len() {
            let (before, after) = TEXT.split_at(cut);
            assert_eq!(lines([before, after].into_iter()), whole, "cut at {cut}");
        }
        for size in 1..TEXT.len() {
            assert_eq!(lines(TEXT.chunks(size)), whole, "pieces of {size}");
        }
    }

    // S
    #[test]
    fn a_line_without_end_is_an_error_at_its_bound_and_nothing_more_is_held() {
        let mut lines = Lines::new(10);
        lines.put(b"0123456789");
        assert_eq!(lines.take(), Ok(None));
        lines.put(b"\n");
        assert_eq!(lines.take(), Ok(Some(b"0123456789".to_vec())));
        lines.put(b"0123456789x");
        assert_eq!(lines.take(), Err(TooLong));
        let mut lines = Lines::new(10);
        lines.put(b"0123456789x\n");
        assert_eq!(lines.take(), Err(TooLong), "its end does not make it shorter");
    }

    // S
    #[test]
    fn many_lines_in_one_piece_are_taken_in_their_order() {
        let text: String = (0..1_000).map(|n| format!("{n}\n")).collect();
        let mut lines = Lines::new(10);
        lines.put(text.as_bytes());
        let taken = std::iter::from_fn(|| lines.take().unwrap());
        let taken: Vec<String> = taken.map(|line| String::from_utf8(line).unwrap()).collect();
        let all: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        assert_eq!(taken, all);
    }
}
