//! What a server is to its cluster (C-11): `ROLE`, and what `INFO` says of a replica's link.
//!
//! Redis counts no epochs without Sentinel or Cluster, so of two that say they are the primary none is known to be the
//! later one. It knows no time of a replica's last write either, only when it last heard of its primary, which
//! pings it every ten seconds: one that hears of it that often has all there is, but for what is under way. One that does
//! not is behind by its silence, and one without a link since it broke.

use std::time::Duration;

use cenote::{Probe, Probed, Role};
use redis::{FromRedisValue, Value, pipe};

use crate::connection::RedisConnection;
use crate::error::RedisError;
use crate::options::Redis;

/// How long a primary that has nothing to say may be silent: `repl-ping-replica-period`, and a bit.
const SILENCE: Duration = Duration::from_secs(11);
/// A replica that never had its primary's data.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

impl Probe for Redis {
    async fn probe(&self, conn: &mut RedisConnection) -> Result<Probed, RedisError> {
        let mut question = pipe();
        question.cmd("ROLE").cmd("INFO").arg("replication");
        let answers = conn.driver().send_packed_commands(&question, 0, 2).await?;
        let mut answers = answers.into_iter().map(Value::extract_error);
        let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
        let (role, info) = (next(), next());
        let info = info.ok().and_then(|info| String::from_redis_value(info).ok());
        let info = info.unwrap_or_default();
        // Somebody may have taken one of them away from this user.
        let name = match role.and_then(|role| Ok(first_word(role)?)) {
            Ok(name) => name,
            Err(_) if field(&info, "role").is_some() => {
                field(&info, "role").unwrap_or_default().to_owned()
            }
            Err(error) => return Err(error.into()),
        };
        Ok(read(&name, &info))
    }
}

/// The first part of what `ROLE` answers.
fn first_word(answer: Value) -> Result<String, redis::ParsingError> {
    let first = Vec::<Value>::from_redis_value(answer)?.into_iter().next();
    String::from_redis_value(first.unwrap_or(Value::Nil))
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

fn read(role: &str, info: &str) -> Probed {
    if role != "slave" && role != "replica" {
        return Probed::new(Role::Primary);
    }
    let replica = Probed::new(Role::Replica);
    let seconds = |name: &str| field(info, name)?.parse::<i64>().ok();
    let known = |seconds: i64| u64::try_from(seconds).map_or(NEVER, Duration::from_secs);
    match field(info, "master_link_status") {
        None => replica,
        Some("up") => {
            let silent = seconds("master_last_io_seconds_ago").map(known);
            replica.lag(silent.filter(|silent| *silent > SILENCE).unwrap_or(Duration::ZERO))
        }
        Some(_) => replica.lag(seconds("master_link_down_since_seconds").map_or(NEVER, known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-11
    #[test]
    fn a_primary_has_no_lag_and_no_epoch() {
        assert_eq!(
            read("master", "role:master\r\nconnected_slaves:2\r\n"),
            Probed::new(Role::Primary)
        );
    }

    // C-11, C-13
    #[test]
    fn a_replica_is_behind_by_what_it_has_not_heard() {
        let lag = |info: &str| read("slave", info).lag;
        let up = |silent: i64| {
            format!(
                "role:slave\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:{silent}\r\n"
            )
        };
        assert_eq!(lag(&up(0)), Some(Duration::ZERO));
        assert_eq!(lag(&up(9)), Some(Duration::ZERO), "nobody wrote");
        assert_eq!(lag(&up(30)), Some(Duration::from_secs(30)));
        let down = "master_link_status:down\r\nmaster_link_down_since_seconds:3\r\n";
        assert_eq!(lag(down), Some(Duration::from_secs(3)));
        let never = "master_link_status:down\r\nmaster_link_down_since_seconds:-1\r\n";
        assert_eq!(lag(never), Some(NEVER));
        assert_eq!(lag(""), None, "it may not be asked");
    }
}
