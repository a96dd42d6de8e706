//! raw-cas: one counter, changed by compare-and-swap, once out and once back. No pool can do less and stay one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{ONE, Pool};
use crate::scenarios;
use crate::subject::{Settings, Source, Subject};

pub(super) const POOL: Pool = Pool {
    name: "raw-cas",
    package: "",
    tunings: ONE,
    has_part: super::cannot_wait,
    measure: scenarios::on_tasks::<RawCas>,
    cycles: scenarios::cycles_on_tasks::<RawCas>,
};

#[derive(Clone)]
struct RawCas(Arc<AtomicUsize>);

struct Guard<'a>(&'a AtomicUsize);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        step(self.0, |left| left + 1);
    }
}

/// Changes the counter as pools change a list's head: by the value that was read, again until it fits.
fn step(counter: &AtomicUsize, to: impl Fn(usize) -> usize) {
    let mut seen = counter.load(Ordering::Relaxed);
    while let Err(now) =
        counter.compare_exchange_weak(seen, to(seen), Ordering::AcqRel, Ordering::Relaxed)
    {
        seen = now;
    }
}

impl Subject for RawCas {
    type Guard<'a> = Guard<'a>;

    async fn open(_: Source, settings: Settings) -> RawCas {
        RawCas(Arc::new(AtomicUsize::new(settings.max_size)))
    }

    async fn take(&self) -> Guard<'_> {
        step(&self.0, |left| left.wrapping_sub(1));
        Guard(&self.0)
    }
}
