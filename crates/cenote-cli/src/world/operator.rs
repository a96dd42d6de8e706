//! The operator: what a manager of high availability does for a cluster. It knows nothing of pools. It looks at the
//! servers, promotes the most recent replica some time after the primary's death, and sees to it that everybody follows
//! whoever leads, a primary of the past too.
//!
//! Only a server that has everything that was acknowledged is promoted. If none of those that live has, there is no primary
//! until one comes back that does.

use std::sync::Arc;
use std::time::Duration;

use cenote::Role;
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
    /// A primary of the past, since when it was seen.
    past: Option<(Arc<str>, Instant)>,
}

impl Operator {
    pub(crate) fn new(servers: Arc<Servers>, register: Arc<Register>, news: Arc<News>) -> Operator {
        Operator { servers, register, news, leaderless: None, past: None }
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
            let Some(view) = server.view() else { continue };
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
                    self.past = None;
                    format!("{name} was a primary no longer: it follows {leader} now")
                }
            };
            self.tell(server.follow(primary).await.map(|()| told), &server);
        }
    }

    /// Since when this primary of the past has been seen.
    fn seen(&mut self, server: &Server) -> Instant {
        match &self.past {
            Some((name, since)) if *name == server.name => *since,
            _ => {
                let (name, since) = (Arc::clone(&server.name), Instant::now());
                let epoch = server.view().map_or(0, |view| view.epoch);
                self.news.tell(&format!(
                    "{name} is back and thinks that it is the primary, of epoch {epoch}; it is {} now",
                    self.register.epoch()
                ));
                self.past = Some((name, since));
                since
            }
        }
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
                    "nobody that lives has every write that was acknowledged: no primary until one does",
                );
            }
            None => {}
        }
    }

    fn tell(&self, done: Result<String, Mishap>, server: &Server) {
        match done {
            Ok(told) => self.news.tell(&told),
            // It may have died meanwhile: the next look sees.
            Err(Mishap::Life(_)) => {}
            Err(error) => self.news.tell(&format!("{}: {error}", server.name)),
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
