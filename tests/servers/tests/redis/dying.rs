//! Connections and servers that die.

use cenote::Fault;
use cenote_redis::redis::{AsyncCommands, cmd};
use cenote_redis::{RedisConnection, RedisError};
use cenote_server_tests::dying::{
    self, End, Mortal, killed_at_rest, whole_two_seconds_after_its_server,
};

use super::{Here, pool, run, server};

impl Mortal for Here {
    const FAULTS: &'static [Fault] = &[Fault::Connection];
    const ENDS: &'static [End<Here>] =
        &[("stopped", |here| here.0.stop().unwrap()), ("killed", |here| here.0.kill())];
    const ANSWERS_GOODBYES: bool = true;
    const NOTICES: bool = true;

    fn start_again(&self) {
        self.0.start_again().unwrap();
    }

    fn kill_all(&self) -> usize {
        let list = self.0.run(&["CLIENT", "LIST"]).unwrap();
        let ours = list.lines().filter(|line| line.contains(" name=pool "));
        let id = |line: &str| line.split([' ', '=']).nth(1).unwrap().to_owned();
        let killed = ours.map(|line| self.0.run(&["CLIENT", "KILL", "ID", &id(line)]).unwrap());
        killed.filter(|n| n == "1").count()
    }

    async fn request(conn: &mut RedisConnection) -> Result<(), RedisError> {
        conn.blpop::<_, Option<(String, String)>>("none", 0.01).await?;
        Ok(())
    }

    async fn quick(conn: &mut RedisConnection) -> Result<(), RedisError> {
        Ok(cmd("PING").exec_async(conn).await?)
    }

    async fn long(conn: &mut RedisConnection) -> Result<(), RedisError> {
        conn.blpop::<_, Option<(String, String)>>("none", 1.0).await?;
        Ok(())
    }
}

// P-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_while_they_rest_are_never_lent() {
    killed_at_rest(Here(server().await)).await;
}

// P-13, P-18, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_whole_two_seconds_after_its_server() {
    whole_two_seconds_after_its_server(Here(server().await)).await;
}

// P-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_never_counts_more_than_max_size() {
    dying::never_more_than_max_size(Here(server().await)).await;
}

// P-14
#[tokio::test]
async fn a_connection_that_ended_says_so() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    run(&server, "CLIENT KILL TYPE normal SKIPME yes").await;
    let error = loop {
        if let Err(error) = cmd("PING").exec_async(&mut *conn).await {
            break RedisError::from(error);
        }
    };
    assert_eq!(error.fault(), Fault::Connection, "{error}");
    let again = RedisError::from(cmd("PING").exec_async(&mut *conn).await.unwrap_err());
    assert_eq!(again.fault(), Fault::Connection, "{again}");
    assert!(again.to_string().contains("the connection has ended"), "{again}");
}
