//! A stream that listens to what passes, and that closes like a polite guest: it says goodbye, then waits until the
//! other side has gone, because only then the server counts the connection no more (P-20).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::{Frames, Wire};

pub(crate) struct Tap<S> {
    io: S,
    /// None where nobody wants to know: on connections that carry a request to cancel.
    ear: Option<Ear>,
    /// The goodbye is said.
    shut: bool,
}

/// Both directions of one conversation.
pub(crate) struct Ear {
    wire: Arc<Wire>,
    client: Frames,
    server: Frames,
}

impl Ear {
    pub(crate) fn new(wire: Arc<Wire>) -> Ear {
        Ear { wire, client: Frames::of_client(), server: Frames::of_server() }
    }

    fn said(&mut self, piece: &[u8]) {
        let server = &mut self.server;
        let wire = &self.wire;
        self.client.pass(piece, |kind, _| match kind {
            // A wish for TLS is answered by one bare byte.
            1 => server.skip(1),
            kind => wire.said(kind),
        });
    }

    fn heard(&mut self, piece: &[u8]) {
        let wire = &self.wire;
        self.server.pass(piece, |kind, body| wire.heard(kind, body));
    }
}

impl<S> Tap<S> {
    pub(crate) fn new(io: S, ear: Option<Ear>) -> Tap<S> {
        Tap { io, ear, shut: false }
    }

    /// The stream below and who listened: encryption goes between them.
    #[cfg(feature = "tls")]
    pub(crate) fn into_parts(self) -> (S, Option<Ear>) {
        (self.io, self.ear)
    }

    #[cfg(feature = "tls")]
    pub(crate) fn io(&self) -> &S {
        &self.io
    }
}

#[cfg(feature = "tls")]
impl Ear {
    /// Listens above the encryption, where the conversation begins anew.
    pub(crate) fn anew(self) -> Ear {
        Ear::new(self.wire)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        if let Some(ear) = &mut this.ear {
            ear.heard(&buf.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let taken = ready!(Pin::new(&mut this.io).poll_write(cx, piece))?;
        if let Some(ear) = &mut this.ear {
            ear.said(&piece[..taken]);
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    /// Ready when the other side has closed; whoever cannot wait that long drops the stream.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.shut {
            // A peer that is gone already needs no goodbye.
            let _ = ready!(Pin::new(&mut this.io).poll_shutdown(cx));
            this.shut = true;
        }
        let mut waste = [0; 256];
        loop {
            let mut buf = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut this.io).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    // P-20
    #[tokio::test]
    async fn a_close_ends_when_the_other_side_has_closed() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut tap = Tap::new(near, None);
        let mut shutdown = std::pin::pin!(tap.shutdown());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(shutdown.as_mut().poll(&mut cx).is_pending());
        far.write_all(b"one more thing").await.unwrap();
        assert!(shutdown.as_mut().poll(&mut cx).is_pending(), "it still speaks");
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0, "the goodbye was said");
        drop(far);
        shutdown.await.unwrap();
    }

    // P-16
    #[tokio::test]
    async fn the_bare_byte_that_refuses_tls_is_no_message() {
        let (near, mut far) = tokio::io::duplex(256);
        let wire = Arc::new(Wire::new());
        let mut tap = Tap::new(near, Some(Ear::new(Arc::clone(&wire))));
        tap.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
        far.write_all(b"N").await.unwrap();
        tap.read_exact(&mut [0]).await.unwrap();
        tap.write_all(&[0, 0, 0, 8, 0, 3, 0, 0]).await.unwrap();
        far.write_all(b"Z\0\0\0\x05I").await.unwrap();
        tap.read_exact(&mut [0; 6]).await.unwrap();
        assert!(!wire.is_owed());
    }
}
