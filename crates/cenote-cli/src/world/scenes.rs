//! The scenes. Each does something to the world, waits for what must follow, and measures it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cenote::Role;
use cenote_cluster::{Condition, NodeStatus};

use super::checks::{Bound, Check};
use super::script::{Script, Trouble};
use super::server::Server;
use super::tally::Kind;
use crate::units::{count, duration};

type Played = Result<String, Trouble>;

/// How soon somebody must write again after a promotion, and read again after anything.
const BACK: Duration = Duration::from_secs(2);
const READS_GO_ON: Duration = Duration::from_secs(1);

fn reads(server: &Server) -> u64 {
    server.counts.reads.load(Ordering::Relaxed)
}

fn writes(server: &Server) -> u64 {
    server.counts.writes.load(Ordering::Relaxed)
}

impl Script<'_> {
    fn node(&self, server: &Server) -> Option<NodeStatus> {
        self.world.cluster.status().node(&server.name).cloned()
    }

    /// Whether the cluster sees this of this server.
    fn sees(&self, server: &Server, like: impl Fn(&NodeStatus) -> bool) -> bool {
        self.node(server).is_some_and(|node| like(&node))
    }

    fn primary(&self) -> Result<Arc<Server>, Trouble> {
        self.world.servers.primary().ok_or_else(|| "nobody leads".to_owned())
    }

    fn first_replica(&self) -> Result<Arc<Server>, Trouble> {
        let first = self.world.servers.replicas().into_iter().next();
        first.ok_or_else(|| "no replica lives".to_owned())
    }

    /// When somebody was promoted after this moment, if anybody was.
    fn promoted_after(&self, moment: Instant) -> Option<Instant> {
        self.world.news.last_promotion().filter(|at| *at > moment)
    }

    /// Waits until the cluster tells this of this server once more than it had.
    async fn until_told(
        &self,
        server: &Server,
        kind: &'static str,
        had: u64,
    ) -> Result<(), Trouble> {
        let what = format!("the cluster says {kind} of {}", server.name);
        self.until(&what, || self.world.news.told(&server.name, kind) > had).await
    }
}

pub(crate) async fn calm(script: &mut Script<'_>) -> Played {
    let primary = script.primary()?;
    let replicas = script.world.servers.replicas();
    let began = Instant::now();
    script.more(Kind::Read, 200).await?;
    script.more(Kind::Write, 50).await?;
    script
        .until("every replica is read from", || replicas.iter().all(|one| reads(one) > 0))
        .await?;
    let took = began.elapsed().as_secs_f64();
    let tally = &script.world.load.tally;
    let [reads, writes] = [Kind::Read, Kind::Write].map(|kind| tally.sum(kind).good as f64 / took);
    Ok(format!("{} leads; {reads:.0} reads/s and {writes:.0} writes/s", primary.name))
}

pub(crate) async fn primary_killed(script: &mut Script<'_>) -> Played {
    let killed = Instant::now();
    script.world.kill_primary().await?;
    let mut promoted = killed;
    script
        .until("somebody is promoted", || {
            script.promoted_after(killed).inspect(|at| promoted = *at).is_some()
        })
        .await?;
    let leader = script.primary()?;
    script.until("a write on the new primary", || writes(&leader) > 0).await?;
    let back = Instant::now();
    let after = back.saturating_duration_since(promoted);
    script.more(Kind::Write, 100).await?;
    script.more(Kind::Read, 100).await?;
    let gap = script.world.load.tally.gap(Kind::Read);
    script.at_most("write_after_promotion", "first write after the promotion", after, BACK);
    script.at_most("reads_go_on", "longest time without a read meanwhile", gap, READS_GO_ON);
    Ok(format!(
        "{} leads; the first write {} after its promotion, {} after the death",
        leader.name,
        duration(after),
        duration(back - killed)
    ))
}

/// The old primary comes back and thinks that it leads, and at that moment the new one dies: nobody else says that it is
/// a primary. Only its epoch is against it.
pub(crate) async fn old_primary_back(script: &mut Script<'_>) -> Played {
    let dead = script.world.servers.dead();
    let old = dead.first().ok_or("nobody is dead")?;
    let new = script.primary()?;
    let is_primary = |server: &Server| server.view().is_some_and(|view| view.role == Role::Primary);
    let (strays, online) =
        (script.world.register.strays(), script.world.news.told(&old.name, "online"));
    script.world.revive().await?;
    if !is_primary(old) {
        return Err(format!("{} was to come back as the primary that it was", old.name));
    }
    script.until_told(old, "online", online).await?;
    let killed = Instant::now();
    script.world.kill_primary().await?;
    script.until("the third is promoted", || script.promoted_after(killed).is_some()).await?;
    let third = script.primary()?;
    script.until("a write on it", || writes(&third) > 0).await?;
    let taken = script.world.register.strays() - strays;

    // Now this one is of the past as well, and the other follows already.
    let had = reads(&new);
    script.until("the old one is told that it leads no longer", || !is_primary(old)).await?;
    script.until("the old one is read from", || script.sees(old, |node| node.share >= 1.0)).await?;
    let began = Instant::now();
    script.world.revive().await?;
    let mut first = None;
    script
        .until("the other is a replica", || {
            // One that is out for its errors still has no share: the one request that tries it comes first.
            let counts = |node: &NodeStatus| {
                let out = matches!(node.condition, Condition::Ejected | Condition::HalfOpen);
                node.role == Some(Role::Replica) && !out
            };
            first = script.node(&new).filter(counts).map(|node| node.share);
            first.is_some()
        })
        .await?;
    script.until("the other is read from", || reads(&new) > had).await?;
    let whole = |node: &NodeStatus| node.role == Some(Role::Replica) && node.share >= 1.0;
    script.until("it has its whole share", || script.sees(&new, whole)).await?;
    let first = first.unwrap_or(1.0) * 100.0;
    script.must(Check {
        name: "slow_start",
        what: "share of a server that counts when it is a replica again",
        found: first,
        bound: Bound::AtMost(90.0),
        unit: "%",
    });
    let [old, new, third] = [old, &new, &third].map(|server| &server.name);
    let all = duration(began.elapsed());
    Ok(format!(
        "{old} tempts while {new} dies: {taken} writes reach it, {third} leads; {new} begins with {first:.0} %, whole after {all}"
    ))
}

pub(crate) async fn sessions_break(script: &mut Script<'_>) -> Played {
    let ill = script.first_replica()?;
    let news = Arc::clone(&script.world.news);
    let [ejected, recovered] = ["ejected", "recovered"].map(|kind| news.told(&ill.name, kind));
    let began = Instant::now();
    script.world.break_replica().await?;
    script.until_told(&ill, "ejected", ejected).await?;
    let out = began.elapsed();
    script.world.heal().await?;
    script.until_told(&ill, "recovered", recovered).await?;
    script.at_most(
        "ejection",
        "until a replica that fails is ejected",
        out,
        Duration::from_secs(2),
    );
    let (out, back) = (duration(out), duration(began.elapsed()));
    Ok(format!("{} was ejected after {out} and let in again after {back}", ill.name))
}

pub(crate) async fn replica_lags(script: &mut Script<'_>) -> Played {
    let late = script.first_replica()?;
    let news = Arc::clone(&script.world.news);
    let [lagging, caught_up] = ["lagging", "caught_up"].map(|kind| news.told(&late.name, kind));
    script.world.lag_replica().await?;
    script.until_told(&late, "lagging", lagging).await?;
    // Whoever was there may finish.
    let nobody = |node: &NodeStatus| node.in_use == 0 && node.waiting == 0;
    script.until("nobody reads from it", || script.sees(&late, nobody)).await?;
    let before = reads(&late);
    script.more(Kind::Read, 100).await?;
    let stale = reads(&late) - before;
    let lag = late.view().and_then(|view| view.lag).unwrap_or_default();
    script.world.heal().await?;
    script.until_told(&late, "caught_up", caught_up).await?;
    let what = "reads from a replica that was too far behind";
    script.must(Check::none("stale_reads", what, stale));
    let lag = duration(lag);
    Ok(format!(
        "{} was {lag} behind and got {stale} of 100 reads, until it had caught up",
        late.name
    ))
}

pub(crate) async fn replica_slow(script: &mut Script<'_>) -> Played {
    let slow = script.first_replica()?;
    script.world.slow_replica().await?;
    let all = |script: &Script<'_>| script.world.load.tally.sum(Kind::Read).good;
    let (before, had) = (all(script), reads(&slow));
    script.more(Kind::Read, 300).await?;
    let share = (reads(&slow) - had) as f64 / (all(script) - before).max(1) as f64 * 100.0;
    script.world.heal().await?;
    script.must(Check {
        name: "slow_share",
        what: "share of the reads that a slow replica of two gets",
        found: share,
        bound: Bound::AtMost(30.0),
        unit: "%",
    });
    Ok(format!("{} got {share:.0} % of the reads, and was not ejected", slow.name))
}

pub(crate) async fn rush(script: &mut Script<'_>) -> Played {
    let tally = Arc::clone(&script.world.load.tally);
    let shed = || tally.sum(Kind::Read).shed + tally.sum(Kind::Write).shed;
    let (before, began) = (shed(), Instant::now());
    script.world.rush().await?;
    script.until("somebody is turned away", || shed() > before + 100).await?;
    script.more(Kind::Read, 500).await?;
    script.more(Kind::Write, 200).await?;
    script.world.heal().await?;
    let (turned, took) = (shed() - before, began.elapsed());
    // Those of the rush leave; then nobody is turned away any more.
    loop {
        let so_far = shed();
        script.more(Kind::Read, 100).await?;
        if shed() == so_far {
            break;
        }
    }
    script.must(Check {
        name: "shed",
        what: "requests that were turned away at once in the rush",
        found: turned as f64,
        bound: Bound::AtLeast(1.0),
        unit: "",
    });
    let turned = count(turned);
    Ok(format!("{turned} were turned away at once in {}, the others served", duration(took)))
}

pub(crate) async fn come_and_gone(script: &mut Script<'_>) -> Played {
    let began = Instant::now();
    script.world.add_replica().await?;
    let new = script.world.servers.all().pop().ok_or("there are no servers")?;
    script.until("it is read from", || reads(&new) >= 20).await?;
    let came = began.elapsed();
    script.world.remove_replica().await?;
    let is_gone = || script.world.cluster.status().node(&new.name).is_none();
    script.until("it is gone", is_gone).await?;
    Ok(format!("{} was read from 20 times after {}, and then removed", new.name, duration(came)))
}

pub(crate) async fn replica_killed(script: &mut Script<'_>) -> Played {
    let dead = script.first_replica()?;
    let offline = script.world.news.told(&dead.name, "offline");
    script.world.kill_replica().await?;
    script.until_told(&dead, "offline", offline).await?;
    script.more(Kind::Read, 200).await?;
    let (had, began) = (reads(&dead), Instant::now());
    script.world.revive().await?;
    script.until("it is read from", || reads(&dead) > had).await?;
    let back = duration(began.elapsed());
    let whole = |node: &NodeStatus| node.share >= 1.0;
    script.until("it has its whole share", || script.sees(&dead, whole)).await?;
    let (name, all) = (&dead.name, duration(began.elapsed()));
    Ok(format!("{name} came back; read from again after {back}, with all its share after {all}"))
}

pub(crate) async fn switch_over(script: &mut Script<'_>) -> Played {
    let old = script.primary()?;
    let began = Instant::now();
    script.world.switch_over().await?;
    let new = script.primary()?;
    if new.name == old.name {
        return Err(format!("{} leads still", old.name));
    }
    let had = writes(&new);
    script.until("a write on the new primary", || writes(&new) > had).await?;
    let back = began.elapsed();
    script.more(Kind::Write, 50).await?;
    script.at_most("write_after_switch", "first write after the primary stepped down", back, BACK);
    Ok(format!(
        "{} leads; the first write {} after {} stepped down",
        new.name,
        duration(back),
        old.name
    ))
}
