//! The primary is killed, `b` is promoted, `c` follows it. Then `a` comes back as it was: a second primary that takes
//! writes, on the lower timeline. To make it tempting, `b` is killed too for a second.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::figure::Measured;
use crate::load::Load;
use crate::world::{World, failures};
use crate::{Trouble, direct};

/// Between the death of the primary and the promotion.
const OUTAGE: Duration = Duration::from_secs(1);

pub(crate) async fn run(events: bool) -> Result<Vec<Measured>, Trouble> {
    let world = World::start(events, |cluster| cluster).await?;
    let load = Load::begin(&world.cluster);
    load.more(200).await?;

    let before = world.sessions(&["b", "c"]).await?;
    let first_death = world.kill("a").await?;
    sleep(OUTAGE).await;
    let promoted = tokio::spawn(direct::when(world.url("b")?, "SELECT NOT pg_is_in_recovery()"));
    world.promote("b").await?;
    let promoted = promoted.await??;
    let killed = first_death.1.from;
    let first = load
        .first("a write on the new primary", |one| one.writes() && one.went_well_at("b", killed))
        .await?;
    // A write may be faster than the direct look.
    let took = first.ended.saturating_duration_since(promoted);
    world.follow("c", "b").await?;

    // From here on everything is written to b.
    let (number, back) = (load.number(), Instant::now());
    world.start_again("a").await?;
    world.sql("a", "INSERT INTO written VALUES (-1)").await?;
    load.more(200).await?;
    let after = world.sessions(&["b", "c"]).await?;
    let second_death = world.kill("b").await?;
    sleep(OUTAGE).await;
    world.start_again("b").await?;
    let again = Instant::now();
    load.first("a write on b again", |one| one.writes() && one.went_well_at("b", again)).await?;
    let requests = load.end().await?;

    let stray = format!("SELECT count(*) FROM written WHERE n >= {number}");
    let stray = world.sql("a", stray).await?.parse()?;
    let served = requests.iter().filter(|one| one.was_at("a", back)).count();
    world.end().await;
    let mut measured = failures(&requests, &[first_death, second_death]);
    measured.extend([
        Measured::new("first write after the promotion", "ms", took.as_secs_f64() * 1e3, 2000.0)
            .typically(500.0),
        Measured::count("rows written to the old primary after it came back", stray, 0),
        Measured::count("requests served by the old primary after it came back", served, 0),
        Measured::count(
            "connections of the other servers that were closed",
            before.difference(&after).count(),
            0,
        ),
    ]);
    Ok(measured)
}
