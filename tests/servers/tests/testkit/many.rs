//! Servers of one process and of several do not get in each other's way.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use cenote_testkit::servers::postgres::Server;

const CHILD: &str = "CENOTE_MANY_CHILD";

#[test]
fn servers_that_start_together_have_ports_and_data_of_their_own() {
    if std::env::var_os(CHILD).is_some() {
        let server = Server::start().unwrap();
        println!("\nport {}", server.port());
        // Until the pipe is closed.
        std::io::read_to_string(std::io::stdin()).unwrap();
        return;
    }
    let name = "many::servers_that_start_together_have_ports_and_data_of_their_own";
    let children: Vec<_> = (0..3)
        .map(|_| {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", name, "--nocapture"]).env(CHILD, "1");
            child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let ours: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(|| Server::start().unwrap())).collect();
        starting.into_iter().map(|server| server.join().unwrap()).collect()
    });
    for (server, n) in ours.iter().zip(1..) {
        server.run_sql(&format!("CREATE TABLE whose AS SELECT {n} AS n")).unwrap();
    }
    for (server, n) in ours.iter().zip(1..) {
        assert_eq!(server.run_sql("SELECT n FROM whose").unwrap(), n.to_string());
    }
    let mut ports: BTreeSet<u16> = ours.iter().map(Server::port).collect();
    for mut child in children {
        use std::io::{BufRead, BufReader};
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let port = lines.find_map(|line| line.strip_prefix("port ")?.parse().ok());
        ports.insert(port.expect("the child has a server"));
        drop(child.stdin.take());
        assert!(lines.any(|line| line.contains("1 passed")));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(ports.len(), 6);
}
