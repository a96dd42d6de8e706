//! A watch: an answer without an end, of which each line tells something. It has a connection of its own, and ends with
//! this value.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cenote_http::hyper::body::Body as _;
use cenote_http::{Body, HttpConnection};

use crate::answer::{self, LONGEST, Told};
use crate::error::EtcdError;
use crate::pieces::Lines;

pub(crate) struct Watch {
    /// The number of its server.
    at: usize,
    lines: Lines,
    // In the order in which they go: what is being read before what it is read from.
    body: Body,
    conn: HttpConnection,
}

impl Watch {
    pub(crate) fn new(at: usize, conn: HttpConnection, body: Body) -> Watch {
        Watch { at, lines: Lines::new(LONGEST), body, conn }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    fn odd(&self, what: &str) -> String {
        EtcdError::odd(self.conn.place(), what).to_string()
    }

    pub(crate) async fn next(&mut self) -> Result<Told, String> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What the next line tells, or why there is none. Nothing is lost if nobody waits for it any more.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Told, String>> {
        loop {
            match self.lines.take() {
                Ok(Some(line)) => {
                    let told = answer::json(&line).and_then(|line| answer::told(&line));
                    return Poll::Ready(told.map_err(|what| self.odd(what.0)));
                }
                Ok(None) => {}
                Err(_) => return Poll::Ready(Err(self.odd("has a line that is too long"))),
            }
            let piece = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => {
                    return Poll::Ready(Err(format!("{}: the watch has ended", self.conn.place())));
                }
                Some(Err(error)) => return Poll::Ready(Err(error.to_string())),
                Some(Ok(frame)) => frame,
            };
            if let Some(piece) = piece.data_ref() {
                self.lines.put(piece);
            }
        }
    }
}
