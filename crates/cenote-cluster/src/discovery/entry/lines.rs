//! Where a text has its lines.

/// Where lines begin, so that each place costs a search and not a walk.
pub(in crate::discovery) struct Lines(Vec<usize>);

impl Lines {
    pub(in crate::discovery) fn new(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines(ends.map(|(at, _)| at + 1).collect())
    }

    /// The line of this byte, from 1.
    pub(in crate::discovery) fn of(&self, at: usize) -> usize {
        self.0.partition_point(|begins| *begins <= at) + 1
    }
}
