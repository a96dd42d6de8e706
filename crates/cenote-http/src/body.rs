//! Bodies: what requests carry, and what answers bring. The body of an answer tells its connection when it is at its end, so
//! that nobody else gets a connection with half an answer on it; what is dropped unread is left to the connection to be
//! read or not.

use std::error::Error as StdError;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};

use crate::error::HttpError;
use crate::track::Track;

/// The body of a request: nothing, bytes, text, or a [stream](Outgoing::stream).
///
/// ```
/// use cenote_http::Outgoing;
///
/// let bodies: [Outgoing; 4] = [().into(), "text".into(), String::from("text").into(), vec![1, 2].into()];
/// ```
pub struct Outgoing(Inner);

enum Inner {
    Whole(Full<Bytes>),
    Stream(UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>),
}

impl Outgoing {
    /// Any body of hyper's ecosystem, sent piece by piece.
    pub fn stream<B>(body: B) -> Outgoing
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        Outgoing(Inner::Stream(body.map_err(Into::into).boxed_unsync()))
    }
}

impl From<()> for Outgoing {
    fn from((): ()) -> Outgoing {
        Bytes::new().into()
    }
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Outgoing {
        Outgoing(Inner::Whole(Full::new(bytes)))
    }
}

impl From<Vec<u8>> for Outgoing {
    fn from(bytes: Vec<u8>) -> Outgoing {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Outgoing {
    fn from(text: String) -> Outgoing {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Outgoing {
    fn from(text: &'static str) -> Outgoing {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            Inner::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Inner::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(body) => body.is_end_stream(),
            Inner::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(body) => body.size_hint(),
            Inner::Stream(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

/// What a body keeps until it is read.
trait Loan: Send {}

impl<T: Send> Loan for T {}

/// The body of an answer. Read it to its end, whole by [`bytes`](Body::bytes) and [`text`](Body::text) or piece by piece: it
/// is a body of hyper's ecosystem.
///
/// It may be kept longer than the connection's guard. Then the connection is closed when the guard is dropped, but not
/// before the answer is read, since nobody else can use it; bodies that [`Fetch`](crate::Fetch) returns have the guard
/// with them, and give it back at their end.
pub struct Body {
    /// There until the end.
    incoming: Option<Incoming>,
    track: Arc<Track>,
    place: Arc<str>,
    loan: Option<Box<dyn Loan>>,
}

impl Body {
    /// The body of an answer whose head the track knows of.
    pub(crate) fn new(incoming: Incoming, track: Arc<Track>, place: Arc<str>) -> Body {
        let mut body = Body { incoming: Some(incoming), track, place, loan: None };
        if body.incoming.as_ref().is_some_and(HttpBody::is_end_stream) {
            body.end(true);
        }
        body
    }

    /// The same, which has this until its end.
    pub(crate) fn with(mut self, loan: impl Send + 'static) -> Body {
        if self.incoming.is_some() {
            self.loan = Some(Box::new(loan));
        }
        self
    }

    pub(crate) fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// Nothing of it is left on the connection before anybody else can get it.
    fn end(&mut self, whole: bool) {
        if self.incoming.take().is_some() {
            self.track.read(whole);
        }
        self.loan = None;
    }

    /// Reads it to its end, however long it is, keeps nothing of it and says how many bytes they were.
    ///
    /// # Errors
    /// [`HttpError::Body`] if it breaks off.
    pub async fn skip(mut self) -> Result<u64, HttpError> {
        let mut bytes = 0;
        while let Some(frame) = self.frame().await {
            bytes += frame?.data_ref().map_or(0, |piece| piece.len() as u64);
        }
        Ok(bytes)
    }

    /// All of it, of at most so many bytes.
    ///
    /// # Errors
    /// [`HttpError::Unfit`] if it is longer, [`HttpError::Body`] if it breaks off.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, HttpError> {
        let too_long = || HttpError::Unfit { place: Arc::clone(&self.place), limit: Some(limit) };
        if self.size_hint().lower() > limit as u64 {
            return Err(too_long());
        }
        let mut all = Bytes::new();
        let mut joined = Vec::new();
        while let Some(frame) = self.frame().await {
            let Ok(piece) = frame?.into_data() else { continue };
            if joined.len() + all.len() + piece.len() > limit {
                return Err(HttpError::Unfit {
                    place: Arc::clone(&self.place),
                    limit: Some(limit),
                });
            }
            // What comes in one piece is not copied.
            if all.is_empty() && joined.is_empty() {
                all = piece;
            } else {
                joined.extend_from_slice(&mem::take(&mut all));
                joined.extend_from_slice(&piece);
            }
        }
        Ok(if joined.is_empty() { all } else { joined.into() })
    }

    /// All of it as text, of at most so many bytes.
    ///
    /// # Errors
    /// As [`bytes`](Body::bytes), and [`HttpError::Unfit`] if it is no UTF-8.
    pub async fn text(self, limit: usize) -> Result<String, HttpError> {
        let place = Arc::clone(&self.place);
        let bytes = self.bytes(limit).await?;
        String::from_utf8(bytes.into()).map_err(|_| HttpError::Unfit { place, limit: None })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        let ended = incoming.is_end_stream();
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if ended {
                    self.end(true);
                }
                Some(Ok(frame))
            }
            Some(Err(source)) => {
                self.end(false);
                Some(Err(HttpError::Body { place: Arc::clone(&self.place), source }))
            }
            None => {
                self.end(true);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.incoming {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            self.track.leave(incoming);
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("place", &self.place).finish_non_exhaustive()
    }
}
