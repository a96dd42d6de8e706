//! The load of the pool for threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use cenote::Pooled;
use cenote::blocking::{Direct, Pool};

use crate::dice::Dice;
use crate::faults::PLANTED;
use crate::ledger::{self, Writer};
use crate::manager::Faulty;
use crate::place::Place;
use crate::world::World;

/// One that comes again and again until the round is over.
pub(crate) fn borrower(place: &Place<Pool<Faulty>>, world: &World, mut dice: Dice) {
    while !world.is_over() {
        let pool = place.pool();
        if come(&pool, place.writer, world, &mut dice) {
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// One visit; true if it got nothing.
fn come(pool: &Pool<Faulty>, writer: Writer, world: &World, dice: &mut Dice) -> bool {
    let (patience, level) = (dice.span(300), dice.below(4) as u8);
    let request = || pool.request().timeout(patience).priority(level);
    match dice.below(100) {
        0..=4 => {
            let got = request().acquire_many(2);
            let none = world.count(&got);
            got.into_iter().flatten().for_each(|conn| use_one(conn, writer, world, dice));
            none
        }
        5..=9 => {
            let got = pool.try_acquire();
            let none = world.count(&got);
            if let Ok(conn) = got {
                use_one(conn, writer, world, dice);
            }
            none
        }
        10..=13 => {
            let panics = dice.chance(30);
            let run = || {
                pool.with(|db| {
                    assert!(!panics, "{PLANTED} a panic in a closure");
                    ledger::read(db).map_err(|error| cenote_sqlite::SqliteError::from(error).into())
                })
            };
            catch_unwind(AssertUnwindSafe(run)).is_ok_and(|got| world.count(&got))
        }
        _ => {
            let got = request().acquire();
            let none = world.count(&got);
            if let Ok(conn) = got {
                use_one(conn, writer, world, dice);
            }
            none
        }
    }
}

fn use_one(mut conn: Pooled<Direct<Faulty>>, writer: Writer, world: &World, dice: &mut Dice) {
    match dice.below(100) {
        0..=19 => {
            let written = world.ledger.begin(writer);
            match written.work()(&mut conn) {
                Ok(()) => written.committed(),
                Err(_) => written.failed(),
            }
        }
        20..=84 => drop(ledger::read(&mut conn)),
        85..=87 => drop(ledger::read_slowly(&mut conn)),
        88..=90 => drop(conn.execute_batch("BEGIN")),
        _ => thread::park_timeout(dice.span(5)),
    }
    match dice.below(200) {
        0..=3 => Pooled::discard(conn),
        4..=6 => Pooled::detach(conn).detached(),
        7..=11 => Pooled::taint(&mut conn),
        12..=14 => {
            let panics = catch_unwind(AssertUnwindSafe(move || {
                let _held = conn;
                panic!("{PLANTED} a borrower panics");
            }));
            drop(panics);
        }
        15 => thread::park_timeout(dice.span(250)),
        18 => drop(thread::spawn(move || {
            thread::park_timeout(Duration::from_millis(700));
            drop(conn);
        })),
        _ => drop(conn),
    }
}
