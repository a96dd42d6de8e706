//! One that follows is killed, and started again under load: it is back soon, and gets little at first.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Trouble;
use crate::figure::Measured;
use crate::kind::Kind;
use crate::load::Load;
use crate::world::{World, failures};

/// Between its death and its start.
const OUTAGE: Duration = Duration::from_secs(2);

pub(crate) async fn run<K: Kind>(events: bool) -> Result<Vec<Measured>, Trouble> {
    let world = World::<K>::start(events, |cluster| cluster).await?;
    let load = Load::begin::<K>(&world.cluster);
    load.more(200).await?;

    let before = world.sessions(&["a", "c"]).await?;
    let death = world.kill("b").await?;
    sleep(OUTAGE).await;
    world.start_again("b").await?;
    let started = Instant::now();
    let first = load.first("a read on b", |one| one.went_well_at("b", death.1.to)).await?;
    let share = world.cluster.status().node("b").map_or(f64::NAN, |node| node.share);
    load.more(200).await?;
    let after = world.sessions(&["a", "c"]).await?;
    let requests = load.end().await?;
    world.end().await;

    let took = first.ended.saturating_duration_since(started);
    let mut measured = failures(&requests, &[death]);
    measured.extend([
        Measured::new("first read after the start", "s", took.as_secs_f64(), 5.0),
        // A slow start has ten steps, and the last but one is nine tenths and a bit.
        Measured::new("the share of it that counted then", "", share, 0.92),
        Measured::count(
            "connections of the other servers that were closed",
            before.difference(&after).count(),
            0,
        ),
    ]);
    Ok(measured)
}
