//! The load of the async pools: tasks that come with every kind of wish, and leave in every way there is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use cenote::{Pool, Pooled};
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::driver::Driver;
use crate::error::SoakError;
use crate::faults::PLANTED;
use crate::ledger::{self, Writer};
use crate::place::Place;
use crate::world::World;

/// One that comes again and again until the round is over.
pub(crate) async fn borrower<D: Driver>(
    place: Arc<Place<Pool<D>>>,
    world: Arc<World>,
    mut dice: Dice,
) {
    while !world.is_over() {
        let pool = place.pool();
        world.leaks.touch();
        if come(&pool, place.writer, &world, &mut dice).await {
            // A pool that refuses at once would make this loop a hot one.
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// One visit; true if it got nothing.
async fn come<D: Driver>(
    pool: &Pool<D>,
    writer: Writer,
    world: &Arc<World>,
    dice: &mut Dice,
) -> bool {
    let patience = dice.span(300);
    let level = dice.below(4) as u8;
    match dice.below(100) {
        0 | 1 => drop(pool.acquire()),
        2..=7 => {
            // Gone before its deadline, perhaps with a connection just granted.
            let waits = pool.acquire().timeout(patience).priority(level);
            match timeout(dice.span(12), waits).await {
                Ok(got) => return world.count(&got),
                Err(_) => world.tally.cancelled.fetch_add(1, Ordering::Relaxed),
            };
        }
        8..=11 => {
            let got = pool.acquire_many(2).timeout(patience).priority(level).await;
            let none = world.count(&got);
            for conn in got.into_iter().flatten() {
                use_one(conn, writer, world, dice).await;
            }
            return none;
        }
        12..=17 => {
            // Making a handle may panic, so a task of its own does it.
            let (pool, hold) = (pool.clone(), dice.span(10));
            let task = tokio::spawn(async move { D::share(&pool, patience, hold).await });
            return task.await.is_ok_and(|got| world.count(&got));
        }
        18..=20 => {
            let got = pool.try_acquire();
            let none = world.count(&got);
            if let Ok(conn) = got {
                use_one(conn, writer, world, dice).await;
            }
            return none;
        }
        21..=24 => return with(pool.clone(), world, dice).await,
        _ => {
            let got = pool.acquire().timeout(patience).priority(level).await;
            let none = world.count(&got);
            if let Ok(conn) = got {
                use_one(conn, writer, world, dice).await;
            }
            return none;
        }
    }
    false
}

/// A closure that returns, fails, panics or is dropped half-way. A task of its own takes the panic.
async fn with<D: Driver>(pool: Pool<D>, world: &Arc<World>, dice: &mut Dice) -> bool {
    let (how, patience) = (dice.below(4), dice.span(30));
    let world = Arc::clone(world);
    let task = tokio::spawn(async move {
        let run = pool.with(async |conn| {
            let n = D::call(conn, ledger::read).await?;
            match how {
                0 => Err(SoakError::Planted {
                    act: crate::faults::Act::Hook,
                    fault: cenote::Fault::Connection,
                }),
                1 => panic!("{PLANTED} a panic in a closure"),
                2 => std::future::pending().await,
                _ => Ok(n),
            }
        });
        match timeout(patience, run).await {
            Ok(got) => world.count(&got),
            Err(_) => {
                world.tally.cancelled.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    });
    task.await.unwrap_or(false)
}

/// What a borrower does with a connection, and how it parts from it.
async fn use_one<D: Driver>(
    mut conn: Pooled<D>,
    writer: Writer,
    world: &Arc<World>,
    dice: &mut Dice,
) {
    match dice.below(100) {
        0..=19 => {
            let written = world.ledger.begin(writer);
            let call = D::call(&mut conn, written.work());
            // Some do not wait for the answer: then nobody knows what came of it.
            let answer = match dice.chance(6) {
                true => timeout(dice.span(3), call).await.ok(),
                false => Some(call.await),
            };
            match answer {
                Some(Ok(())) => written.committed(),
                Some(Err(SoakError::Driver(cenote_sqlite::SqliteError::Call { .. }))) => {
                    written.failed();
                }
                _ => drop(written),
            }
        }
        20..=84 => drop(D::call(&mut conn, ledger::read).await),
        85..=89 => {
            let _ = timeout(dice.span(20), D::call(&mut conn, ledger::read_slowly)).await;
        }
        // A transaction that is forgotten.
        90..=92 => drop(D::call(&mut conn, |db| db.execute_batch("BEGIN")).await),
        _ => sleep(dice.span(5)).await,
    }
    if world.leaks.forgets() {
        std::mem::forget(conn);
    } else {
        part(conn, dice).await;
    }
}

async fn part<D: Driver>(mut conn: Pooled<D>, dice: &mut Dice) {
    match dice.below(200) {
        0..=3 => Pooled::discard(conn),
        4..=6 => D::detached(Pooled::detach(conn)),
        7..=11 => Pooled::taint(&mut conn),
        12..=14 => {
            let panics = catch_unwind(AssertUnwindSafe(move || {
                let _held = conn;
                panic!("{PLANTED} a borrower panics");
            }));
            drop(panics);
        }
        15 => {
            // A panic of the call goes on in its caller.
            let call = async move {
                let panics = |_: &mut _| panic!("{PLANTED} a call panics");
                D::call::<()>(&mut conn, panics).await
            };
            let _ = tokio::spawn(call).await;
        }
        16 => sleep(dice.span(250)).await,
        // Somebody has forgotten it, and finds it again later; perhaps its pool has gone by then.
        19 => {
            let later = Duration::from_millis(200) + dice.span(1200);
            tokio::spawn(async move {
                sleep(later).await;
                drop(conn);
            });
        }
        // Outside the runtime.
        20 => drop(thread::spawn(move || drop(conn))),
        _ => drop(conn),
    }
}
