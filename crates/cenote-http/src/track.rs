//! What is under way on a connection, so that it is known when it comes back what can become of it. The connection and
//! the bodies of its answers write it together: a body may live longer than the loan in which it was asked for.
//!
//! Under HTTP/1.1 a connection is where its last request left it: at rest, asked and not answered, in the middle of an
//! answer that somebody reads, in the middle of one that nobody reads any more, or over. Under HTTP/2 requests do not
//! stand in each other's way; only whether it is over matters, and how many answers are being read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::CONNECTION;
use hyper::http::response::Parts;
use hyper::{HeaderMap, Version};

use crate::ended::End;

/// How much sooner than the server a connection that rests is given up.
const MARGIN: Duration = Duration::from_secs(1);

/// Where an HTTP/1.1 connection is.
pub(crate) enum Phase {
    /// Nothing is under way.
    Rest,
    /// A request was sent, or was about to be, and there is no answer yet.
    Asking,
    /// Somebody reads an answer.
    Answering,
    /// An answer was dropped before its end; what is left of it can still be read.
    Left(Incoming),
}

pub(crate) struct Track {
    /// It speaks HTTP/2.
    two: bool,
    socket: Arc<End>,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// It takes no more requests: it broke, or the server said that this answer is its last.
    over: bool,
    /// There was an answer.
    answered: bool,
    /// Answers that somebody reads.
    open: usize,
    /// When the last answer was at its end.
    rested: Instant,
    /// How long the server lets it rest, if it said so.
    patience: Option<Duration>,
}

impl Track {
    pub(crate) fn new(two: bool) -> Track {
        let state = State {
            phase: Phase::Rest,
            over: false,
            answered: false,
            open: 0,
            rested: Instant::now(),
            patience: None,
        };
        Track { two, socket: Arc::default(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of its socket.
    pub(crate) fn socket(&self) -> Arc<End> {
        Arc::clone(&self.socket)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().over
    }

    /// It takes no more requests.
    pub(crate) fn end(&self) {
        self.state().over = true;
    }

    /// Whether HTTP/2 was spoken to somebody who never answered in it.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.two && !self.state().answered
    }

    /// Whether somebody reads an answer on it.
    pub(crate) fn is_read(&self) -> bool {
        self.state().open > 0
    }

    /// Whether it takes no more requests, or is about to be closed, because it has rested for as long as the server lets
    /// it. The clock is read only where the server says how long that is.
    pub(crate) fn is_done(&self) -> bool {
        let state = self.state();
        let Some(patience) = state.patience else { return state.over };
        let margin = MARGIN.min(patience / 2);
        let rests = matches!(state.phase, Phase::Rest);
        state.over || (rests && state.rested.elapsed() >= patience - margin)
    }

    /// Looks where it is.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Phase) -> T) -> T {
        look(&self.state().phase)
    }

    /// A request goes out.
    pub(crate) fn ask(&self) {
        self.state().phase = Phase::Asking;
    }

    /// What is left of an answer that was dropped; until it is read, nothing can be asked.
    pub(crate) fn take_left(&self) -> Option<Incoming> {
        let mut state = self.state();
        match std::mem::replace(&mut state.phase, Phase::Asking) {
            Phase::Left(left) => Some(left),
            phase => {
                state.phase = phase;
                None
            }
        }
    }

    /// The head of an answer came.
    pub(crate) fn answered(&self, head: &Parts) {
        let mut state = self.state();
        state.open += 1;
        state.answered = true;
        if !self.two {
            state.phase = Phase::Answering;
            state.over |= is_last(head);
            state.patience = patience(&head.headers).or(state.patience);
        }
    }

    /// The body of an answer was read to its end, or broke off.
    pub(crate) fn read(&self, whole: bool) {
        let mut state = self.state();
        state.open -= 1;
        if matches!(state.phase, Phase::Answering) {
            state.phase = if whole { Phase::Rest } else { Phase::Asking };
        }
        state.rested = Instant::now();
    }

    /// What was left was read after all.
    pub(crate) fn drained(&self) {
        self.state().phase = Phase::Rest;
    }

    /// The body of an answer was dropped before its end. HTTP/2 tells the server to stop when what is left is dropped.
    pub(crate) fn leave(&self, left: Incoming) {
        let mut state = self.state();
        state.open -= 1;
        state.rested = Instant::now();
        if matches!(state.phase, Phase::Answering) {
            state.phase = Phase::Left(left);
            return;
        }
        drop(state);
        drop(left);
    }
}

/// Whether the server closes after this answer.
fn is_last(head: &Parts) -> bool {
    let says = |word: &str| {
        let values =
            head.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|said| said.trim().eq_ignore_ascii_case(word))
    };
    says("close") || (head.version <= Version::HTTP_10 && !says("keep-alive"))
}

/// How long the server lets a connection rest: `Keep-Alive: timeout=5, max=100`.
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    value.split(',').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("timeout");
        named
            .then(|| value.trim().parse::<u32>().ok())
            .flatten()
            .map(|n| Duration::from_secs(n.into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Response;

    fn head(version: Version, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut response = Response::builder().version(version);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    // P-19
    #[test]
    fn the_servers_last_answer_is_known_by_its_head() {
        for (version, headers, last) in [
            (Version::HTTP_11, &[][..], false),
            (Version::HTTP_11, &[("connection", "close")], true),
            (Version::HTTP_11, &[("connection", "x-hop, Close")], true),
            (Version::HTTP_11, &[("connection", "x"), ("connection", "close")], true),
            (Version::HTTP_11, &[("connection", "keep-alive")], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_10, &[("connection", "Keep-Alive")], false),
        ] {
            let head = head(version, headers);
            assert_eq!(is_last(&head), last, "{version:?} {headers:?}");
            // hyper closes it too, a moment later.
            let track = Track::new(false);
            track.answered(&head);
            track.read(true);
            assert_eq!(track.is_done(), last, "{version:?} {headers:?}");
        }
    }

    // P-19
    #[test]
    fn a_connection_is_given_up_before_the_server_closes_it() {
        for (said, seconds) in [
            ("timeout=5, max=100", Some(5)),
            ("max=3,Timeout = 60", Some(60)),
            ("timeout=x", None),
            ("5", None),
        ] {
            let headers = head(Version::HTTP_11, &[("keep-alive", said)]).headers;
            assert_eq!(patience(&headers), seconds.map(Duration::from_secs), "{said}");
        }
        let track = Track::new(false);
        assert!(!track.is_done(), "nobody said anything");
        track.answered(&head(Version::HTTP_11, &[("keep-alive", "timeout=5")]));
        track.read(true);
        assert!(!track.is_done());
        track.state().rested -= Duration::from_millis(3900);
        assert!(!track.is_done());
        track.state().rested -= Duration::from_millis(100);
        assert!(track.is_done(), "a second before");
        track.ask();
        assert!(!track.is_done(), "it does not rest");
    }
}
