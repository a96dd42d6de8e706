//! The faults, by toxiproxy's names.

use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Upstream,
    /// From the server to the client.
    Downstream,
}

/// What goes wrong. Several at once make one bad line: its bytes are cut into slices, each comes late by the sum of all
/// latencies, and takes its time at the smallest bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Toxic {
    /// Bytes come late. Their order stays.
    Latency {
        /// By this long,
        latency: Duration,
        /// and by up to so much more or less, drawn by lot for each piece.
        jitter: Duration,
    },
    /// Bytes come no faster than this.
    Bandwidth {
        /// At least 1; 0 counts as 1.
        bytes_per_second: u64,
    },
    /// A black hole: bytes are taken and go nowhere, and neither does the end of the stream. When it is removed, its
    /// connections are closed, since bytes are missing from them.
    Timeout {
        /// The connection is closed after this long. None: never.
        after: Option<Duration>,
    },
    /// The connection is reset on both sides (RST).
    ResetPeer {
        /// After this long; at once if zero.
        after: Duration,
    },
    /// The end of the stream comes late.
    SlowClose {
        /// By this long.
        delay: Duration,
    },
    /// Bytes come in slices.
    Slicer {
        /// Bytes in a slice, on the average. 0 counts as 1.
        average_size: usize,
        /// So many more or less, drawn by lot; at most the average.
        size_variation: usize,
        /// How long it takes from one slice to the next.
        delay: Duration,
    },
    /// The connection is closed after so many bytes, counted from the moment in which the toxic came to it.
    LimitData {
        /// How many still get through.
        bytes: u64,
    },
}

/// A toxic that was added, to remove it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToxicId(pub(super) u64);
