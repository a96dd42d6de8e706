//! PostgreSQL: a primary and two standbys that stream.

use cenote::Node;
use cenote_postgres::{Postgres as Manager, PostgresConnection, PostgresError};
use cenote_testkit::servers::ServerError;
use cenote_testkit::servers::postgres::Server;

use super::{Kind, NAME, Sign};

pub(crate) struct Postgres;

impl Kind for Postgres {
    type Manager = Manager;
    type Server = Server;

    const EPOCHS: bool = true;

    fn manager(node: &Node) -> Result<Manager, PostgresError> {
        Ok(Manager::to(node)?.application_name(NAME))
    }

    fn start() -> Result<[Server; 3], ServerError> {
        let primary = Server::start()?;
        primary.run_sql("CREATE TABLE written (n bigint NOT NULL)")?;
        let (b, c) = (primary.standby()?, primary.standby()?);
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
        server.run_sql("SELECT pg_wal_replay_pause()").map(drop)
    }

    fn let_go(server: &Server) -> Result<(), ServerError> {
        server.run_sql("SELECT pg_wal_replay_resume()").map(drop)
    }

    fn write_past(server: &Server) -> Result<(), ServerError> {
        server.run_sql("INSERT INTO written VALUES (-1)").map(drop)
    }

    fn written_since(server: &Server, number: i64) -> Result<usize, ServerError> {
        let said = server.run_sql(&format!("SELECT n FROM written WHERE n >= {number}"))?;
        Ok(said.lines().count())
    }

    fn sessions(server: &Server) -> Result<Vec<String>, ServerError> {
        let question = format!(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE application_name = '{NAME}'"
        );
        Ok(server.run_sql(&question)?.lines().map(str::to_owned).collect())
    }

    async fn write(conn: &mut PostgresConnection, number: i64) -> Result<(), PostgresError> {
        conn.execute("INSERT INTO written VALUES ($1)", &[&number]).await.map(drop)
    }

    async fn read(conn: &mut PostgresConnection) -> Result<(), PostgresError> {
        conn.query_one("SELECT pg_sleep(0.02)", &[]).await.map(drop)
    }

    async fn shows(conn: &mut PostgresConnection, sign: Sign) -> Result<bool, PostgresError> {
        let question = match sign {
            Sign::Promoted => "SELECT NOT pg_is_in_recovery()",
            Sign::FarBehind => {
                "SELECT clock_timestamp() - pg_last_xact_replay_timestamp() > interval '10 s'"
            }
        };
        Ok(conn.query_one(question, &[]).await?.get::<_, Option<bool>>(0) == Some(true))
    }
}
