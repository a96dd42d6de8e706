//! What a server is to its cluster (C-11): one question, by the simple protocol, that every user may ask.
//!
//! The timeline of a primary is read off the name of its current WAL file; what `pg_control_checkpoint()` says stands
//! behind it until the first checkpoint after a promotion. A standby knows the timeline that it receives, else that of
//! its last restart point. A standby that has replayed all that it received, from a primary that it is connected to,
//! is not behind: the time of the last transaction would grow while nobody writes.

use std::time::Duration;

use cenote::{Epoch, Probe, Probed, Role};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::connection::PostgresConnection;
use crate::error::PostgresError;
use crate::postgres::Postgres;

/// `WHO` is the question for system and timeline, which somebody may have taken away from the public.
const QUESTION: &str = "\
    SELECT pg_catalog.pg_is_in_recovery(),
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE
            pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8)
        END,
        WHO,
        receiver.received_tli,
        CASE
            WHEN NOT pg_catalog.pg_is_in_recovery() THEN NULL
            WHEN receiver.pid IS NOT NULL AND pg_catalog.pg_last_wal_receive_lsn()
                = pg_catalog.pg_last_wal_replay_lsn() THEN 0
            ELSE EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()
                - pg_catalog.pg_last_xact_replay_timestamp())
        END
    FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_stat_wal_receiver AS receiver ON true";

const WHO: &str = "(SELECT system_identifier FROM pg_catalog.pg_control_system()),
    (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())";

impl Probe for Postgres {
    async fn probe(&self, conn: &mut PostgresConnection) -> Result<Probed, PostgresError> {
        let answer = match conn.simple_query(&QUESTION.replace("WHO", WHO)).await {
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                conn.simple_query(&QUESTION.replace("WHO", "NULL, NULL")).await?
            }
            answer => answer?,
        };
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let fields: Vec<Option<&str>> = match row {
            Some(row) => (0..6).map(|at| row.get(at)).collect(),
            None => vec![None; 6],
        };
        Ok(read(&fields))
    }

    /// Servers from 14 on report it at login and, when it has changed, with their next answer: a test that finds a
    /// connection well is enough to hear of a promotion.
    fn told(&self, conn: &PostgresConnection) -> Option<Role> {
        conn.session().wire().told()
    }
}

fn read(fields: &[Option<&str>]) -> Probed {
    let number = |at: usize| fields[at].and_then(|text| text.parse::<u64>().ok());
    let role = if fields[0] == Some("t") { Role::Replica } else { Role::Primary };
    let current = fields[1].and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let timeline = current.or(number(4).max(number(3)));
    let mut probed = Probed::new(role);
    if let (Some(system), Some(timeline)) = (fields[2], timeline) {
        probed = probed.epoch(Epoch::new(system, timeline));
    }
    let lag = fields[5].and_then(|text| text.parse::<f64>().ok());
    // Clocks that differ may make it negative.
    match lag.and_then(|lag| Duration::try_from_secs_f64(lag.max(0.0)).ok()) {
        Some(lag) => probed.lag(lag),
        None => probed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-11
    #[test]
    fn a_primary_tells_its_current_timeline() {
        let primary = read(&[Some("f"), Some("0000000C"), Some("7349"), Some("11"), None, None]);
        assert_eq!(primary, Probed::new(Role::Primary).epoch(Epoch::new("7349", 12)));
    }

    // C-11
    #[test]
    fn a_standby_tells_the_timeline_it_receives_and_its_lag() {
        let fields = [Some("t"), None, Some("7349"), Some("11"), Some("12"), Some("1.5")];
        let standby = Probed::new(Role::Replica).epoch(Epoch::new("7349", 12));
        assert_eq!(read(&fields), standby.lag(Duration::from_millis(1500)));
        let fields = [Some("t"), None, Some("7349"), Some("11"), None, Some("-0.5")];
        let standby = Probed::new(Role::Replica).epoch(Epoch::new("7349", 11));
        assert_eq!(read(&fields), standby.lag(Duration::ZERO));
    }

    // C-11
    #[test]
    fn what_may_not_be_known_is_left_out() {
        let standby = read(&[Some("t"), None, None, None, None, None]);
        assert_eq!(standby, Probed::new(Role::Replica));
    }
}
