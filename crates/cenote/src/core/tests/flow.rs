//! The flow, by itself and in the core: when it puts connects off, for whom, and for how long.

use std::time::Duration;

use super::time::{forever, lent, orders, start};
use crate::config::{Bound, Options};
use crate::core::flow::Flow;
use crate::core::{Acquired, Core, Kind, Order, Request, SlotKey, Verdict};
use crate::time::Time;

const CONNECT: Duration = Duration::from_millis(160);
const LOOK: Duration = Duration::from_millis(10);

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(1_000 + ms)
}

/// Of a pool in which ten have come back within 100 ms.
fn flowing() -> Flow {
    let mut flow = Flow::new(at(0) - Duration::from_millis(100));
    flow.count(10, CONNECT, at(0));
    flow
}

// P-12
#[test]
fn without_history_nobody_is_put_off() {
    let ask = |flow: &mut Flow, lent, connect| flow.serves(9, lent, 10, connect, at(0));
    assert_eq!(ask(&mut flowing(), true, CONNECT), 9);
    assert_eq!(ask(&mut flowing(), false, CONNECT), 0, "nothing can come back");
    assert_eq!(ask(&mut flowing(), true, Duration::from_millis(19)), 0, "not worth a timer");
    assert_eq!(ask(&mut flowing(), true, Duration::from_millis(20)), 9);
    assert_eq!(ask(&mut flowing(), true, Duration::ZERO), 0, "no connect was measured");
    assert_eq!(ask(&mut Flow::new(at(0)), true, CONNECT), 0, "nothing came back yet");
    let mut slow = Flow::new(at(0));
    slow.count(6, CONNECT, at(1_000));
    assert_eq!(
        slow.serves(1, true, 6, CONNECT, at(1_000)),
        0,
        "a connect is quicker than the next"
    );
    let mut quick = Flow::new(at(0));
    quick.count(7, CONNECT, at(1_000));
    assert_eq!(quick.serves(1, true, 7, CONNECT, at(1_000)), 1);
}

// P-12
#[test]
fn history_is_counted_over_fifty_milliseconds_at_least() {
    let mut flow = Flow::new(at(0));
    flow.count(9, CONNECT, at(49));
    assert_eq!(flow.serves(1, true, 9, CONNECT, at(49)), 0);
    let mut flow = Flow::new(at(0));
    flow.count(9, CONNECT, at(50));
    assert_eq!(flow.serves(1, true, 9, CONNECT, at(50)), 1);
    flow.begin();
    flow.count(9, CONNECT, at(500));
    assert_eq!(
        flow.serves(1, true, 9, CONNECT, at(500)),
        0,
        "and no longer than to the next count"
    );
}

// P-12
#[test]
fn a_crowd_is_looked_at_again_and_put_off_only_while_enough_come_back() {
    let mut flow = flowing();
    assert_eq!(flow.serves(32, true, 10, CONNECT, at(0)), 32);
    assert_eq!(flow.look, at(0) + LOOK);
    assert_eq!(flow.serves(33, true, 10, CONNECT, at(9)), 33, "no look is due");
    // Two in 10 ms make 32 in the time of a connect.
    assert_eq!(flow.serves(32, true, 12, CONNECT, at(10)), 32);
    assert_eq!(flow.look, at(10) + LOOK);
    let mut short = flow.clone();
    assert_eq!(short.serves(33, true, 14, CONNECT, at(20)), 0, "four in 20 ms make 32");
    assert_eq!(short.look, Time::NEVER);
    assert_eq!(short.serves(1, true, 99, CONNECT, at(21)), 0, "and so it stays for this crowd");
    short.begin();
    assert_eq!(short.serves(1, true, 99, CONNECT, at(22)), 1, "the next is another");
    assert_eq!(flow.serves(32, false, 14, CONNECT, at(15)), 0, "nothing is lent any more");
}

// P-12
#[test]
fn no_crowd_is_put_off_for_longer_than_half_of_a_connect() {
    let mut flow = flowing();
    for ms in (0..80).step_by(10) {
        assert_eq!(flow.serves(8, true, 10 + ms, CONNECT, at(ms)), 8);
    }
    assert_eq!(flow.look, at(80));
    assert_eq!(flow.serves(8, true, 999, CONNECT, at(80)), 0);
}

// P-12
#[test]
fn a_crowd_that_has_gone_leaves_no_timer() {
    let mut flow = flowing();
    flow.serves(8, true, 10, CONNECT, at(0));
    assert_eq!((flow.serves(0, true, 18, CONNECT, at(4)), flow.look), (0, Time::NEVER));
    assert_eq!(flow.serves(8, true, 18, CONNECT, at(90)), 8, "the next one is put off anew");
}

fn acquire(core: &mut Core) -> Acquired {
    let ticket = core.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Exclusive };
    core.acquire(request, false, core.clock())
}

/// A pool with room, whose two connections are lent and came back often.
fn busy() -> (Core, Vec<SlotKey>) {
    let (mut core, keys) = lent(Options { max_size: Bound::At(9), ..forever() }, 2, CONNECT);
    core.upkeep(start());
    for _ in 0..20 {
        assert!(core.release(keys[0], Verdict::Keep));
        assert_eq!(acquire(&mut core), Acquired::Hit(keys[0]));
    }
    core.upkeep(start() + Duration::from_millis(100));
    orders(&mut core);
    (core, keys)
}

// P-12
#[test]
fn a_pool_puts_off_only_connects_for_those_to_whom_nothing_is_on_its_way() {
    let (mut core, _) = busy();
    assert!(matches!(acquire(&mut core), Acquired::Queued(_)));
    assert!(!orders(&mut core).iter().any(|order| matches!(order, Order::Connect(_))));
    assert_eq!(core.flow.look, core.clock() + LOOK);
    // A connect and a reset under way are enough for one.
    let (mut core, _) = busy();
    core.make_room(core.clock()).expect("there is room");
    assert!(matches!(acquire(&mut core), Acquired::Queued(_)));
    assert_eq!(core.flow.look, Time::NEVER);
    let (mut core, keys) = busy();
    assert!(core.release(keys[0], Verdict::Reset));
    assert!(matches!(acquire(&mut core), Acquired::Queued(_)));
    assert_eq!(core.flow.look, Time::NEVER);
}
