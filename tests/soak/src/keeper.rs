//! Somebody who does to a pool, in the midst of its load, everything that can be done to one: clears, pauses,
//! resizes, watches, drains, closes and opens it again; and who lets the database be out of reach for a while.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use cenote::blocking;
use cenote::{Event, Observer, Pool, Subscription, TestOnAcquire};
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::driver::Driver;
use crate::faults::{Faults, Outage, PLANTED};
use crate::manager::Faulty;
use crate::place::Place;
use crate::world::World;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) async fn keeper<D: Driver>(
    place: Arc<Place<Pool<D>>>,
    world: Arc<World>,
    mut dice: Dice,
) {
    let mut watching: Vec<Subscription> = Vec::new();
    while !world.is_over() {
        sleep(ms(10) + dice.span(120)).await;
        let pool = place.pool();
        world.look(place.name, &pool.status());
        match dice.below(32) {
            0 => drop(pool.clear()),
            1 => ends(&place, &world, "a clear", pool.clear()).await,
            2 => drop(pool.clear_where(|_| true)),
            3 | 4 => {
                match dice.chance(50) {
                    true => drop(pool.pause()),
                    false => drop(pool.pause_and_refuse()),
                }
                sleep(dice.span(120)).await;
                pool.resume().await;
            }
            5..=8 => drop(pool.set_max_size(1 + dice.below(8) as usize)),
            9 => drop(pool.reconfigure(|options| options.min_idle = dice.below(2) as usize)),
            10 => drop(pool.reconfigure(|options| {
                options.test_on_acquire = match dice.chance(50) {
                    true => TestOnAcquire::Always,
                    false => TestOnAcquire::Never,
                };
            })),
            11..=14 => watching.push(pool.observe(observer(&world))),
            15..=18 => drop(watching.pop()),
            19 => {
                ends(&place, &world, "a drain", pool.drain(dice.span(150))).await;
                ends(&place, &world, "a close", pool.close(dice.span(100))).await;
                gone(&place, &world, &pool);
                place.reopen(&world);
            }
            20 => {
                ends(&place, &world, "a close", pool.close(dice.span(200))).await;
                gone(&place, &world, &pool);
                place.reopen(&world);
            }
            21 => {
                ends(&place, &world, "a close_now", pool.close_now()).await;
                gone(&place, &world, &pool);
                place.reopen(&world);
            }
            // Without a word.
            22 => place.reopen(&world),
            23 => {
                outage(&world.faults, &mut dice);
                sleep(dice.span(300)).await;
                world.faults.outage(Outage::None);
            }
            24 => drop((pool.status(), pool.stats(), pool.holders())),
            _ => {}
        }
        watching.truncate(5);
    }
}

/// Whatever is told ends.
async fn ends<P, T>(place: &Place<P>, world: &World, what: &str, end: impl Future<Output = T>) {
    if timeout(world.patience, end).await.is_err() {
        world.complain(format!("{what} of {} did not end within {:?}", place.name, world.patience));
    }
}

/// A close that has settled leaves nothing.
fn gone<D: Driver>(place: &Place<Pool<D>>, world: &World, pool: &Pool<D>) {
    let status = pool.status();
    if (status.size, status.waiting) != (0, 0) {
        world.complain(format!("{} is closed and not empty: {status:?}", place.name));
    }
}

/// It counts, and panics once in a while.
fn observer(world: &Arc<World>) -> impl Observer + use<> {
    let world = Arc::clone(world);
    move |_: &Event<'_>| {
        world.tally.events.fetch_add(1, Ordering::Relaxed);
        assert!(!world.faults.one_in(20_000), "{PLANTED} an observer panics");
    }
}

fn outage(faults: &Faults, dice: &mut Dice) {
    let all = [Outage::Host, Outage::Password, Outage::Crowded];
    faults.outage(all[dice.below(3) as usize]);
}

/// The same for the pool for threads.
pub(crate) fn threads_keeper(
    place: &Place<blocking::Pool<Faulty>>,
    world: &Arc<World>,
    mut dice: Dice,
) {
    let mut watching: Vec<Subscription> = Vec::new();
    while !world.is_over() {
        thread::park_timeout(ms(10) + dice.span(120));
        let pool = place.pool();
        world.look(place.name, &pool.status());
        match dice.below(20) {
            0 => drop(pool.clear()),
            1 => drop(pool.clear_where(|_| true)),
            2 => {
                pool.pause();
                thread::park_timeout(dice.span(120));
                pool.resume();
            }
            3 | 4 => drop(pool.set_max_size(1 + dice.below(5) as usize)),
            5 | 6 => watching.push(pool.observe(observer(world))),
            7 | 8 => drop(watching.pop()),
            9 => {
                pool.drain(dice.span(150));
                pool.close(dice.span(100));
                let status = pool.status();
                if (status.size, status.waiting) != (0, 0) {
                    world.complain(format!("{} is closed and not empty: {status:?}", place.name));
                }
                place.reopen(world);
            }
            10 => {
                pool.close_now();
                place.reopen(world);
            }
            11 => place.reopen(world),
            _ => {}
        }
        watching.truncate(5);
    }
}
