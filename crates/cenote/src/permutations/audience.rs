//! Observers that come and go while the pool tells: who has left is told nothing more, who is there is told all.

use std::sync::{Arc, Weak};

use loom::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use loom::thread;

use super::{explore, join};
use crate::observe::{Audience, Event, EventKind, Level, Source, Subject, Subscription, Watched};
use crate::{Options, Status};

/// What has an audience, as a pool has.
struct House(Audience);

impl Watched for House {
    fn watch(&self) -> &Audience {
        &self.0
    }
}

/// An event that nobody asks about the pool.
struct Nothing;

impl Source for Nothing {
    fn status(&self) -> Status {
        unreachable!("nobody asks")
    }

    fn options(&self) -> Options {
        unreachable!("nobody asks")
    }
}

impl House {
    fn new() -> Arc<House> {
        Arc::new(House(Audience::new()))
    }

    /// Somebody who counts what he is told.
    fn enter(self: &Arc<Self>) -> (Subscription, Arc<AtomicUsize>) {
        let told = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&told);
        let observer = move |_: &Event<'_>| {
            counts.fetch_add(1, Relaxed);
        };
        (self.seat(self.0.join(Arc::new(observer))), told)
    }

    fn seat(self: &Arc<Self>, id: u64) -> Subscription {
        let house: Arc<dyn Watched> = Arc::<House>::clone(self);
        Subscription::new(Arc::downgrade(&house), id)
    }

    /// As the pool does: first whether anybody wants it.
    fn tell(&self) {
        if self.0.is_told(Level::Info) {
            self.tell_anyway();
        }
    }

    fn tell_anyway(&self) {
        let kind = EventKind::PoolCreated;
        self.0.tell(&Event { pool: "house", subject: Subject::Pool, kind, source: &Nothing });
    }
}

// P-29
#[test]
fn who_has_left_is_told_nothing_more() {
    explore(|| {
        let house = House::new();
        let (seat, told) = house.enter();
        let left = Arc::new(AtomicBool::new(false));
        let teller = {
            let (house, told, left) = (Arc::clone(&house), Arc::clone(&told), Arc::clone(&left));
            thread::spawn(move || {
                let left = left.load(Acquire);
                house.tell();
                assert!(!left || told.load(Relaxed) == 0, "told after it had left");
            })
        };
        drop(seat);
        left.store(true, Release);
        join(teller);
    });
}

// P-29
#[test]
fn who_comes_is_told_all_from_then_on() {
    explore(|| {
        let house = House::new();
        let (first, _) = house.enter();
        let come = Arc::new(AtomicBool::new(false));
        let teller = {
            let (house, come) = (Arc::clone(&house), Arc::clone(&come));
            thread::spawn(move || {
                let come = come.load(Acquire);
                house.tell();
                come
            })
        };
        // The last one leaves as another comes.
        let leaver = thread::spawn(move || drop(first));
        let (_second, told) = house.enter();
        come.store(true, Release);
        if join(teller) {
            assert_eq!(told.load(Relaxed), 1);
        }
        join(leaver);
        let before = told.load(Relaxed);
        house.tell();
        assert_eq!(told.load(Relaxed), before + 1, "the flag and the list agree");
    });
}

// P-29
#[test]
fn those_who_leave_at_once_have_all_left() {
    explore(|| {
        let house = House::new();
        let seats = [house.enter(), house.enter()];
        let [(one, told_one), (two, told_two)] = seats;
        let leaver = thread::spawn(move || drop(one));
        drop(two);
        join(leaver);
        assert!(!house.0.is_told(Level::Error));
        assert_eq!(house.0.flags(), 0);
        house.tell_anyway();
        assert_eq!((told_one.load(Relaxed), told_two.load(Relaxed)), (0, 0));
    });
}

/// An observer that uses the pool when it is dropped: it is somebody else's code.
struct Parting(Weak<House>);

impl crate::Observer for Parting {
    fn event(&self, _: &Event<'_>) {}
}

impl Drop for Parting {
    fn drop(&mut self) {
        if let Some(house) = self.0.upgrade() {
            house.tell();
        }
    }
}

// P-23, P-29
#[test]
fn an_observer_is_dropped_outside_the_lock() {
    explore(|| {
        let house = House::new();
        let parting = house.seat(house.0.join(Arc::new(Parting(Arc::downgrade(&house)))));
        let (stays, told) = house.enter();
        let teller = {
            let house = Arc::clone(&house);
            thread::spawn(move || house.tell())
        };
        drop(parting);
        join(teller);
        // The teller's event and the parting's.
        assert_eq!(told.load(Relaxed), 2);
        drop(stays);
    });
}
