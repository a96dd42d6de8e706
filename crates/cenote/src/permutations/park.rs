//! A thread that waits for a future: no wake-up is lost, neither beside an alarm nor in a wait inside a wait.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use loom::thread;

use super::{explore, join};
use crate::blocking::oneshot::oneshot;
use crate::env::block_on;
use crate::env::park::set_alarm;

// P-25
#[test]
fn a_wake_comes_through_whenever_it_comes() {
    explore(|| {
        let ((first, one), (second, two)) = (oneshot(), oneshot());
        let tellers =
            [thread::spawn(move || first.tell(())), thread::spawn(move || second.tell(()))];
        let (mut one, mut two) = (pin!(one), pin!(two));
        let (mut had_one, mut had_two) = (false, false);
        block_on(poll_fn(|cx| {
            had_one = had_one || one.as_mut().poll(cx).is_ready();
            had_two = had_two || two.as_mut().poll(cx).is_ready();
            if had_one && had_two { Poll::Ready(()) } else { Poll::Pending }
        }));
        tellers.into_iter().for_each(join);
    });
}

// P-3, P-25
#[test]
fn an_alarm_takes_no_wake_away() {
    let past = Instant::now();
    explore(move || {
        let (teller, answer) = oneshot();
        let thread = thread::spawn(move || teller.tell(7));
        let (mut answer, mut rung) = (pin!(answer), false);
        let told = block_on(poll_fn(|cx| {
            if !std::mem::replace(&mut rung, true) {
                set_alarm(past);
            }
            answer.as_mut().poll(cx)
        }));
        assert_eq!(told, 7);
        join(thread);
    });
}

// P-25
#[test]
fn a_wait_inside_a_wait_takes_none_of_its_wakes() {
    explore(|| {
        let ((first, outer), (second, inner)) = (oneshot(), oneshot());
        let tellers = [thread::spawn(move || first.tell(1)), thread::spawn(move || second.tell(2))];
        let (mut outer, mut inner) = (pin!(outer), Some(inner));
        let told = block_on(poll_fn(|cx| {
            let polled = outer.as_mut().poll(cx);
            if let Some(inner) = inner.take() {
                assert_eq!(block_on(inner), 2);
            }
            polled
        }));
        assert_eq!(told, 1);
        tellers.into_iter().for_each(join);
    });
}
