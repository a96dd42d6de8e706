//! What can be done to the world: the faults, their end, and what an operator plans. Each deed says what it has done in one
//! sentence, or why there was nothing to do. They are what the buttons of the dashboard call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::load::RUSH;
use super::operator::{self, PROMOTES_AFTER};
use super::server::{Mishap, Server};
use super::tally::Kind;
use super::whole::{MAX_LAG, World, within};
use crate::units::{count, duration};

/// How much slower a slow replica is.
pub(crate) const SLOWER: Duration = Duration::from_millis(150);
/// How long a new primary may take to hear what it lacks.
const CATCHES_UP: Duration = Duration::from_secs(1);

/// How long somebody waits for what may never come.
const PATIENCE: Duration = Duration::from_secs(30);

type Done = Result<String, String>;

impl World {
    /// Does something to the servers while nobody else does.
    async fn deed(&self, deed: impl Future<Output = Done>) -> Done {
        let _order = self.servers.order().await;
        deed.await
    }

    /// Tells it on the terminal, before what follows of it is told there.
    fn told(&self, done: String) -> String {
        self.news.deed(&done);
        done
    }

    pub(crate) async fn kill_primary(&self) -> Done {
        self.deed(async {
            let primary = self.servers.primary().ok_or("nobody leads at the moment")?;
            let (name, after) = (&primary.name, duration(PROMOTES_AFTER));
            let done =
                format!("{name}, the primary, is killed; {after} until somebody is promoted");
            let done = self.told(done);
            self.tell_when_writes_are_back();
            primary.kill().await.map_err(words)?;
            Ok(done)
        })
        .await
    }

    /// And what the load had of it meanwhile: that is what it is all for.
    fn tell_when_writes_are_back(&self) {
        let (tally, news, began) =
            (Arc::clone(&self.load.tally), Arc::clone(&self.news), Instant::now());
        let sums = move || [Kind::Read, Kind::Write].map(|kind| tally.sum(kind));
        let before = sums();
        tokio::spawn(async move {
            // What was acknowledged before the death is counted by then.
            let is_led = || news.last_promotion().is_some_and(|at| at > began);
            if !within(PATIENCE, is_led).await {
                return;
            }
            let led = sums();
            if !within(PATIENCE, || sums()[1].good > led[1].good).await {
                return;
            }
            let [reads, writes] = [0, 1].map(|of| sums()[of].since(before[of]));
            news.outcome(&format!(
                "writes are back after {}; meanwhile {} reads answered, {} requests failed",
                duration(began.elapsed()),
                count(reads.good),
                count(reads.failed + writes.failed),
            ));
        });
    }

    pub(crate) async fn kill_replica(&self) -> Done {
        self.deed(async {
            let replica = self.servers.replicas().into_iter().next();
            let replica = replica.ok_or("no replica lives")?;
            let done = self.told(format!("{}, a replica, is killed", replica.name));
            replica.kill().await.map_err(words)?;
            Ok(done)
        })
        .await
    }

    pub(crate) async fn revive(&self) -> Done {
        self.deed(async {
            let dead = self.servers.dead();
            if dead.is_empty() {
                return Err("nobody is dead".to_owned());
            }
            let done = self.told(format!("{} again, as it was when it died", live(&dead)));
            for server in &dead {
                server.revive().await.map_err(words)?;
            }
            Ok(done)
        })
        .await
    }

    /// The primary steps down and another is promoted, with nobody dead.
    pub(crate) async fn switch_over(&self) -> Done {
        self.deed(async {
            let old = self.servers.primary().ok_or("nobody leads at the moment")?;
            let others = self.servers.replicas();
            let new = operator::best(&others, &self.register);
            let new = new.ok_or("no replica has everything that was acknowledged")?;
            let done = self.told(format!("{} steps down for {}", old.name, new.name));
            let last = old.step_down().await.map_err(words)?;
            let heard = || new.view().is_none_or(|view| view.heard >= last);
            within(CATCHES_UP, heard).await;
            if new.view().is_none_or(|view| view.heard < last) {
                operator::promote(&old, &self.news).await.map_err(words)?;
                return Err(format!("{} did not catch up: {} leads again", new.name, old.name));
            }
            operator::promote(&new, &self.news).await.map_err(words)?;
            old.follow(&new).await.map_err(words)?;
            Ok(done)
        })
        .await
    }

    /// Does this to a replica to which it has not been done.
    async fn spoil(
        &self,
        is_spoiled: impl Fn(&Server) -> bool,
        spoil: impl Fn(&Server) -> String,
    ) -> Done {
        self.deed(async {
            let replicas = self.servers.replicas();
            if replicas.iter().any(|server| is_spoiled(server)) {
                return Err("one is so already: heal it first".to_owned());
            }
            let first = replicas.first().ok_or("no replica lives")?;
            Ok(self.told(spoil(first)))
        })
        .await
    }

    pub(crate) async fn slow_replica(&self) -> Done {
        let is_slow = |server: &Server| server.faults.latency() > Duration::ZERO;
        self.spoil(is_slow, |server| {
            server.faults.set_latency(SLOWER);
            format!("{} takes {} longer for each request", server.name, duration(SLOWER))
        })
        .await
    }

    pub(crate) async fn lag_replica(&self) -> Done {
        let is_held = |server: &Server| *server.faults.held().borrow();
        self.spoil(is_held, |server| {
            server.faults.set_held(true);
            let (name, most) = (&server.name, duration(MAX_LAG));
            format!("{name} does not apply what it hears; past {most} it serves no reads")
        })
        .await
    }

    pub(crate) async fn break_replica(&self) -> Done {
        let breaks = |server: &Server| server.faults.breaks();
        self.spoil(breaks, |server| {
            server.faults.set_breaks(true);
            format!("{} breaks every session that asks for data", server.name)
        })
        .await
    }

    /// Nothing is wrong any more with those that live, and the load is the usual.
    pub(crate) async fn heal(&self) -> Done {
        self.deed(async {
            let ill = self.servers.all().into_iter();
            let ill: Vec<_> = ill.filter(|server| !server.faults.words().is_empty()).collect();
            ill.iter().for_each(|server| server.faults.heal());
            let rush = self.load.set_rush(false);
            Ok(self.told(match (ill.is_empty(), rush) {
                (true, false) => {
                    return Err("nothing is wrong; the dead are revived, not healed".into());
                }
                (true, true) => "the load is the usual again".to_owned(),
                (false, false) => format!("{} well again", are(&ill)),
                (false, true) => format!("{} well again, and the load is the usual", are(&ill)),
            }))
        })
        .await
    }

    pub(crate) async fn rush(&self) -> Done {
        self.deed(async {
            match self.load.set_rush(true) {
                true => {
                    Ok(self.told(format!("{RUSH} times the load: more than the servers can bear")))
                }
                false => Err("there is a rush already: heal it first".to_owned()),
            }
        })
        .await
    }

    pub(crate) async fn add_replica(&self) -> Done {
        self.deed(async {
            let primary = self.servers.primary();
            let primary = primary.ok_or("nobody leads at the moment, so nobody can be followed")?;
            let made = self.servers.make().ok_or("there are five servers: that is enough")?;
            let server = made.map_err(words)?;
            let born = async { server.revive().await.and(server.follow(&primary).await) };
            if let Err(error) = born.await {
                self.servers.forget(&server);
                return Err(words(error));
            }
            self.list(&self.servers.all());
            Ok(self
                .told(format!("{} is new, and serves from its first connection on", server.name)))
        })
        .await
    }

    pub(crate) async fn remove_replica(&self) -> Done {
        self.deed(async {
            let all = self.servers.all();
            if all.len() <= 3 {
                return Err("three servers must stay: add one first".to_owned());
            }
            let last = self.servers.replicas().pop().ok_or("no replica lives")?;
            let stay = all.into_iter().filter(|server| server.name != last.name);
            let done =
                self.told(format!("{} goes when the last request on it has ended", last.name));
            self.list(&stay.collect::<Vec<_>>());
            // Whoever has a connection may finish; only then it goes.
            within(Duration::from_secs(4), || last.sessions() == 0).await;
            self.servers.forget(&last);
            last.kill().await.map_err(words)?;
            Ok(done)
        })
        .await
    }
}

fn words(mishap: Mishap) -> String {
    mishap.to_string()
}

fn names(servers: &[Arc<Server>]) -> String {
    servers.iter().map(|server| &*server.name).collect::<Vec<_>>().join(" and ")
}

fn live(servers: &[Arc<Server>]) -> String {
    format!("{} live{}", names(servers), if servers.len() == 1 { "s" } else { "" })
}

fn are(servers: &[Arc<Server>]) -> String {
    format!("{} {}", names(servers), if servers.len() == 1 { "is" } else { "are" })
}
