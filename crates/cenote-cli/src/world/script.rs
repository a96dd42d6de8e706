//! A play of faults: one scene after the other, each of which ends when what it is about has happened, and says so in a
//! sentence. What each cost is written down. Scenes are in `scenes.rs`.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::checks::{Bound, Check};
use super::plant::Plant;
use super::scenes;
use super::tally::{Kind, Sum};
use super::whole::{World, within};

/// How long the whole may take.
const LONGEST: Duration = Duration::from_secs(28);
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// One that was played.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) took: Duration,
    /// What happened, in words.
    pub(crate) told: String,
    pub(crate) reads: Sum,
    pub(crate) writes: Sum,
    /// The longest time without a read, and without a write, that went well.
    pub(crate) gaps: [Duration; 2],
}

pub(crate) struct Script<'a> {
    pub(crate) world: &'a World,
    pub(crate) scenes: Vec<Scene>,
    pub(crate) checks: Vec<Check>,
}

/// Why it could not go on.
pub(crate) type Trouble = String;

impl<'a> Script<'a> {
    pub(crate) fn new(world: &'a World) -> Script<'a> {
        Script { world, scenes: Vec::new(), checks: Vec::new() }
    }

    /// Plays all scenes, or those that show what is wrong on purpose.
    pub(crate) async fn play(&mut self, plant: Option<Plant>) -> Result<(), Trouble> {
        let all = timeout(LONGEST, async {
            self.scene("the load begins", scenes::calm).await?;
            match plant {
                Some(Plant::Leak) => return Ok(()),
                Some(Plant::FailingReads) => {}
                Some(Plant::LostWrite | Plant::StrayWrite) | None => {
                    self.scene("the primary is killed", scenes::primary_killed).await?;
                    self.scene("the old primary tempts", scenes::old_primary_back).await?;
                }
            }
            if matches!(plant, Some(Plant::LostWrite | Plant::StrayWrite)) {
                return Ok(());
            }
            self.scene("a replica's sessions break", scenes::sessions_break).await?;
            if plant.is_some() {
                return Ok(());
            }
            self.scene("a replica lags", scenes::replica_lags).await?;
            self.scene("a replica is slow", scenes::replica_slow).await?;
            self.scene("ten times the load", scenes::rush).await?;
            self.scene("one more replica, and gone", scenes::come_and_gone).await?;
            self.scene("a replica is killed", scenes::replica_killed).await?;
            self.scene("the primary steps down", scenes::switch_over).await
        });
        match all.await {
            Ok(played) => played,
            Err(_) => Err(format!("the script did not end within {LONGEST:?}")),
        }
    }

    async fn scene(
        &mut self,
        name: &'static str,
        play: impl AsyncFnOnce(&mut Script<'a>) -> Result<String, Trouble>,
    ) -> Result<(), Trouble> {
        let tally = &self.world.load.tally;
        let sums = || [tally.sum(Kind::Read), tally.sum(Kind::Write)];
        tally.forget_gaps();
        let (began, before) = (Instant::now(), sums());
        let played = play(self).await;
        let told = match &played {
            Ok(told) => told.clone(),
            Err(trouble) => trouble.clone(),
        };
        let [reads, writes] = sums();
        self.scenes.push(Scene {
            name,
            took: began.elapsed(),
            told,
            reads: reads.since(before[0]),
            writes: writes.since(before[1]),
            gaps: [tally.gap(Kind::Read), tally.gap(Kind::Write)],
        });
        played.map(drop).map_err(|trouble| format!("{name}: {trouble}"))
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, what: &str, so: impl FnMut() -> bool) -> Result<(), Trouble> {
        match within(PATIENCE, so).await {
            true => Ok(()),
            false => Err(format!("{what}: not within {PATIENCE:?}")),
        }
    }

    /// Waits until so many more went well.
    pub(crate) async fn more(&self, kind: Kind, n: u64) -> Result<(), Trouble> {
        let good = || self.world.load.tally.sum(kind).good;
        let goal = good() + n;
        self.until(&format!("{n} more {}", kind.plural()), || good() >= goal).await
    }

    pub(crate) fn must(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// A time that must not be longer.
    pub(crate) fn at_most(
        &mut self,
        name: &'static str,
        what: &'static str,
        found: Duration,
        bound: Duration,
    ) {
        let [found, bound] = [found, bound].map(|time| time.as_secs_f64() * 1e3);
        self.must(Check { name, what, found, bound: Bound::AtMost(bound), unit: "ms" });
    }
}
