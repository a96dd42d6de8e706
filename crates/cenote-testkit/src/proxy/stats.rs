//! What a proxy has seen.

/// What a [`Proxy`](super::Proxy) has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections of clients that are open now.
    pub open: usize,
    /// Connections that clients have made.
    pub accepted: u64,
    /// Connections that the proxy has ended: by a toxic, by [`cut`](super::Proxy::cut) or by
    /// [`down`](super::Proxy::down).
    pub cut: u64,
    /// Connections that the server did not take; their clients saw a reset.
    pub refused: u64,
    /// Bytes that have come through to the server.
    pub upstream_bytes: u64,
    /// Bytes that have come through to clients.
    pub downstream_bytes: u64,
}
