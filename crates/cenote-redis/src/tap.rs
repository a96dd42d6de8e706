//! A stream that can be hung up from outside, and that closes like a polite guest: it says goodbye, then waits until the
//! other side has gone, because only then the server counts the connection no more (P-20).
//!
//! The driver above would read every answer that is owed before it closes, and one that blocks may never come. Hung up,
//! the stream is at its end for the driver as soon as the server has closed.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What hangs up.
#[derive(Default)]
pub(crate) struct Hook {
    over: AtomicBool,
    /// Whoever reads.
    reader: Mutex<Option<Waker>>,
}

impl Hook {
    pub(crate) fn hang_up(&self) {
        self.over.store(true, Ordering::SeqCst);
        let reader = self.reader().take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn reader(&self) -> MutexGuard<'_, Option<Waker>> {
        // Nothing in there can panic halfway.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is over. If not, the task is woken when it is: it is stored before the look.
    fn is_over(&self, cx: &Context<'_>) -> bool {
        if !self.over.load(Ordering::SeqCst) {
            let mut reader = self.reader();
            if !reader.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                *reader = Some(cx.waker().clone());
            }
        }
        self.over.load(Ordering::SeqCst)
    }
}

pub(crate) struct Tap<S> {
    io: S,
    hook: Arc<Hook>,
    /// The goodbye is said.
    shut: bool,
}

impl<S> Tap<S> {
    pub(crate) fn new(io: S, hook: Arc<Hook>) -> Tap<S> {
        Tap { io, hook, shut: false }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Tap<S> {
    /// Ready when the other side has closed; whoever cannot wait that long drops the stream.
    fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.shut {
            // A peer that is gone already needs no goodbye.
            let _ = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
            self.shut = true;
        }
        let mut waste = [0; 1024];
        loop {
            let mut buf = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.hook.is_over(cx) {
            // Nothing is filled in: the end.
            return this.poll_goodbye(cx).map(Ok);
        }
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, piece)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_goodbye(cx).map(Ok)
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
        let mut tap = Tap::new(near, Arc::default());
        let mut shutdown = std::pin::pin!(tap.shutdown());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(shutdown.as_mut().poll(&mut cx).is_pending());
        far.write_all(b"one more thing").await.unwrap();
        assert!(shutdown.as_mut().poll(&mut cx).is_pending(), "it still speaks");
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0, "the goodbye was said");
        drop(far);
        shutdown.await.unwrap();
    }

    // P-20
    #[tokio::test]
    async fn whoever_reads_is_at_the_end_when_it_is_hung_up() {
        let (near, mut far) = tokio::io::duplex(64);
        let hook = Arc::new(Hook::default());
        let mut tap = Tap::new(near, Arc::clone(&hook));
        let reading = tokio::spawn(async move { tap.read(&mut [0; 8]).await });
        tokio::task::yield_now().await;
        hook.hang_up();
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0, "the goodbye was said");
        far.write_all(b"late").await.unwrap();
        drop(far);
        assert_eq!(reading.await.unwrap().unwrap(), 0, "what came late is nobody's");
    }
}
