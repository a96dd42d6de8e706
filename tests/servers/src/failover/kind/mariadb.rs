//! MariaDB: a primary and two replicas by GTID. The requests come from somebody who is no superuser, whom `read_only`
//! binds.

use cenote::Node;
use cenote_mysql::{Mysql as Manager, MysqlConnection, MysqlError};
use cenote_testkit::servers::ServerError;
use cenote_testkit::servers::mariadb::Server;

use super::{Kind, NAME, Sign};

pub(crate) struct Mariadb;

const SECRET: &str = "secret";

impl Kind for Mariadb {
    type Manager = Manager;
    type Server = Server;

    const EPOCHS: bool = false;

    fn manager(node: &Node) -> Result<Manager, MysqlError> {
        Manager::to(node)
    }

    fn start() -> Result<[Server; 3], ServerError> {
        let primary = Server::start()?;
        primary.run_sql(&format!(
            "CREATE TABLE written (n bigint NOT NULL, at timestamp(6) DEFAULT CURRENT_TIMESTAMP(6), INDEX (at)); \
             CREATE USER {NAME} IDENTIFIED BY '{SECRET}'; GRANT ALL ON cenote.* TO {NAME}; \
             GRANT REPLICA MONITOR ON *.* TO {NAME}"
        ))?;
        let (b, c) = (primary.replica()?, primary.replica()?);
        Ok([primary, b, c])
    }

    /// A connection that rests does not know that its server has died, so each is tested before it is lent.
    fn url(server: &Server) -> String {
        server.url_for(NAME, SECRET, "cenote") + "?pool_test_on_acquire=always"
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
        server.run_sql("STOP SLAVE SQL_THREAD").map(drop)
    }

    fn let_go(server: &Server) -> Result<(), ServerError> {
        server.run_sql("START SLAVE SQL_THREAD").map(drop)
    }

    fn write_past(server: &Server) -> Result<(), ServerError> {
        server.run_sql("INSERT INTO written (n) VALUES (-1)").map(drop)
    }

    fn written_since(server: &Server, number: i64) -> Result<usize, ServerError> {
        let said = server.run_sql(&format!("SELECT n FROM written WHERE n >= {number}"))?;
        Ok(said.lines().count())
    }

    fn sessions(server: &Server) -> Result<Vec<String>, ServerError> {
        let question =
            format!("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{NAME}'");
        Ok(server.run_sql(&question)?.lines().map(str::to_owned).collect())
    }

    async fn write(conn: &mut MysqlConnection, number: i64) -> Result<(), MysqlError> {
        conn.exec_drop("INSERT INTO written (n) VALUES (?)", (number,)).await
    }

    async fn read(conn: &mut MysqlConnection) -> Result<(), MysqlError> {
        conn.query_drop("DO SLEEP(0.02)").await
    }

    async fn shows(conn: &mut MysqlConnection, sign: Sign) -> Result<bool, MysqlError> {
        let question = match sign {
            Sign::Promoted => "SELECT NOT @@read_only",
            Sign::FarBehind => "SELECT MAX(at) < NOW(6) - INTERVAL 10 SECOND FROM written",
        };
        Ok(conn.query_first::<Option<bool>, _>(question).await?.flatten() == Some(true))
    }
}
