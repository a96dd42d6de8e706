//! `--headless`: plays the script, looks whether everything held, and says so: a summary for people, then one line of JSON.
//! A check that did not hold, or a scene that did not end, ends the program with code 1.

use std::sync::Arc;
use std::time::Duration;

use super::checks::{Bound, Check};
use super::news::News;
use super::plant::Plant;
use super::script::{Scene, Script, Trouble};
use super::summary::Summary;
use super::tally::{Kind, Tally};
use super::whole::{DEADLINE, Ended, World, within};
use super::{folder, lines};
use crate::Outcome;
use crate::failure::Failure;
use crate::stop::Stop;

/// How much later than its deadline a request may end on a machine that is busy.
const SLACK: Duration = Duration::from_secs(1);

pub(crate) async fn run(plant: Option<Plant>) -> Result<Outcome, Failure> {
    let mut stop = Stop::new();
    let folder = folder()?;
    let news = Arc::new(News::new());
    let world = World::begin(folder.path(), Arc::clone(&news), plant).await?;
    news.print(
        "\n  Cenote: one primary, two replicas, 64 tasks, and a play of faults, some 18 seconds\n",
    );
    news.open();
    let mut script = Script::new(&world);
    let trouble = tokio::select! {
        played = script.play(plant) => played.err(),
        () = stop.wished() => return Err(Failure::interrupted()),
    };
    let Script { scenes, checks, .. } = script;
    let summary = end(world, scenes, checks, trouble).await;
    news.print(&summary.text());
    news.print(&summary.json().to_string());
    match summary.broken() {
        None => Ok(Outcome { text: String::new(), interrupted: false }),
        Some(broken) => Err(Failure::new(broken)),
    }
}

/// The load ends, then everything else; what must hold in the end is looked at in between.
async fn end(
    world: World,
    scenes: Vec<Scene>,
    mut checks: Vec<Check>,
    mut trouble: Option<Trouble>,
) -> Summary {
    world.news.close();
    // A scene that did not come to its end has left something behind; else there is nothing to do.
    _ = (world.heal().await, world.revive().await);
    let all_ended = world.rest().await;
    let seconds = world.news.elapsed().as_secs_f64();
    let tally = Arc::clone(&world.load.tally);
    let of_load = of_load(&tally);
    let of_data = match of_data(&world).await {
        Ok(of_data) => of_data,
        Err(error) => {
            trouble.get_or_insert(error);
            Vec::new()
        }
    };
    let ended = world.end().await;
    checks.splice(0..0, of_load);
    checks.extend(of_data);
    checks.extend(of_end(&ended, all_ended));
    Summary { seconds, scenes, checks, trouble, words: tally.words() }
}

fn of_load(tally: &Tally) -> Vec<Check> {
    let [reads, writes] = [Kind::Read, Kind::Write].map(|kind| tally.sum(kind));
    let longest = tally.longest(Kind::Read).max(tally.longest(Kind::Write));
    let bound = DEADLINE + lines::PATIENCE + SLACK;
    let [found, bound] = [longest, bound].map(|time| time.as_secs_f64() * 1e3);
    let what = "longest request; it may wait 5 s, then an answer may take 1 s";
    vec![
        Check::none("failed_reads", "reads that failed", reads.failed),
        Check::none("failed_writes", "writes that failed", writes.failed),
        Check { name: "longest", what, found, bound: Bound::AtMost(bound), unit: "ms" },
    ]
}

/// Looks at the servers' own files, past every pool.
async fn of_data(world: &World) -> Result<Vec<Check>, Trouble> {
    let primary = world.servers.primary().ok_or("nobody leads in the end")?;
    let last = primary.contents().await.map_err(|error| error.to_string())?;
    let all = world.servers.all();
    let behind = || {
        all.iter().filter(|server| server.view().is_none_or(|view| view.lag > Some(Duration::ZERO)))
    };
    within(Duration::from_secs(3), || behind().count() == 0).await;
    let (mut missing, mut invented, mut different) = (0, 0, 0);
    for server in &all {
        let Ok(contents) = server.contents().await else {
            different += 1;
            continue;
        };
        let (of_it, more) = world.load.tally.differences(&contents.counters);
        missing += of_it.cast_unsigned();
        invented += more.cast_unsigned();
        different += u64::from(contents != last);
    }
    missing += world.load.tally.lost();
    invented += world.load.tally.invented();
    Ok(vec![
        Check::none("lost_writes", "acknowledged writes that are missing anywhere", missing),
        Check::none("invented_writes", "writes that are there and nobody sent", invented),
        Check::none(
            "stray_writes",
            "writes that reached a primary of the past",
            world.register.strays(),
        ),
        Check::none("different", "servers that do not have what the primary has", different),
    ])
}

fn of_end(ended: &Ended, all_ended: bool) -> Vec<Check> {
    let kept = ended.closed.iter().map(|closed| closed.holders.len() + closed.errors.len());
    let kept = kept.sum::<usize>() + ended.counted;
    vec![
        Check::none("unended_tasks", "tasks of the load that did not end", u64::from(!all_ended)),
        Check::none("kept_connections", "connections that somebody kept", kept as u64),
        Check::none("open_sessions", "sessions that a server still had in the end", ended.sessions),
    ]
}
