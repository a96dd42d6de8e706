//! Moves bytes one way, over a [`Line`].

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::dice::Dice;
use super::line::{Cut, Line, after};
use super::toxics::Toxics;
use super::{Direction, Toxic, ToxicId};

/// How one direction ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its source has ended, and so has its target.
    Done,
    /// The connection is to be cut by the proxy.
    Cut(Cut),
    /// One of the two sides has broken it.
    Broken,
}

/// Who asks: which toxics, and which numbers, are its own.
pub(super) struct Way {
    pub(super) seed: u64,
    pub(super) connection: u64,
    pub(super) direction: Direction,
    pub(super) toxics: watch::Receiver<Toxics>,
}

impl Way {
    fn toxics(&mut self) -> Vec<(ToxicId, Toxic)> {
        self.toxics.borrow_and_update().of(self.seed, self.connection, self.direction)
    }
}

/// Runs until the source has ended and all has been passed on. `passed` hears how many bytes have left.
pub(super) async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: Way,
    passed: impl Fn(usize),
) -> Ended {
    let dice = Dice::of(&[way.seed, way.connection, way.direction as u64]);
    let mut line = Line::new(Instant::now(), dice);
    line.set(Instant::now(), &way.toxics());
    let mut buffer = vec![0; 16 * 1024];
    // When the source ended.
    let mut ended: Option<Instant> = None;
    loop {
        let now = Instant::now();
        let cut = line.cut();
        if let Some((_, how)) = cut.filter(|(at, _)| *at <= now) {
            return Ended::Cut(how);
        }
        let due = line.next_due();
        let is_due = due.is_some_and(|due| due <= now);
        let end = ended
            .filter(|_| line.is_empty() && !line.is_hole())
            .map(|at| after(at, line.close_delay()));
        if end.is_some_and(|end| end <= now) {
            return if to.shutdown().await.is_ok() { Ended::Done } else { Ended::Broken };
        }
        let look_again =
            [cut.map(|(at, _)| at), due.filter(|_| !is_due), end].into_iter().flatten().min();
        tokio::select! {
            biased;
            changed = way.toxics.changed() => {
                // The proxy is gone, and with it this connection.
                if changed.is_err() {
                    return Ended::Cut(Cut::Close);
                }
                if let Some(how) = line.set(Instant::now(), &way.toxics()) {
                    return Ended::Cut(how);
                }
            }
            () = sleep_until(look_again.unwrap_or(now)), if look_again.is_some() => {}
            wrote = to.write(line.next()), if is_due => match wrote {
                Ok(n) if n > 0 => {
                    line.left(n);
                    passed(n);
                }
                _ => return Ended::Broken,
            },
            read = from.read(&mut buffer), if ended.is_none() && line.takes_more() => match read {
                Ok(0) => ended = Some(Instant::now()),
                Ok(n) => line.lay(Instant::now(), &buffer[..n]),
                Err(_) => return Ended::Broken,
            },
        }
    }
}

#[cfg(test)]
#[path = "pump_test.rs"]
mod tests;
