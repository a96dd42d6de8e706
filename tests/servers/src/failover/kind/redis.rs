//! Redis: a primary and two replicas.
//!
//! A replica knows when it last heard of its primary, so it falls behind when it may not connect: another password.

use std::time::Duration;

use cenote::Node;
use cenote_redis::redis::{FromRedisValue, Value, cmd};
use cenote_redis::{Redis as Manager, RedisConnection, RedisError};
use cenote_testkit::servers::ServerError;
use cenote_testkit::servers::redis::Server;

use super::{Kind, NAME, Sign};

pub(crate) struct Redis;

/// Its members are their own scores.
const WRITTEN: &str = "written";

impl Kind for Redis {
    type Manager = Manager;
    type Server = Server;

    const EPOCHS: bool = false;

    fn manager(node: &Node) -> Result<Manager, RedisError> {
        Ok(Manager::to(node)?.client_name(NAME))
    }

    fn start() -> Result<[Server; 3], ServerError> {
        let primary = Server::start()?;
        let (b, c) = (primary.replica()?, primary.replica()?);
        Ok([primary, b, c])
    }

    fn url(server: &Server) -> String {
        server.url()
    }

    fn kill(server: &Server) {
        server.kill();
    }

    fn start_again(server: &Server) -> Result<(), ServerError> {
        server.start_again()
    }

    fn promote(server: &Server) -> Result<(), ServerError> {
        server.promote()
    }

    fn follow(server: &Server, primary: &Server) -> Result<(), ServerError> {
        server.follow(primary)
    }

    fn hold_back(server: &Server) -> Result<(), ServerError> {
        server.run(&["CONFIG", "SET", "masterauth", "another"])?;
        server.run(&["CLIENT", "KILL", "TYPE", "master"]).map(drop)
    }

    fn let_go(server: &Server) -> Result<(), ServerError> {
        server.run(&["CONFIG", "SET", "masterauth", server.password()]).map(drop)
    }

    fn write_past(server: &Server) -> Result<(), ServerError> {
        server.run(&["ZADD", WRITTEN, "-1", "-1"]).map(drop)
    }

    fn written_since(server: &Server, number: i64) -> Result<usize, ServerError> {
        let found = server.run(&["ZRANGEBYSCORE", WRITTEN, &number.to_string(), "+inf"])?;
        Ok(found.lines().count())
    }

    fn sessions(server: &Server) -> Result<Vec<String>, ServerError> {
        let list = server.run(&["CLIENT", "LIST"])?;
        let ours = list.lines().filter(|line| line.contains(&format!(" name={NAME} ")));
        Ok(ours.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
    }

    async fn write(conn: &mut RedisConnection, number: i64) -> Result<(), RedisError> {
        Ok(cmd("ZADD").arg(WRITTEN).arg(number).arg(number).exec_async(conn).await?)
    }

    async fn read(conn: &mut RedisConnection) -> Result<(), RedisError> {
        // Who waits in a blocking command is sent away when a server turns to another primary, so this is asked piecewise.
        for _ in 0..4 {
            cmd("ZCARD").arg(WRITTEN).exec_async(conn).await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn shows(conn: &mut RedisConnection, sign: Sign) -> Result<bool, RedisError> {
        match sign {
            Sign::Promoted => {
                let role: Vec<Value> = cmd("ROLE").query_async(conn).await?;
                let role = role.into_iter().next().unwrap_or(Value::Nil);
                Ok(String::from_redis_value(role).is_ok_and(|role| role == "master"))
            }
            Sign::FarBehind => {
                let info: String = cmd("INFO").arg("replication").query_async(conn).await?;
                let seconds = info
                    .lines()
                    .find_map(|line| line.strip_prefix("master_link_down_since_seconds:"));
                Ok(seconds.and_then(|text| text.trim().parse().ok()).is_some_and(|n: i64| n >= 10))
            }
        }
    }
}
