//! Several pools as one: the sums of their counts and of their reports, for clusters and registries.

use crate::report::Report;
use crate::stats::{State, Status};

impl Status {
    /// The counts of several pools as those of one: their sums. It is running while one of them is, else what the
    /// least advanced of them is; of no pool, it is closed.
    pub fn sum(parts: impl IntoIterator<Item = Status>) -> Status {
        let none = Status {
            size: 0,
            available: 0,
            using: 0,
            waiting: 0,
            connecting: 0,
            testing: 0,
            resetting: 0,
            closing: 0,
            sharers: 0,
            max: 0,
            min: 0,
            spare: 0,
            state: State::Closed,
            peak_waiting: 0,
            idle_in_transaction: 0,
        };
        parts.into_iter().fold(none, |sum, part| Status {
            size: sum.size + part.size,
            available: sum.available + part.available,
            using: sum.using + part.using,
            waiting: sum.waiting + part.waiting,
            connecting: sum.connecting + part.connecting,
            testing: sum.testing + part.testing,
            resetting: sum.resetting + part.resetting,
            closing: sum.closing + part.closing,
            sharers: sum.sharers + part.sharers,
            max: sum.max.saturating_add(part.max),
            min: sum.min + part.min,
            spare: sum.spare.saturating_add(part.spare),
            state: sum.state.min(part.state),
            peak_waiting: sum.peak_waiting + part.peak_waiting,
            idle_in_transaction: sum.idle_in_transaction + part.idle_in_transaction,
        })
    }
}

impl<E> Report<E> {
    /// The reports of several pools as one.
    pub fn sum(parts: impl IntoIterator<Item = Report<E>>) -> Report<E> {
        parts.into_iter().fold(Report::new(), |mut sum, part| {
            sum.closed += part.closed;
            sum.errors.extend(part.errors);
            sum.holders.extend(part.holders);
            sum
        })
    }
}
