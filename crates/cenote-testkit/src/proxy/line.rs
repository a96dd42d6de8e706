//! What toxics do to one direction of one connection: bytes and the time go in; pieces with the time at which they are
//! due, and the end, come out. There is no I/O and no clock here.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::dice::Dice;
use super::{Toxic, ToxicId};

/// How much lies on a line before its reader has to wait.
const CAPACITY: usize = 256 * 1024;
/// With a bandwidth, bytes come in portions for this long, not all at the end.
const PORTION: Duration = Duration::from_millis(100);

/// How a connection is ended by the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// With a regular end (FIN).
    Close,
    /// With a reset (RST).
    Reset,
}

struct Applied {
    id: ToxicId,
    toxic: Toxic,
    since: Instant,
    /// Bytes laid since.
    passed: u64,
}

struct Piece {
    arrived: Instant,
    due: Instant,
    bytes: Vec<u8>,
}

pub(super) struct Line {
    toxics: Vec<Applied>,
    dice: Dice,
    pieces: VecDeque<Piece>,
    queued: usize,
    /// When the last piece is due, and when the line has sent all that it has: no later one comes before.
    last_due: Instant,
    /// A limit is reached: what lies here is the last.
    ends: bool,
}

impl Line {
    pub(super) fn new(now: Instant, dice: Dice) -> Line {
        Line {
            toxics: Vec::new(),
            dice,
            pieces: VecDeque::new(),
            queued: 0,
            last_due: now,
            ends: false,
        }
    }

    /// These toxics are there from now on; what has not left is bound by them too. The end, if a black hole is gone.
    pub(super) fn set(&mut self, now: Instant, toxics: &[(ToxicId, Toxic)]) -> Option<Cut> {
        let mut before = std::mem::take(&mut self.toxics);
        self.toxics = toxics
            .iter()
            .map(|(id, toxic)| match before.iter().position(|one| one.id == *id) {
                Some(i) => before.swap_remove(i),
                None => Applied { id: *id, toxic: *toxic, since: now, passed: 0 },
            })
            .collect();
        if before.iter().any(|gone| matches!(gone.toxic, Toxic::Timeout { .. })) {
            return Some(Cut::Close);
        }
        self.last_due = now;
        for piece in std::mem::take(&mut self.pieces) {
            self.slice(piece.arrived, &piece.bytes);
        }
        None
    }

    /// Takes bytes that have arrived.
    pub(super) fn lay(&mut self, now: Instant, bytes: &[u8]) {
        if self.is_hole() {
            return;
        }
        let mut allowed = bytes.len();
        for one in &self.toxics {
            if let Toxic::LimitData { bytes } = one.toxic {
                let left = usize::try_from(bytes.saturating_sub(one.passed)).unwrap_or(usize::MAX);
                allowed = allowed.min(left);
                self.ends |= allowed == left;
            }
        }
        self.toxics.iter_mut().for_each(|one| one.passed += allowed as u64);
        self.queued += allowed;
        self.slice(now, &bytes[..allowed]);
    }

    fn slice(&mut self, arrived: Instant, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(self.size().min(bytes.len()));
            let due = self.due(arrived, piece.len());
            self.pieces.push_back(Piece { arrived, due, bytes: piece.to_vec() });
            self.last_due = due;
            bytes = rest;
        }
    }

    /// Of the next piece.
    fn size(&mut self) -> usize {
        let mut size = usize::MAX;
        for one in &self.toxics {
            match one.toxic {
                Toxic::Slicer { average_size, size_variation, .. } => {
                    let average = average_size.max(1);
                    let variation = size_variation.min(average - 1);
                    size = size.min(average - variation + self.dice.below(2 * variation + 1));
                }
                Toxic::Bandwidth { bytes_per_second } => {
                    let portion = bytes_per_second as f64 * PORTION.as_secs_f64();
                    size = size.min((portion as usize).max(1));
                }
                _ => {}
            }
        }
        size
    }

    fn due(&mut self, arrived: Instant, len: usize) -> Instant {
        let (mut late, mut apart, mut rate) = (Duration::ZERO, Duration::ZERO, None::<u64>);
        for one in &self.toxics {
            match one.toxic {
                Toxic::Latency { latency, jitter } => {
                    let drawn = jitter.as_secs_f64() * self.dice.both_ways();
                    let latency = (latency.as_secs_f64() + drawn).max(0.0);
                    late = late.saturating_add(
                        Duration::try_from_secs_f64(latency).unwrap_or(Duration::MAX),
                    );
                }
                Toxic::Slicer { delay, .. } => apart = apart.saturating_add(delay),
                Toxic::Bandwidth { bytes_per_second } => {
                    rate = Some(rate.unwrap_or(u64::MAX).min(bytes_per_second.max(1)));
                }
                _ => {}
            }
        }
        // The first of many slices has none before it to keep away from.
        let follows = if self.pieces.is_empty() { Duration::ZERO } else { apart };
        let begins = after(arrived, late).max(after(self.last_due, follows));
        let takes = |rate| Duration::from_secs_f64(len as f64 / rate as f64);
        after(begins, rate.map_or(Duration::ZERO, takes))
    }

    /// Whether a reader has to wait: for room, or for ever.
    pub(super) fn takes_more(&self) -> bool {
        self.queued < CAPACITY && !self.ends
    }

    /// When the next piece is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pieces.front().map(|piece| piece.due)
    }

    /// The bytes of the next piece.
    pub(super) fn next(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| &piece.bytes)
    }

    /// So many of these have left.
    pub(super) fn left(&mut self, n: usize) {
        let Some(piece) = self.pieces.front_mut() else { return };
        self.queued -= n;
        piece.bytes.drain(..n);
        if piece.bytes.is_empty() {
            self.pieces.pop_front();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether nothing comes through, not even the end.
    pub(super) fn is_hole(&self) -> bool {
        self.toxics.iter().any(|one| matches!(one.toxic, Toxic::Timeout { .. }))
    }

    /// When the connection is to be ended, and how.
    pub(super) fn cut(&self) -> Option<(Instant, Cut)> {
        let limit = (self.ends && self.is_empty()).then_some((self.last_due, Cut::Close));
        let toxics = self.toxics.iter().filter_map(|one| match one.toxic {
            Toxic::Timeout { after: limit } => Some((after(one.since, limit?), Cut::Close)),
            Toxic::ResetPeer { after: limit } => Some((after(one.since, limit), Cut::Reset)),
            _ => None,
        });
        toxics.chain(limit).min_by_key(|(at, _)| *at)
    }

    /// By how much the end of the stream is late.
    pub(super) fn close_delay(&self) -> Duration {
        let slow = |one: &Applied| match one.toxic {
            Toxic::SlowClose { delay } => delay,
            _ => Duration::ZERO,
        };
        self.toxics.iter().map(slow).fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// That much later, or in a hundred years if that cannot be said.
pub(super) fn after(time: Instant, long: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    time.checked_add(long).unwrap_or_else(|| time + CENTURY)
}

#[cfg(test)]
#[path = "line_test.rs"]
mod tests;
