//! What stands in for a core that panicked: empty, closed, and it says so to everybody.

use std::time::Duration;

use super::time::{forever, lent, orders, start};
use crate::config::{Bound, Options};
use crate::core::{Acquired, Collected, Failure, Kind, Refusal, Request, Verdict};
use crate::stats::{CloseReason, State};

// P-23
#[test]
fn what_stands_in_for_a_core_that_panicked_says_so_to_everybody_and_keeps_nothing() {
    let minimums = Options { min_size: 2, min_idle: 1, max_size: Bound::At(4), ..forever() };
    let (mut old, keys) = lent(minimums, 4, Duration::from_millis(5));
    let ticket = old.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
    let Acquired::Queued(w) = old.acquire(request, false, start()) else { panic!("it waits") };
    let mut core = old.stand_in();
    assert!(core.is_broken() && !old.is_broken());
    core.check();
    assert_eq!((core.size(), core.status().state), (0, State::Closed));
    assert!(core.is_settled() && orders(&mut core).is_empty(), "it makes no connections");
    assert_eq!((core.options().min_size, core.options().min_idle), (2, 1));
    assert_eq!(core.counts(), old.counts(), "what was stays counted");
    assert_eq!(core.ticket(), ticket + 1);
    // Who waited, who comes, who leaves, and what comes back.
    assert_eq!(core.collect(w), Collected::Failed(Failure::Broken));
    assert_eq!(core.acquire(request, false, start()), Acquired::Refused(Refusal::Broken));
    assert_eq!(core.try_refusal(), Refusal::Broken);
    assert_eq!(core.counts().closed, old.counts().closed + 2, "two were refused");
    core.cancel(w, false);
    assert!(!core.release(keys[0], Verdict::Keep) && !core.owns(keys[0]));
    core.closed(keys[0], false);
    core.check();
    assert_eq!(core.counts().closes.get(CloseReason::PoolClosed), 0);
}
