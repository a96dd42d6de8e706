//! A socket that tells when it has ended. hyper lets go of it with the connection, whatever it ended by; from then on no
//! answer can come that is not there yet. A request that is given to hyper in just that moment can be overlooked: its answer
//! is neither told nor refused as long as somebody has a sender of that connection. So whoever waits for an answer waits
//! for this as well (P-3).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// Whether the socket of a connection has ended.
#[derive(Default)]
pub(crate) struct End {
    ended: AtomicBool,
    waiting: Notify,
}

impl End {
    /// Waits until it has.
    pub(crate) async fn ended(&self) {
        // In line before the look, so that an end in between is not missed.
        let told = self.waiting.notified();
        if !self.ended.load(Ordering::Acquire) {
            told.await;
        }
    }

    fn tell(&self) {
        self.ended.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }
}

/// The socket.
pub(crate) struct Socket<S> {
    io: S,
    end: Arc<End>,
}

impl<S> Socket<S> {
    pub(crate) fn new(io: S, end: Arc<End>) -> Socket<S> {
        Socket { io, end }
    }
}

impl<S> Drop for Socket<S> {
    fn drop(&mut self) {
        self.end.tell();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, piece)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
