//! Redis: a command, its words divided by blanks.

use std::sync::Arc;

use cenote::{Manager, Share};
use cenote_redis::redis::{Cmd, cmd};
use cenote_redis::{Redis, RedisConnection, RedisError, RedisHandle};

use super::{Driver, Sharing};
use crate::bench::Bench;
use crate::failure::Failure;
use crate::figures::Figures;

impl Driver for Redis {
    type Query = Arc<Cmd>;

    async fn ask(conn: &mut RedisConnection, query: &Arc<Cmd>, _: u64) -> Result<(), RedisError> {
        Ok(query.exec_async(conn).await?)
    }
}

impl Sharing for Redis {
    async fn ask_shared(handle: &mut RedisHandle, query: &Arc<Cmd>) -> Result<(), RedisError> {
        Ok(query.exec_async(handle).await?)
    }
}

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<Figures, Failure> {
    let redis = Redis::from_url(&bench.args.url);
    let redis = redis.map_err(|error| Failure::usage(format!("--url: {error}")))?;
    let query = Arc::new(command(super::sql(bench.args, "PING")?));
    check(&redis, &query, bench.args.share).await?;
    let target = format!("Redis at {}", redis.place());
    match bench.args.share {
        true => bench.measure_shared(redis, target, query).await,
        false => bench.measure(redis, target, query).await,
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
    let mut conn = redis.connect().await.map_err(Failure::new)?;
    let answered = match share {
        true => Redis::ask_shared(&mut redis.handle(&conn), query).await,
        false => Redis::ask(&mut conn, query, 0).await,
    };
    redis.close(conn).await.map_err(Failure::new)?;
    answered.map_err(|error| Failure::new(format!("--sql: {error}")))
}
