//! Turns at one connection: one at a time, in their order, each told when the connection lies in its place again.

use std::panic::resume_unwind;
use std::sync::Arc;

use loom::thread;

use super::{explore, join, poll_in_vain};
use crate::blocking::oneshot::Answer;
use crate::blocking::seat::{Seat, Unheard};
use crate::crew::Crew;
use crate::env::block_on;

/// What a turn did, on a connection that is the list of those who had it.
type Had = Answer<std::thread::Result<bool>>;

fn seat() -> Arc<Seat<Vec<u8>>> {
    Seat::new(Vec::new(), Arc::new(Crew::new("seat", usize::MAX)))
}

/// A turn; the answer says whether the connection was there.
fn turn(seat: &Arc<Seat<Vec<u8>>>, unheard: Unheard, who: u8) -> Had {
    seat.turn(unheard, move |conn| conn.as_mut().map(|had| had.push(who)).is_some())
}

fn heard(had: Had) {
    assert!(block_on(had).unwrap(), "the connection was away, with another turn");
}

fn who_had(seat: &Seat<Vec<u8>>) -> Vec<u8> {
    seat.look(|had| had.clone()).expect("the connection lies in its place")
}

// P-25
#[test]
fn one_turn_at_a_time_and_none_is_forgotten() {
    explore(|| {
        let seat = seat();
        let other = {
            let seat = Arc::clone(&seat);
            thread::spawn(move || heard(turn(&seat, Unheard::Run, 1)))
        };
        heard(turn(&seat, Unheard::Run, 2));
        join(other);
        let mut had = who_had(&seat);
        had.sort_unstable();
        assert_eq!(had, [1, 2]);
    });
}

// P-25
#[test]
fn a_turn_that_comes_as_the_last_one_ends_has_its_turn() {
    explore(|| {
        let seat = seat();
        heard(turn(&seat, Unheard::Run, 1));
        assert_eq!(who_had(&seat), [1], "told before the connection lay in its place");
        heard(turn(&seat, Unheard::Run, 2));
        assert_eq!(who_had(&seat), [1, 2]);
    });
}

// P-8, P-25
#[test]
fn a_turn_that_nobody_waits_for_comes_before_the_next_or_never() {
    explore(|| {
        let seat = seat();
        let mut given_up = turn(&seat, Unheard::Skip, 1);
        let was_heard = poll_in_vain(&mut given_up).is_some();
        drop(given_up);
        let rest = turn(&seat, Unheard::Run, 2);
        heard(rest);
        let had = who_had(&seat);
        assert!(had == [1, 2] || (!was_heard && had == [2]), "{had:?}");
    });
}

// P-23, P-25
#[test]
fn a_turn_that_panics_breaks_the_seat_before_anybody_hears_of_it() {
    explore(|| {
        let seat = seat();
        let panics = seat.turn(Unheard::Run, |_| resume_unwind(Box::new("on purpose")));
        let after = turn(&seat, Unheard::Run, 2);
        let panicked: std::thread::Result<()> = block_on(panics);
        assert!(panicked.is_err() && seat.is_broken());
        heard(after);
    });
}
