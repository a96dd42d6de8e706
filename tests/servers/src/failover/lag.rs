//! One that follows falls behind. Once it is 10 s behind it has long been left alone; when it has caught up it
//! is read from again. Only reads that want a replica count: who asks for any node gets any.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::figure::Measured;
use crate::kind::{Kind as Servers, Sign};
use crate::load::{Kind, Load, Request};
use crate::world::{Span, World, failures};
use crate::{Trouble, direct};

const MAX_LAG: Duration = Duration::from_secs(1);
/// The nodes are asked every 5 s, and have 1 s for the answer.
const ASKED: f64 = 6.0;

pub(crate) async fn run<K: Servers>(events: bool) -> Result<Vec<Measured>, Trouble> {
    let world = World::<K>::start(events, |cluster| cluster.max_lag(MAX_LAG)).await?;
    let load = Load::begin::<K>(&world.cluster);
    let begun = Instant::now();
    load.first("a read on b", |one| reads(one, begun)).await?;

    let behind = tokio::spawn(direct::when::<K>(world.url("b")?, Sign::FarBehind));
    world.to("b", K::hold_back).await?;
    let paused = Instant::now();
    let from = behind.await??;
    sleep(Duration::from_secs(2)).await;
    let far_behind = Span { from, to: Instant::now() };
    world.to("b", K::let_go).await?;
    let resumed = Instant::now();
    let first = load.first("a read on b again", |one| reads(one, resumed)).await?;
    let requests = load.end().await?;
    world.end().await;

    let lent = |from| {
        requests.iter().filter(move |one| reads(one, from)).filter_map(|one| {
            let (_, lent) = one.served.as_ref()?;
            (*lent <= far_behind.to).then_some(*lent)
        })
    };
    let last = lent(paused).max().unwrap_or(paused);
    let left_alone = last.saturating_duration_since(paused + MAX_LAG);
    let back = first.ended.saturating_duration_since(resumed);
    let mut measured = failures(&requests, &[]);
    measured.extend([
        Measured::count("reads from one that was 10 s behind", lent(far_behind.from).count(), 0),
        Measured::new("last read after it was 1 s behind", "s", left_alone.as_secs_f64(), ASKED),
        Measured::new("first read after it went on", "s", back.as_secs_f64(), ASKED),
    ]);
    Ok(measured)
}

/// Whether it is a read from `b` as one that follows, from this moment on.
fn reads(one: &Request, from: Instant) -> bool {
    one.kind == Kind::Read && one.was_at("b", from)
}
