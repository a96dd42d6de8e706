//! The short ways of steady traffic: there when nothing else can follow, and closed whenever something might. That
//! each leads to where the long way does is the histories' to say.

use std::time::Duration;

use super::time::{forever, lent, orders, start};
use crate::config::{Bound, Options, TestOnAcquire, Timeout};
use crate::core::{Acquired, Core, Kind, Order, Request, Setback, SlotKey, Verdict};
use crate::time::Time;

const SECOND: Duration = Duration::from_secs(1);

/// A pool whose only connection is lent, looked at just now.
fn full(options: Options) -> (Core, SlotKey) {
    let (mut core, keys) = lent(Options { max_size: Bound::At(1), ..options }, 1, SECOND);
    core.upkeep(start());
    orders(&mut core);
    (core, keys[0])
}

fn line_up(core: &mut Core) -> Option<(u64, u32)> {
    core.line_up(0, 1, Kind::Exclusive)
}

// P-2, P-5
#[test]
fn a_full_pool_has_a_short_way_to_the_end_of_its_queue() {
    let (mut core, _key) = full(forever());
    let ticket = core.ticket();
    for n in 1..=3 {
        assert_eq!(line_up(&mut core).map(|(ticket, _)| ticket), Some(ticket + n));
    }
    assert_eq!((core.status().waiting, core.has_orders()), (3, false));
    core.check();
    assert_eq!(core.line_up(0, 2, Kind::Exclusive), None, "it may be more than there may be");
    assert_eq!(core.line_up(0, 1, Kind::Shared), None, "it may join another");
    // While the clock is late, whoever comes must bring the time.
    core.reconfigure(core.options().clone(), start());
    assert_eq!(line_up(&mut core), None);
    core.upkeep(start());
    assert!(line_up(&mut core).is_some());
    core.close(Time::NEVER, start());
    assert_eq!(line_up(&mut core), None, "it is refused");
    let (mut core, _key) = full(Options { max_waiting: Bound::At(1), ..forever() });
    assert_eq!(line_up(&mut core), None, "too many may wait");
}

// P-2, P-4
#[test]
fn what_comes_back_to_a_queue_goes_from_hand_to_hand() {
    for test_on_acquire in [TestOnAcquire::Never, TestOnAcquire::IfIdleFor(SECOND)] {
        let (mut core, key) = full(Options { test_on_acquire, ..forever() });
        let (first, second) = (line_up(&mut core), line_up(&mut core));
        assert_eq!(core.pass_on(key), first.map(|(_, w)| w), "{test_on_acquire:?}");
        assert_eq!(core.collect_grant(first.unwrap().1), Some(key));
        assert_eq!(core.pass_on(key), second.map(|(_, w)| w));
        core.check();
        assert!(!core.has_orders());
    }
}

// P-14, P-22
#[test]
fn a_pool_whose_limit_overload_lowered_is_never_full_for_long_and_has_no_short_way() {
    let (mut core, _keys) = lent(Options { max_size: Bound::At(9), ..forever() }, 4, SECOND);
    core.upkeep(start());
    let ticket = core.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
    let Acquired::Queued(w) = core.acquire(request, false, start()) else { panic!("it waits") };
    let connect = orders(&mut core).into_iter().find_map(|order| match order {
        Order::Connect(key) => Some(key),
        _ => None,
    });
    core.connect_failed(connect.expect("there is room"), Setback::Overload, start());
    assert_eq!((core.size(), core.status().max), (4, 4));
    core.cancel(w, false);
    orders(&mut core);
    core.upkeep(start());
    assert_eq!(line_up(&mut core), None, "the upkeep must hear of whoever waits");
}

// P-15, P-17
#[test]
fn what_must_be_tested_or_may_be_used_up_goes_the_long_way() {
    let always = Options { test_on_acquire: TestOnAcquire::Always, ..forever() };
    let (mut core, key) = full(always);
    assert!(line_up(&mut core).is_some());
    assert_eq!(core.pass_on(key), None);
    assert!(core.release(key, Verdict::Keep));
    assert_eq!(orders(&mut core), [Order::Test(key)]);
    let (mut core, key) = full(Options { max_uses: Bound::At(2), ..forever() });
    assert!(line_up(&mut core).is_some());
    assert_eq!(core.pass_on(key), None);
}

// P-17, P-18
#[test]
fn what_is_of_an_old_generation_or_too_old_goes_the_long_way() {
    let (mut core, key) = full(forever());
    core.clear();
    assert!(line_up(&mut core).is_some());
    assert_eq!(core.pass_on(key), None);
    let (mut core, key) = full(Options { max_lifetime: Timeout::After(100 * SECOND), ..forever() });
    core.upkeep(start() + 100 * SECOND);
    assert!(line_up(&mut core).is_some());
    assert_eq!(core.pass_on(key), None);
}
