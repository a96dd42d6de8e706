//! The queue: order by level and ticket, and O(1) where it counts.

use crate::core::queue::{Failure, Kind, Queue, Request, Step};
use crate::time::Time;

fn request(level: u8, ticket: u64) -> Request {
    Request { level, ticket, wanted: 1, kind: Kind::Exclusive }
}

fn tickets(queue: &Queue) -> Vec<u64> {
    queue.in_order().into_iter().map(|w| queue[w].request.ticket).collect()
}

// P-4
#[test]
fn levels_are_strict_and_tickets_order_each_level() {
    let mut queue = Queue::new(3);
    for (level, ticket) in [(1, 1), (2, 2), (0, 3), (1, 4), (0, 5)] {
        queue.join(request(level, ticket));
    }
    assert_eq!(tickets(&queue), [3, 5, 1, 4, 2]);
    assert_eq!(queue.waiting(), 5);
    assert!(queue.someone_before(2, 2) && !queue.someone_before(0, 2));
}

// P-4, P-5
#[test]
fn whoever_comes_back_stands_where_its_ticket_says() {
    let mut queue = Queue::new(1);
    let waiters: Vec<u32> = (1..=5).map(|ticket| queue.join(request(0, ticket))).collect();
    for &w in &waiters[1..3] {
        queue.grant(w, 0, Time::ZERO);
        queue.park(w);
    }
    assert_eq!(tickets(&queue), [1, 4, 5]);
    queue.enlist(waiters[2]);
    queue.enlist(waiters[1]);
    assert_eq!(tickets(&queue), [1, 2, 3, 4, 5]);
}

// P-5
#[test]
fn whoever_leaves_is_gone_from_wherever_it_stood() {
    let mut queue = Queue::new(2);
    let waiters: Vec<u32> = (1..=6).map(|t| queue.join(request((t % 2) as u8, t))).collect();
    queue.grant(waiters[1], 7, Time::ZERO);
    queue.fail(waiters[3], Failure::Closed);
    assert_eq!(queue.leave(waiters[1]), Step::Granted(7));
    assert_eq!(queue.leave(waiters[3]), Step::Failed(Failure::Closed));
    assert_eq!(queue.leave(waiters[2]), Step::Waiting);
    assert_eq!(tickets(&queue), [6, 1, 5]);
    assert_eq!(queue.stale_grant(Time::NEVER), None);
    for w in [0, 4, 5] {
        queue.leave(waiters[w]);
    }
    assert!(queue.is_empty());
    assert_eq!((queue.waiting(), queue.wanted(), queue.peak()), (0, 0, 6));
}

// P-5
#[test]
fn nodes_are_used_again() {
    let mut queue = Queue::new(1);
    for ticket in 0..1_000 {
        let w = queue.join(request(0, ticket));
        assert_eq!(w, 0, "one waiter at a time needs one node");
        queue.leave(w);
    }
}
