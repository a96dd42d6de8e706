//! The operator: what a manager of high availability does for a cluster. It knows nothing of pools. It looks at the
//! servers, promotes the most recent replica some time after the primary's death, and sees to it that everybody follows
//! whoever leads, a primary of the past too.
//!
//! Only a server that has everything that was acknowledged is promoted. If none of those that live has, there is no primary
//! until one comes back that does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Level, Role};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::news::News;
use super::register::Register;
use super::server::{Mishap, Server, View};
use super::servers::Servers;

/// How often it looks.
const LOOKS: Duration = Duration::from_millis(20);
/// So long after a primary's death another is promoted: who is in doubt does not hurry.
pub(crate) const PROMOTES_AFTER: Duration = Duration::from_millis(600);
/// So long after a primary of the past has come back it is told: long enough for a cluster to be tempted.
const DEMOTES_AFTER: Duration = Duration::from_millis(1200);

pub(crate) struct Operator {
    servers: Arc<Servers>,
    register: Arc<Register>,
    news: Arc<News>,
    /// Since when nobody leads, and whether it was said that nobody can.
    leaderless: Option<(Instant, bool)>,
    /// Primaries of the past, since when each was seen. Several may come back together.
    past: BTreeMap<Arc<str>, Instant>,
}

impl Operator {
    pub(crate) fn new(servers: Arc<Servers>, register: Arc<Register>, news: Arc<News>) -> Operator {
        Operator { servers, register, news, leaderless: None, past: BTreeMap::new() }
    }

    /// Looks until it is dropped.
    pub(crate) async fn go_on(mut self) {
        let mut looks = interval(LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            looks.tick().await;
            // What somebody else is about to do to the servers is not disturbed.
            let servers = Arc::clone(&self.servers);
            let _order = servers.order().await;
            match self.servers.primary() {
                Some(primary) => {
                    self.leaderless = None;
                    self.gather(&primary).await;
                }
                None => self.seek().await,
            }
        }
    }

    /// Everybody follows this one.
    async fn gather(&mut self, primary: &Arc<Server>) {
        let epoch = self.register.epoch();
        for server in self.servers.all() {
            let Some(view) = server.view() else {
                // Who has died again comes back anew.
                self.past.remove(&server.name);
                continue;
            };
            if Arc::ptr_eq(&server, primary) || server.follows(primary, epoch).await {
                continue;
            }
            let (name, leader) = (&server.name, &primary.name);
            let told = match view.role {
                Role::Replica => format!("{name} follows {leader} now"),
                Role::Primary => {
                    let since = self.seen(&server);
                    if since.elapsed() < DEMOTES_AFTER {
                        continue;
                    }
                    self.past.remove(name);
                    format!("{name} was a primary no longer: it follows {leader} now")
                }
            };
            self.tell(server.follow(primary).await.map(|()| told), &server);
        }
    }

    /// Since when this primary of the past has been seen.
    fn seen(&mut self, server: &Server) -> Instant {
        let name = &server.name;
        if let Some(since) = self.past.get(name) {
            return *since;
        }
        let epoch = server.view().map_or(0, |view| view.epoch);
        let present = self.register.epoch();
        self.news.tell(
            Level::Warn,
            &format!(
                "{name} is back and thinks that it is the primary, of epoch {epoch}; it is {present} now"
            ),
        );
        let since = Instant::now();
        self.past.insert(Arc::clone(name), since);
        since
    }

    /// Nobody leads: after a while somebody must.
    async fn seek(&mut self) {
        let (since, said) = *self.leaderless.get_or_insert((Instant::now(), false));
        if since.elapsed() < PROMOTES_AFTER {
            return;
        }
        match best(&self.servers.all(), &self.register) {
            Some(server) => self.tell(promote(&server, &self.news).await, &server),
            None if !said => {
                self.leaderless = Some((since, true));
                self.news.tell(
                    Level::Warn,
                    "nobody that lives has every write that was acknowledged: no primary until one does",
                );
            }
            None => {}
        }
    }

    fn tell(&self, done: Result<String, Mishap>, server: &Server) {
        match done {
            Ok(told) => self.news.tell(Level::Info, &told),
            // It may have died meanwhile: the next look sees.
            Err(Mishap::Life(_)) => {}
            Err(error) => {
                self.news.tell(Level::Error, &format!("{}: {error}", server.name));
            }
        }
    }
}

/// Makes this server the primary. Returns what to tell.
pub(crate) async fn promote(server: &Server, news: &News) -> Result<String, Mishap> {
    let epoch = server.promote().await?;
    news.promoted();
    Ok(format!("{} is the primary now, of epoch {epoch}", server.name))
}

/// The most recent of those that have all that was acknowledged in the present time.
pub(crate) fn best(servers: &[Arc<Server>], register: &Register) -> Option<Arc<Server>> {
    let fit = |view: &View| view.epoch == register.epoch() && view.heard >= register.acknowledged();
    let views = servers.iter().filter_map(|server| Some((server, server.view()?)));
    let fit = views.filter(|(_, view)| fit(view));
    // Of equals the first.
    let best = fit.min_by_key(|(_, view)| std::cmp::Reverse(view.heard));
    best.map(|(server, _)| Arc::clone(server))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::lines::{Line, Lines};
    use crate::world::whole::within;
    use cenote::{Manager, Node};

    struct Three {
        servers: Servers,
        register: Arc<Register>,
        _folder: tempfile::TempDir,
    }

    impl Three {
        /// `a` leads; `b` and `c` follow it.
        async fn begin() -> Three {
            let (folder, register) = (tempfile::tempdir().unwrap(), Arc::new(Register::default()));
            let servers = Servers::new(folder.path(), Arc::clone(&register), None);
            for _ in 0..3 {
                servers.make().unwrap().unwrap().revive().await.unwrap();
            }
            let three = Three { servers, register, _folder: folder };
            let [a, b, c] = three.all();
            a.promote().await.unwrap();
            b.follow(&a).await.unwrap();
            c.follow(&a).await.unwrap();
            three
        }

        fn all(&self) -> [Arc<Server>; 3] {
            self.servers.all().try_into().unwrap_or_else(|_| panic!("there are three"))
        }

        fn best(&self) -> Option<String> {
            best(&self.servers.all(), &self.register).map(|server| server.name.to_string())
        }
    }

    async fn line(server: &Server) -> Line {
        let node = Node::new(&*server.name, server.address.to_string());
        Lines::to(&node).unwrap().connect().await.unwrap()
    }

    /// Writes this often, and waits until everybody has heard it.
    async fn write(three: &Three, to: &Server, times: i64) {
        let mut line = line(to).await;
        for value in 1..=times {
            line.write(1, value).await.unwrap();
        }
        let heard =
            || three.servers.replicas().iter().all(|one| one.view().unwrap().heard == times);
        assert!(within(Duration::from_secs(10), heard).await, "not everybody has heard it");
    }

    // C-12
    #[tokio::test]
    async fn only_who_has_everything_that_was_acknowledged_is_promoted() {
        let three = Three::begin().await;
        let [a, b, c] = three.all();
        c.faults.set_held(true);
        write(&three, &a, 5).await;
        a.kill().await.unwrap();
        assert_eq!(three.best().as_deref(), Some("b"), "of equals the first");
        // What c has heard and not applied dies with it.
        c.kill().await.unwrap();
        c.revive().await.unwrap();
        assert_eq!(three.best().as_deref(), Some("b"));
        b.kill().await.unwrap();
        assert_eq!(three.best(), None, "c is all that is left, and lacks five writes");
        assert!(three.servers.primary().is_none());
        // Nobody was promoted meanwhile, so it leads as before.
        a.revive().await.unwrap();
        assert_eq!(three.servers.primary().map(|one| one.name.to_string()).as_deref(), Some("a"));
        assert_eq!(line(&a).await.read(1).await.unwrap(), 5);
    }

    // C-11
    #[tokio::test]
    async fn all_primaries_of_the_past_are_told_however_many_come_back_together() {
        let three = Three::begin().await;
        let [a, b, c] = three.all();
        for (dies, leads) in [(&a, &b), (&b, &c)] {
            dies.kill().await.unwrap();
            leads.promote().await.unwrap();
        }
        a.revive().await.unwrap();
        b.revive().await.unwrap();
        let servers = Arc::new(three.servers);
        let news = Arc::new(News::new());
        let operator = Operator::new(Arc::clone(&servers), Arc::clone(&three.register), news);
        let operator = tokio::spawn(operator.go_on());
        let follow = || servers.replicas().len() == 2;
        assert!(within(Duration::from_secs(20), follow).await, "somebody is not told");
        operator.abort();
    }

    // C-11, C-12
    #[tokio::test]
    async fn who_is_promoted_applies_what_it_has_heard_and_who_led_before_takes_no_more_writes() {
        let three = Three::begin().await;
        let [a, b, c] = three.all();
        b.faults.set_held(true);
        write(&three, &a, 5).await;
        assert_eq!(line(&b).await.read(1).await.unwrap(), 0, "heard, and not applied");
        a.kill().await.unwrap();
        assert_eq!(b.promote().await.unwrap(), 2);
        assert_eq!(line(&b).await.read(1).await.unwrap(), 5);
        c.follow(&b).await.unwrap();
        line(&b).await.write(1, 6).await.unwrap();
        // It would take a write, and that would be noticed.
        a.revive().await.unwrap();
        line(&a).await.write(1, 6).await.unwrap();
        assert_eq!(three.register.strays(), 1);
        a.follow(&b).await.unwrap();
        let refused = line(&a).await.write(1, 7).await.unwrap_err();
        assert_eq!(refused.to_string(), "a is a replica and takes no writes");
        assert_eq!(a.contents().await.unwrap(), b.contents().await.unwrap());
    }
}
