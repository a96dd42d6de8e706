//! The program behind `cargo xtask servers`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cenote-servers"))
}

#[test]
fn servers_are_up_until_they_are_interrupted() {
    let mut up = program().args(["up", "--standbys", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(up.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = lines.take_while(|line| !line.starts_with("They run")).collect();
    let url = |line: usize, what: &str| lines[line].strip_prefix(what).unwrap().trim().to_owned();
    let (primary, standby) = (url(0, "primary"), url(1, "standby"));
    let ask = |url: &str| {
        let psql = ["-X", "-A", "-t", url, "-c", "SELECT pg_is_in_recovery()"];
        let output = Command::new("psql").args(psql).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!((ask(&primary).as_str(), ask(&standby).as_str()), ("f", "t"));
    let (mariadb, replica) = (url(2, "mariadb"), url(3, "replica"));
    assert!([mariadb, replica].iter().all(|url| url.starts_with("mysql://root:")));
    let role = |url: &str| {
        let output = Command::new("redis-cli").args(["-u", url, "ROLE"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
    };
    let (redis, replica) = (url(4, "redis"), url(5, "replica"));
    assert_eq!((role(&redis).as_str(), role(&replica).as_str()), ("master", "slave"));
    let etcd = url(6, "etcd");
    let healthy = |url: &str| {
        let mut ctl = Command::new("etcdctl");
        let output =
            ctl.args(["--endpoints", url, "--dial-timeout=1s", "endpoint", "health"]).output();
        output.unwrap().status.success()
    };
    assert!(healthy(&etcd));
    let pid = Pid::from_raw(up.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert!(up.wait().unwrap().success());
    assert_eq!((ask(&primary).as_str(), ask(&standby).as_str()), ("", ""));
    assert!(!role(&redis).contains("master"), "it has ended");
    assert!(!healthy(&etcd));
}

#[test]
fn nothing_is_missing_here_and_without_a_path_the_package_is_named() {
    let said = |program: &mut Command| {
        let output = program.arg("missing").output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(said(&mut program()), "");
    assert!(said(program().env("PATH", "")).contains("TLS\topenssl\topenssl\n"));
}
