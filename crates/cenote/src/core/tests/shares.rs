//! The list of shared connections by itself, against the sorted list that it stands for; and what sharers are told.

use std::time::Duration;

use super::time::{forever, idle, start};
use crate::config::{Bound, Options};
use crate::core::draw::Draw;
use crate::core::shares::Shares;
use crate::core::slot::Slots;
use crate::core::{Acquired, Core, Kind, Request, SlotKey};
use crate::stats::CloseReason;

// P-32
#[test]
fn the_least_shared_comes_first_and_among_equals_whoever_was_touched_longest_ago() {
    let (mut slots, mut shares, mut draw) = (Slots::new(), Shares::new(), Draw::new(5));
    let keys = [(); 6].map(|()| slots.take(0, start()));
    // Index, sharers, and when they were joined or left last.
    let mut model: Vec<(u32, usize, usize)> = Vec::new();
    let mut pick = |n: usize| (draw.unit() * n as f64) as usize;
    for step in 0..20_000 {
        let index = keys[pick(keys.len())].index;
        let at = model.iter().position(|&(i, ..)| i == index);
        let sharers = at.map_or(0, |at| model.remove(at).1);
        let left = match pick(9) {
            0 if sharers > 0 => {
                shares.forget(&mut slots, index);
                0
            }
            1..5 if sharers > 0 => {
                assert_eq!(shares.leave(&mut slots, index) as usize, sharers - 1);
                sharers - 1
            }
            _ if sharers < 5 => {
                shares.join(&mut slots, index);
                sharers + 1
            }
            _ => {
                shares.leave(&mut slots, index);
                sharers - 1
            }
        };
        if left > 0 {
            model.push((index, left, step));
        }
        model.sort_unstable_by_key(|&(_, sharers, touched)| (sharers, touched));
        let order: Vec<u32> = model.iter().map(|&(index, ..)| index).collect();
        assert_eq!(shares.check(&slots), order, "after step {step}");
        assert_eq!(shares.least(), order.first().copied());
        let sum: usize = model.iter().map(|&(_, sharers, _)| sharers).sum();
        assert_eq!((shares.sharers(), shares.room(5)), (sum, model.len() * 5 - sum));
    }
}

// P-32
#[test]
fn the_list_grows_with_the_most_sharers_at_once_and_not_with_time() {
    let (mut slots, mut shares) = (Slots::new(), Shares::new());
    let index = slots.take(0, start()).index;
    for _ in 0..1_000 {
        (0..3).for_each(|_| shares.join(&mut slots, index));
        (0..3).for_each(|_| assert!(shares.leave(&mut slots, index) < 3));
    }
    assert_eq!(shares.groups(), 4, "for nought to three sharers");
}

fn share(core: &mut Core) -> SlotKey {
    let ticket = core.ticket();
    let request = Request { level: 0, ticket, wanted: 1, kind: Kind::Shared };
    match core.acquire(request, false, core.clock()) {
        Acquired::Hit(key) => key,
        other => panic!("{other:?}"),
    }
}

// P-27, P-32
#[test]
fn a_share_of_a_dead_connection_was_no_acquire_and_nobody_else_joins_it() {
    let options = Options { max_size: Bound::At(2), max_sharers: 4, ..forever() };
    let mut core = idle(options, 2);
    let before = *core.counts();
    let key = share(&mut core);
    assert_eq!((core.sharers(key), share(&mut core)), (1, key));
    assert_eq!(core.sharers(key), 2);
    assert!(core.share_found_dead(key, true));
    assert_eq!(core.counts().acquired, before.acquired + 1);
    assert_eq!(core.counts().hits, before.hits + 1);
    assert_eq!(core.sharers(key), 1);
    let other = share(&mut core);
    assert_ne!(other, key, "it ends with its last sharer");
    // The last one was a waiter once: no hit is taken back.
    assert!(core.share_found_dead(key, false));
    assert_eq!(core.counts().acquired, before.acquired + 1);
    assert_eq!(core.counts().hits, before.hits + 2);
    assert_eq!(core.counts().closes.get(CloseReason::Died), 1);
    assert_eq!(core.sharers(key), 0);
    core.check();
    core.close(start() + Duration::from_secs(1), start());
    core.overrun();
    assert!(!core.share_found_dead(other, true), "it is no longer the pool's");
}
