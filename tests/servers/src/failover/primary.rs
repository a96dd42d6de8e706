//! The primary is killed, `b` is promoted, `c` follows it. Then `a` comes back as it was: a second primary that takes
//! writes.
//!
//! Where servers count the changes of the primary, `b` is killed too for a second, to make `a` tempting: it is of an
//! earlier time. Where they do not, nobody could tell the two apart without `b`; so `b` lives on, and `a` follows it in the
//! end, as whoever runs such servers must see to.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::figure::Measured;
use crate::kind::{Kind, Sign};
use crate::load::Load;
use crate::world::{World, failures};
use crate::{Trouble, direct};

/// Between the death of the primary and the promotion.
const OUTAGE: Duration = Duration::from_secs(1);

pub(crate) async fn run<K: Kind>(events: bool) -> Result<Vec<Measured>, Trouble> {
    let world = World::<K>::start(events, |cluster| cluster).await?;
    let load = Load::begin::<K>(&world.cluster);
    load.more(200).await?;

    let before = world.sessions(&["b", "c"]).await?;
    let mut deaths = vec![world.kill("a").await?];
    sleep(OUTAGE).await;
    let promoted = tokio::spawn(direct::when::<K>(world.url("b")?, Sign::Promoted));
    world.promote("b").await?;
    let promoted = promoted.await??;
    let killed = deaths[0].1.from;
    let first = load
        .first("a write on the new primary", |one| one.writes() && one.went_well_at("b", killed))
        .await?;
    // A write may be faster than the direct look.
    let took = first.ended.saturating_duration_since(promoted);
    world.follow("c", "b").await?;

    // From here on everything is written to b.
    let (number, back) = (load.number(), Instant::now());
    world.start_again("a").await?;
    world.to("a", K::write_past).await?;
    load.more(200).await?;
    let after = world.sessions(&["b", "c"]).await?;
    if K::EPOCHS {
        deaths.push(world.kill("b").await?);
        sleep(OUTAGE).await;
        world.start_again("b").await?;
        let again = Instant::now();
        load.first("a write on b again", |one| one.writes() && one.went_well_at("b", again))
            .await?;
    }
    let stray = world.to("a", move |server| K::written_since(server, number)).await?;
    let stood = Instant::now();
    if !K::EPOCHS {
        world.follow("a", "b").await?;
        load.first("a read on a", |one| !one.writes() && one.went_well_at("a", stood)).await?;
    }
    let requests = load.end().await?;

    let served =
        requests.iter().filter(|one| one.was_at("a", back) && !one.was_at("a", stood)).count();
    world.end().await;
    let mut measured = failures(&requests, &deaths);
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
