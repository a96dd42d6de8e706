//! A MariaDB server and its replicas, and all that can be done to them.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use cenote_testkit::servers::mariadb::{Server, Settings};

use crate::said;

#[test]
fn a_server_answers_and_ends_with_its_value() {
    let server = Settings::new().max_connections(20).set("wait_timeout", 77).start().unwrap();
    assert_eq!(server.run_sql("SELECT 6 * 7, 'a'; SELECT 2").unwrap(), "42\ta\n2");
    assert_eq!(
        server.run_sql("SELECT @@max_connections, @@wait_timeout, @@bind_address").unwrap(),
        "20\t77\t127.0.0.1"
    );
    let error = said(server.run_sql("SELECT 1; SELECT nothing"));
    assert!(error.contains("mariadb failed") && error.contains("Unknown column"), "{error}");
    assert!(
        !error.contains(server.password()) && !format!("{server:?}").contains(server.password())
    );
    // Only who has the password.
    server.run_sql("CREATE USER app IDENTIFIED BY 'se/cret'").unwrap();
    let url = format!("mysql://app:se%2Fcret@127.0.0.1:{}/shop", server.port());
    assert_eq!(server.url_for("app", "se/cret", "shop"), url);
    let accounts = "SELECT GROUP_CONCAT(User, '@', Host ORDER BY User) FROM mysql.global_priv \
        WHERE JSON_VALUE(Priv, '$.account_locked') IS NULL";
    assert_eq!(server.run_sql(accounts).unwrap(), "app@%,root@127.0.0.1");

    let (address, folder) = (server.address(), server.data());
    assert!(TcpStream::connect(address).is_ok() && folder.is_dir());
    let pid = server.pid().unwrap();
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.parent().unwrap().exists());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    let error = said(Settings::new().set("nothing_like_this", 1).start());
    assert!(error.contains("mariadb failed") && error.contains("nothing_like_this"), "{error}");
}

#[test]
fn what_is_committed_outlives_every_end() {
    let server = Server::start().unwrap();
    let port = server.port();
    server.run_sql("CREATE TABLE step (name text)").unwrap();
    let ends: [(&str, &dyn Fn()); 3] = [
        ("stopped", &|| server.stop().unwrap()),
        ("killed", &|| server.kill()),
        ("killed when frozen", &|| {
            server.freeze();
            server.kill();
        }),
    ];
    for (at, (how, end)) in ends.iter().enumerate() {
        server.run_sql(&format!("INSERT INTO step VALUES ('{how}')")).unwrap();
        end();
        assert!(TcpStream::connect(server.address()).is_err(), "{how}");
        assert!(said(server.run_sql("SELECT 1")).contains("Can't connect"), "{how}");
        server.start_again().unwrap();
        assert_eq!(server.port(), port);
        let count = server.run_sql("SELECT COUNT(*) FROM step").unwrap();
        assert_eq!(count, (at + 1).to_string(), "{how}");
    }
    // A frozen one takes connections and answers nothing.
    server.freeze();
    let mut conn = TcpStream::connect(server.address()).unwrap();
    conn.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let silence = conn.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence:?}");
    server.thaw();
    conn.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    conn.read_exact(&mut [0]).unwrap();
}

#[test]
fn replicas_have_what_their_primary_has_and_take_its_place() {
    let old = Server::start().unwrap();
    old.run_sql(
        "CREATE TABLE item AS SELECT 1 AS id; CREATE USER app; GRANT ALL ON cenote.* TO app",
    )
    .unwrap();
    let (new, other) = (old.replica().unwrap(), old.replica().unwrap());
    assert_eq!(new.run_sql("SELECT @@read_only, id FROM item").unwrap(), "1\t1");
    old.run_sql("INSERT INTO item VALUES (2)").unwrap();
    new.catch_up(&old).unwrap();
    assert_eq!(new.run_sql("SELECT SUM(id) FROM item").unwrap(), "3");
    assert!(said(old.promote()).contains("it is no replica"));
    // One that is started again follows again, and one that is promoted stays it.
    other.restart().unwrap();
    old.run_sql("INSERT INTO item VALUES (3)").unwrap();
    for replica in [&new, &other] {
        replica.catch_up(&old).unwrap();
    }
    old.kill();
    new.promote().unwrap();
    new.restart().unwrap();
    assert_eq!(new.run_sql("SELECT @@read_only").unwrap(), "0");
    new.run_sql("INSERT INTO item VALUES (4)").unwrap();
    other.follow(&new).unwrap();
    // What only the old one has is lost.
    let port = old.port();
    old.start_again().unwrap();
    old.run_sql("INSERT INTO item VALUES (100)").unwrap();
    old.follow(&new).unwrap();
    assert_eq!(old.port(), port);
    for (replica, name) in [(&other, "other"), (&old, "old")] {
        replica.catch_up(&new).unwrap();
        let said = replica.run_sql("SELECT @@read_only; SELECT SUM(id) FROM item").unwrap();
        assert_eq!(said, "1\n10", "{name}");
    }
    new.kill();
    assert!(said(new.replica()).contains("mariadb does not run at the moment"));
    assert!(said(other.follow(&new)).contains("mariadb does not run at the moment"));
}
