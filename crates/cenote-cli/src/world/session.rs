//! The server's side of a connection: a line in, a line out, until either of them has had enough. Whoever accepts sessions
//! ends them all when the server dies.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::body::{Body, Counts};
use super::wire::{Answer, LONGEST, Refusal};

/// What a server says to whoever connects.
pub(crate) const GREETING: &str = "WELCOME";
/// More sessions than this are turned away.
const MOST: usize = 256;

/// Accepts sessions until it is told to stop; then all of them have ended.
pub(crate) async fn accept(
    listener: TcpListener,
    body: Arc<Body>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if sessions.len() < MOST => {
                    sessions.spawn(serve(stream, Arc::clone(&body)));
                }
                // Too many: this one is closed. Or it is gone already, or there are no more files: the next may do.
                _ => tokio::task::yield_now().await,
            },
            Some(_) = sessions.join_next() => {}
        }
    }
    // First nobody can connect any more.
    drop(listener);
    sessions.shutdown().await;
}

async fn serve(stream: TcpStream, body: Arc<Body>) {
    let _open = Open::new(Arc::clone(&body.counts));
    // Whatever is wrong with a connection ends it, and the client knows.
    _ = talk(stream, &body).await;
}

async fn talk(mut stream: TcpStream, body: &Body) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    write.write_all(format!("{GREETING}\n").as_bytes()).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut read).take(LONGEST).read_until(b'\n', &mut line).await?;
        if line.pop() != Some(b'\n') {
            return Ok(());
        }
        let request = std::str::from_utf8(&line).ok().and_then(|line| line.parse().ok());
        let answer = match request {
            Some(request) => body.answer(request).await,
            None => Answer::Refused(Refusal::Unclear),
        };
        if answer == Answer::Refused(Refusal::Broken) {
            return write.write_all(format!("{answer}\n").as_bytes()).await;
        }
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}

/// Counts a session as long as it is there.
struct Open(Arc<Counts>);

impl Open {
    fn new(counts: Arc<Counts>) -> Open {
        counts.sessions.fetch_add(1, Ordering::Relaxed);
        Open(counts)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
