//! Streams of what happens, for any number of readers up to a bound. An update is written once and every stream passes on
//! the same bytes; whoever reads slowly gets the latest when he is ready for it, and misses those in between. Who reads
//! nothing for a minute loses his place.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;
use tokio::time::Instant;

use crate::admin::Inner;

/// The most streams at once.
pub(crate) const STREAMS: usize = 64;
/// Who has not read for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// One reader's place.
struct Seat {
    waker: Mutex<Option<Waker>>,
    /// When he was last ready for more.
    ready: Mutex<Instant>,
    dismissed: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The latest update, and its number.
    update: Option<(u64, Bytes)>,
    last: u64,
    seats: Vec<Arc<Seat>>,
}

/// Where updates hang and who reads them.
#[derive(Default)]
pub(crate) struct Board(Mutex<State>);

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many streams there are.
    pub(crate) fn streams(&self) -> usize {
        self.lock().seats.len()
    }

    /// Hangs an update out; the one before is taken down.
    pub(crate) fn publish(&self, frame: Bytes) {
        let mut state = self.lock();
        state.last += 1;
        state.update = Some((state.last, frame));
        drop(state);
        self.news();
    }

    /// Takes the update down: it is old.
    pub(crate) fn take_down(&self) {
        self.lock().update = None;
    }

    /// Wakes all readers.
    pub(crate) fn news(&self) {
        let seats = self.lock().seats.clone();
        for seat in seats {
            seat.wake();
        }
    }

    /// Dismisses those who have stopped reading.
    pub(crate) fn dismiss(&self, now: Instant) {
        let mut state = self.lock();
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut state.seats)
            .into_iter()
            .partition(|seat| now.saturating_duration_since(*lock(&seat.ready)) <= PATIENCE);
        state.seats = stay;
        drop(state);
        for seat in go {
            seat.dismissed.store(true, Ordering::Relaxed);
            seat.wake();
        }
    }

    fn sit(&self) -> Option<Arc<Seat>> {
        let mut state = self.lock();
        if state.seats.len() >= STREAMS {
            return None;
        }
        let seat = Arc::new(Seat {
            waker: Mutex::default(),
            ready: Mutex::new(Instant::now()),
            dismissed: AtomicBool::new(false),
        });
        state.seats.push(Arc::clone(&seat));
        Some(seat)
    }

    fn stand_up(&self, seat: &Arc<Seat>) {
        self.lock().seats.retain(|other| !Arc::ptr_eq(other, seat));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    fn wake(&self) {
        // Woken outside the lock: wakers are somebody else's code.
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// One stream: the body of an answer.
pub(crate) struct Stream {
    admin: Arc<Inner>,
    seat: Arc<Seat>,
    /// The last update and the last entry of the log that were passed on.
    update: u64,
    entry: u64,
}

impl Stream {
    /// `None`: there are too many.
    pub(crate) fn new(admin: Arc<Inner>) -> Option<Stream> {
        let seat = admin.board.sit()?;
        // What happened before is in the document.
        let entry = admin.log.last();
        Some(Stream { admin, seat, update: 0, entry })
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        *lock(&self.seat.ready) = Instant::now();
        // Laid down first: what comes after the look wakes it.
        let fresh = cx.waker().clone();
        let old = lock(&self.seat.waker).replace(fresh);
        drop(old);
        if self.seat.dismissed.load(Ordering::Relaxed) {
            return Poll::Ready(None);
        }
        let update = self.admin.board.lock().update.clone();
        if let Some((n, frame)) = update.filter(|(n, _)| *n > self.update) {
            self.update = n;
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        if let Some((n, frame)) = self.admin.log.after(self.entry) {
            self.entry = n;
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        Poll::Pending
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.admin.board.stand_up(&self.seat);
    }
}
