//! What a server is to its cluster (C-11): a primary takes writes (`read_only` is off), a replica does not.
//!
//! No epoch is known. A position in the log, GTID or not, counts what was written, and a primary that was cut off may have
//! written more than the one that took its place. So servers should start with `read_only` on, and whoever promotes one
//! switch it off.
//!
//! How far a replica is behind it says itself, where we may ask (`REPLICA MONITOR`, or `REPLICATION CLIENT`). It does not
//! know while it does not replicate; then it is as fresh as it was last known to be, and ages.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cenote::{Probe, Probed, Role};
use mysql_async::Row;

use crate::connection::MysqlConnection;
use crate::error::MysqlError;
use crate::mysql::Mysql;
use crate::plan::Plan;

/// Each server has the first, MySQL the second.
const QUESTION: &str =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only')";

impl Probe for Mysql {
    async fn probe(&self, conn: &mut MysqlConnection) -> Result<Probed, MysqlError> {
        let variables = conn.query::<(String, String), _>(QUESTION).await?;
        let role = role(variables.iter().map(|(_, value)| value.as_str()));
        if role == Role::Primary {
            *fresh(&self.plan) = None;
            return Ok(Probed::new(role));
        }
        let question = replication(conn.server_version());
        let status = match conn.query_first::<Row, _>(question).await {
            Ok(status) => status,
            // Not everybody may ask.
            Err(error) if error.code().is_some() && !conn.is_broken() => None,
            Err(error) => return Err(error),
        };
        let behind = status.as_ref().map(behind);
        Ok(match lag(&mut fresh(&self.plan), behind, Instant::now()) {
            Some(lag) => Probed::new(role).lag(lag),
            None => Probed::new(role),
        })
    }
}

fn fresh(plan: &Plan) -> MutexGuard<'_, Option<Instant>> {
    // Nothing in there can panic halfway.
    plan.learned.fresh.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server is a replica if any of its variables says so: `ON`, or what newer ones have for more of it.
fn role<'a>(mut values: impl Iterator<Item = &'a str>) -> Role {
    match values.all(|value| value.eq_ignore_ascii_case("OFF") || value == "0") {
        true => Role::Primary,
        false => Role::Replica,
    }
}

/// The words were changed in MySQL 8.0.22 and MariaDB 10.5.1, and the old ones are gone in MySQL 8.4.
fn replication(version: (u16, u16, u16)) -> &'static str {
    let mariadb = version >= (10, 0, 0);
    match version >= if mariadb { (10, 5, 1) } else { (8, 0, 22) } {
        true => "SHOW REPLICA STATUS",
        false => "SHOW SLAVE STATUS",
    }
}

/// How far it says that it is behind; none if it does not know.
fn behind(status: &Row) -> Option<Duration> {
    let column = status.columns_ref().iter().position(|column| {
        matches!(column.name_str().as_ref(), "Seconds_Behind_Source" | "Seconds_Behind_Master")
    })?;
    let seconds = status.get_opt::<Option<u64>, _>(column)?.ok()??;
    Some(Duration::from_secs(seconds))
}

/// The outer none of `behind` is one that does not replicate or does not say, the inner one that does not know.
fn lag(
    fresh: &mut Option<Instant>,
    behind: Option<Option<Duration>>,
    now: Instant,
) -> Option<Duration> {
    if let Some(lag) = behind? {
        *fresh = now.checked_sub(lag);
        return Some(lag);
    }
    fresh.map(|fresh| now.saturating_duration_since(fresh))
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-11
    #[test]
    fn a_server_is_a_primary_when_nothing_makes_it_read_only() {
        assert_eq!(role(["OFF", "OFF"].into_iter()), Role::Primary);
        assert_eq!(role(["0"].into_iter()), Role::Primary);
        assert_eq!(role(["OFF", "ON"].into_iter()), Role::Replica);
        assert_eq!(role(["NO_LOCK_NO_ADMIN"].into_iter()), Role::Replica);
    }

    // C-11
    #[test]
    fn each_version_is_asked_in_its_words() {
        for (version, word) in [
            ((5, 7, 44), "SLAVE"),
            ((8, 0, 21), "SLAVE"),
            ((8, 0, 22), "REPLICA"),
            ((9, 5, 0), "REPLICA"),
            ((10, 4, 34), "SLAVE"),
            ((10, 11, 14), "REPLICA"),
            ((12, 1, 2), "REPLICA"),
        ] {
            assert!(replication(version).contains(word), "{version:?}");
        }
    }

    // C-13
    #[test]
    fn a_replica_that_does_not_know_ages_from_what_it_knew() {
        let (second, now) = (Duration::from_secs(1), Instant::now() + Duration::from_secs(100));
        let mut fresh = None;
        assert_eq!(lag(&mut fresh, Some(None), now), None, "nothing was ever known");
        assert_eq!(lag(&mut fresh, Some(Some(2 * second)), now), Some(2 * second));
        assert_eq!(lag(&mut fresh, Some(None), now + 3 * second), Some(5 * second));
        assert_eq!(lag(&mut fresh, None, now + 4 * second), None, "it may not be asked");
        assert_eq!(lag(&mut fresh, Some(Some(second)), now + 9 * second), Some(second));
        assert_eq!(lag(&mut fresh, Some(None), now + 10 * second), Some(2 * second));
    }
}
