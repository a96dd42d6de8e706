//! Redis: a command, its words divided by blanks.

use std::sync::Arc;

use cenote::{Manager, Share};
use cenote_redis::redis::{Cmd, FromRedisValue, Value, cmd};
use cenote_redis::{Redis, RedisConnection, RedisError, RedisHandle};

use super::{Asked, Driver, Limit, Limits, Sharing, Work};
use crate::failure::Failure;

impl Driver for Redis {
    type Query = Arc<Cmd>;

    const GOODBYE_IS_ANSWERED: bool = true;

    async fn ask(conn: &mut RedisConnection, query: &Arc<Cmd>, _: u64) -> Result<(), RedisError> {
        Ok(query.exec_async(conn).await?)
    }

    async fn limits(conn: &mut RedisConnection) -> Result<Limits, RedisError> {
        let asked = async |conn: &mut RedisConnection, words: &[&str]| {
            let mut command = cmd(words[0]);
            words[1..].iter().for_each(|word| _ = command.arg(word));
            match command.query_async::<Value>(conn).await {
                Ok(answer) => Ok(Ok(answer)),
                // Whoever may not ask is told so.
                Err(error) if error.code().is_some() => Ok(Err(error.to_string())),
                Err(error) => Err(RedisError::from(error)),
            }
        };
        let info = match asked(conn, &["INFO"]).await? {
            Ok(answer) => String::from_redis_value(answer).unwrap_or_default(),
            Err(refused) => return Ok(Limits::Untold(refused)),
        };
        let mut allows = field(&info, "maxclients");
        if allows.is_none() {
            // Old servers say it there only.
            let config = match asked(conn, &["CONFIG", "GET", "maxclients"]).await? {
                Ok(answer) => <(String, u64)>::from_redis_value(answer).ok(),
                Err(refused) => return Ok(Limits::Untold(refused)),
            };
            allows = config.map(|(_, allows)| allows);
        }
        let counted = ["connected_clients", "connected_slaves", "cluster_connections"];
        let counted = counted.map(|name| field(&info, name));
        let (Some(allows), [Some(clients), replicas, others]) = (allows, counted) else {
            return Ok(Limits::Untold("its INFO does not say it".to_owned()));
        };
        let counted = clients + replicas.unwrap_or(0) + others.unwrap_or(0);
        let taken = counted.saturating_sub(1);
        Ok(Limits::Told(vec![Limit { name: "maxclients", allows, kept: 0, taken }]))
    }
}

/// A number of the answer to `INFO`.
fn field(info: &str, name: &str) -> Option<u64> {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(of, _)| *of == name)?.1.trim().parse().ok()
}

impl Sharing for Redis {
    async fn ask_shared(handle: &mut RedisHandle, query: &Arc<Cmd>) -> Result<(), RedisError> {
        Ok(query.exec_async(handle).await?)
    }
}

pub(super) async fn open<W: Work>(asked: &Asked<'_>, work: &mut W) -> Result<W::Made, Failure> {
    let redis = Redis::from_url(asked.url);
    let redis = redis.map_err(|error| Failure::usage(format!("--url: {error}")))?;
    let query = Arc::new(command(super::sql(asked, "PING")?));
    check(&redis, &query, asked.share).await?;
    let target = format!("Redis at {}", redis.place());
    match asked.share {
        true => work.shared(redis, target, query).await,
        false => work.alone(redis, target, query).await,
    }
}

fn command(line: &str) -> Cmd {
    let mut words = line.split_whitespace();
    let mut command = cmd(words.next().unwrap_or_default());
    words.for_each(|word| _ = command.arg(word));
    command
}

/// Connects once and runs the command, before many do.
async fn check(redis: &Redis, query: &Arc<Cmd>, share: bool) -> Result<(), Failure> {
    let mut conn = super::first(redis, redis.place()).await?;
    let answered = match share {
        true => Redis::ask_shared(&mut redis.handle(&conn), query).await,
        false => Redis::ask(&mut conn, query, 0).await,
    };
    redis.close(conn).await.map_err(Failure::new)?;
    answered.map_err(|error| Failure::new(format!("--sql: {error}")))
}
