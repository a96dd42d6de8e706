//! The demo for people: it goes on until they have seen enough, and every few seconds says how things stand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cenote::Role;
use console::style;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use super::folder;
use super::load::TASKS;
use super::news::News;
use super::tally::{Kind, Sum};
use super::whole::{Ended, World};
use crate::Outcome;
use crate::args::DemoArgs;
use crate::failure::Failure;
use crate::stop::Stop;
use crate::units::{count, per_second};

/// How often the figures of the load are told.
const EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    let mut stop = Stop::new();
    let folder = folder()?;
    let news = Arc::new(News::new());
    let world = Arc::new(World::begin(folder.path(), Arc::clone(&news), None).await?);
    news.print(&format!(
        "\n  {}\n",
        style(format!("Cenote: one primary, two replicas, {TASKS} tasks, all in this process"))
            .bold()
    ));
    news.open();
    let until = args.seconds.map(|seconds| Duration::from_secs(seconds.into()));
    watch(&world, until, &mut stop).await;
    world.rest().await;
    news.close();
    let tally = Arc::clone(&world.load.tally);
    let kept = match Arc::into_inner(world) {
        Some(world) => left(&world.end().await),
        None => None,
    };
    if let Some(kept) = kept {
        return Err(Failure::new(kept));
    }
    let mut text = String::from("\n");
    for kind in [Kind::Read, Kind::Write] {
        let Sum { good, failed, shed } = tally.sum(kind);
        let [good, failed, shed] = [good, failed, shed].map(count);
        text += &format!("  {good} {}, {failed} failed, {shed} turned away\n", kind.plural());
    }
    Ok(Outcome { text, interrupted: stop.is_wished() })
}

/// Until it is over, nobody wants to see more, or nobody reads.
async fn watch(world: &World, until: Option<Duration>, stop: &mut Stop) {
    let end = async {
        match until {
            Some(until) => sleep(until).await,
            None => std::future::pending().await,
        }
    };
    let mut end = std::pin::pin!(end);
    let mut ticks = interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let sums = || [Kind::Read, Kind::Write].map(|kind| world.load.tally.sum(kind));
    let (mut before, mut at) = (sums(), Instant::now());
    while !world.news.is_unheard() {
        tokio::select! {
            () = &mut end => return,
            () = stop.wished() => return,
            _ = ticks.tick() => {}
        }
        let (now, since) = (sums(), at.elapsed());
        at = Instant::now();
        world.news.figures(&figures(
            [now[0].since(before[0]), now[1].since(before[1])],
            since,
            world,
        ));
        before = now;
    }
}

fn figures([reads, writes]: [Sum; 2], since: Duration, world: &World) -> String {
    let [r, w] = [reads.good, writes.good].map(|n| count(per_second(n, since)));
    let mut text = format!("{r} reads/s, {w} writes/s");
    for (what, n) in
        [("failed", reads.failed + writes.failed), ("turned away", reads.shed + writes.shed)]
    {
        if n > 0 {
            text += &format!(", {} {what}", count(n));
        }
    }
    for server in world.servers.all() {
        let is = match server.view().map(|view| (view.role, view.lag)) {
            None => "dead".to_owned(),
            Some((Role::Primary, _)) => "primary".to_owned(),
            Some((Role::Replica, Some(lag))) if lag > Duration::from_millis(100) => {
                format!("replica {:.1} s behind", lag.as_secs_f64())
            }
            Some((Role::Replica, _)) => "replica".to_owned(),
        };
        let ill = server.faults.words();
        let ill = if ill.is_empty() { String::new() } else { format!(" ({})", ill.join(", ")) };
        text += &format!(" · {} {is}{ill}", server.name);
    }
    text
}

/// What is left that should not be, in a sentence.
fn left(ended: &Ended) -> Option<String> {
    let whole = ended.counted == 0 && ended.sessions == 0;
    (!whole).then(|| {
        format!(
            "{} connections were still counted and {} sessions open when all had ended: a bug, please report it",
            ended.counted, ended.sessions
        )
    })
}
