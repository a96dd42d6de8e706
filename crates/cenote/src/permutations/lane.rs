//! The fast lane: each connection has one owner, who sees what the owner before it did; whoever closes the lane has
//! everything that is on it, and nothing comes after.

use std::panic::Location;
use std::sync::Arc;

use loom::cell::Cell;
use loom::sync::Mutex;
use loom::thread;

use super::{explore, join};
use crate::lane::{Key, Lane, Rider, Terms};
use crate::time::Time;

/// A connection. Its cell tells when two have it at once, or when one does not see what the other did.
struct Guest {
    slot: u32,
    generation: u64,
    uses: Cell<u32>,
    lane: Arc<Lane<Guest>>,
}

// SAFETY: it holds an `Arc` of its lane, and each test numbers its guests.
#[expect(unsafe_code, reason = "a promise to the lane")]
unsafe impl Rider for Guest {
    fn lane(&self) -> &Lane<Guest> {
        &self.lane
    }

    fn slot(&self) -> u32 {
        self.slot
    }

    fn fits(&self, terms: Terms) -> bool {
        self.generation == terms.generation
    }
}

impl Guest {
    fn new(slot: u32, lane: &Arc<Lane<Guest>>) -> Box<Guest> {
        Box::new(Guest { slot, generation: 0, uses: Cell::new(0), lane: Arc::clone(lane) })
    }

    fn work(&self) {
        self.uses.set(self.uses.get() + 1);
    }
}

fn terms(generation: u64) -> Terms {
    Terms { generation, clock: Time::ZERO }
}

/// An open lane with so many guests on it, of as many as three.
fn lane(guests: u32) -> (Arc<Lane<Guest>>, Key) {
    let (lane, mut key) = Lane::new();
    let lane = Arc::new(lane);
    lane.grow(&mut key, 3);
    lane.open(&mut key, terms(0), (0..guests).map(|slot| Guest::new(slot, &lane)));
    (lane, key)
}

fn pop(lane: &Lane<Guest>) -> Option<Box<Guest>> {
    lane.pop(Location::caller())
}

/// What is on the lane when it is closed, and how often something was popped.
fn close(lane: &Lane<Guest>, key: &mut Key) -> (u64, Vec<Guest>) {
    let (pops, resting) = lane.close(key);
    (pops, resting.map(|resting| *resting.rider).collect())
}

// P-1, P-2
#[test]
fn each_has_one_owner_at_a_time_who_sees_what_was_done() {
    explore(|| {
        let (lane, mut key) = lane(2);
        let others = [(), ()].map(|()| {
            let lane = Arc::clone(&lane);
            thread::spawn(move || {
                let Some(guest) = pop(&lane) else { return };
                guest.work();
                assert!(Lane::push(guest).is_ok(), "the lane is open");
            })
        });
        if let Some(guest) = pop(&lane) {
            guest.work();
            assert!(Lane::push(guest).is_ok(), "the lane is open");
        }
        others.into_iter().for_each(join);
        let (pops, guests) = close(&lane, &mut key);
        assert_eq!(guests.len(), 2, "none is lost");
        let uses: u32 = guests.iter().map(|guest| guest.uses.get()).sum();
        assert_eq!(u64::from(uses), pops, "each pop is counted, and each use is seen");
    });
}

// P-1
#[test]
fn who_looked_at_an_older_stack_does_not_take_it_for_the_present_one() {
    explore(|| {
        let (lane, mut key) = lane(2);
        let other = {
            let lane = Arc::clone(&lane);
            thread::spawn(move || pop(&lane).inspect(|guest| guest.work()))
        };
        // The same one is on top again, but what lay below it is gone.
        let top = pop(&lane).inspect(|guest| guest.work());
        let below = pop(&lane).inspect(|guest| guest.work());
        let mut held: Vec<Guest> = below.into_iter().map(|guest| *guest).collect();
        if let Some(Err(guest)) = top.map(Lane::push) {
            held.push(*guest);
        }
        held.extend(join(other).map(|guest| *guest));
        held.extend(close(&lane, &mut key).1);
        let mut slots: Vec<u32> = held.iter().map(|guest| guest.slot).collect();
        slots.sort_unstable();
        assert_eq!(slots, [0, 1], "each is in one place");
    });
}

/// What lies behind the lock.
struct Locked {
    key: Key,
    waits: bool,
    given: Option<Box<Guest>>,
}

// P-4, P-5
#[test]
fn who_waits_gets_what_comes_back_and_nobody_is_before_it() {
    explore(|| {
        let (lane, key) = lane(0);
        let locked = Arc::new(Mutex::new(Locked { key, waits: false, given: None }));
        let releases = {
            let (guest, locked) = (Guest::new(0, &lane), Arc::clone(&locked));
            thread::spawn(move || {
                guest.work();
                if let Err(guest) = Lane::push(guest) {
                    locked.lock().unwrap().given = Some(guest);
                }
            })
        };
        let newcomer = {
            let (lane, locked) = (Arc::clone(&lane), Arc::clone(&locked));
            thread::spawn(move || {
                let somebody_waits = locked.lock().unwrap().waits;
                let popped = pop(&lane);
                assert!(!somebody_waits || popped.is_none(), "overtaken");
                popped
            })
        };
        let got = {
            let mut locked = locked.lock().unwrap();
            let got = close(&lane, &mut locked.key).1.pop();
            locked.waits = got.is_none() && locked.given.is_none();
            got
        };
        join(releases);
        let taken_before = join(newcomer);
        let given = locked.lock().unwrap().given.take();
        let (taken_before, given) = (taken_before.map(|guest| *guest), given.map(|guest| *guest));
        let all: Vec<Guest> = [got, taken_before, given].into_iter().flatten().collect();
        assert_eq!(all.len(), 1, "it is with one of them, and not on a lane that is closed");
        all[0].work();
        assert_eq!(all[0].uses.get(), 2);
    });
}

// P-18
#[test]
fn none_of_an_old_generation_slips_onto_a_lane_of_a_new_one() {
    explore(|| {
        let (lane, mut key) = lane(0);
        let releases = {
            let guest = Guest::new(0, &lane);
            thread::spawn(move || Lane::push(guest).is_ok())
        };
        let before = close(&lane, &mut key).1;
        lane.open(&mut key, terms(1), []);
        assert!(pop(&lane).is_none(), "an old one is lent");
        let pushed = join(releases);
        assert_eq!(close(&lane, &mut key).1.len(), 0, "an old one is on the new lane");
        assert_eq!(pushed, before.len() == 1, "it was pushed while the old one was open");
    });
}
