//! `cenote nodes`: what a node file says, what a cluster would make of it, and whether the file is in order.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::program::{cenote, run, stderr, stdout};

const TWO: &str = "[[nodes]]\nkey = 'db-1'\naddress = 'postgres://me:hunter2@a/b'\nrole = 'primary'\n\
    tags = ['ssd']\n[[nodes]]\nkey = 'db-2'\naddress = 'x'\nrole = 'replica'\nweight = 2\nzone = 'eu'\n";

// D-1, S
#[test]
fn it_shows_what_a_file_lists_without_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nodes.toml");
    fs::write(&path, TWO).unwrap();
    let source = format!("file:{}", path.display());
    let output = run(&["nodes", "--source", &source]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        format!(
            "file {} lists 2 nodes\n  + db-1, primary, weight 1, tags ssd\n  + db-2, replica, weight 2, zone eu\n",
            path.display()
        )
    );
    let output = run(&["nodes", "--source", &source, "--check"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), format!("node file {}: 2 nodes, in order\n", path.display()));
}

// S
#[test]
fn keys_that_are_urls_are_shown_without_their_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nodes.toml");
    let one = "[[nodes]]\nkey = 'redis://:hunter2@a'\naddress = 'x'\n";
    let source = format!("file:{}", path.display());
    fs::write(&path, one).unwrap();
    let shown = stdout(&run(&["nodes", "--source", &source]));
    assert!(shown.contains("  + redis://...@a, weight 1\n"), "{shown}");
    // In what is wrong with it as well.
    fs::write(&path, format!("{one}{one}")).unwrap();
    for check in [&["--check"][..], &[]] {
        let output = run(&[&["nodes", "--source", &source], check].concat());
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains("is listed twice"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

// D-3, S
#[test]
fn a_file_that_is_not_in_order_is_told_with_its_place_and_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nodes.toml");
    let shown = path.display().to_string();
    let source = format!("file:{shown}");
    let twice = format!("{TWO}[[nodes]]\nkey = 'db-2'\naddress = 'y'\n");
    for (text, told) in [
        (
            TWO.replace("'primary'", "'boss'"),
            ", line 4: node \"db-1\": its role must be \"primary\" or \"replica\"",
        ),
        (twice, ", line 12: node \"db-2\" is listed twice: the entry in line 6 counts"),
        (
            "nodes = []".to_owned(),
            ": it lists no node, which a cluster takes for a mistake: list one at least",
        ),
    ] {
        fs::write(&path, &text).unwrap();
        let output = run(&["nodes", "--source", &source, "--check"]);
        assert_eq!(stderr(&output), format!("error: node file {shown}{told}\n"));
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""));
    }
    fs::remove_file(&path).unwrap();
    for check in [&["--check"][..], &[]] {
        let output = run(&[&["nodes", "--source", &source], check].concat());
        let told = format!(
            "error: node file {shown}: it does not exist: create it, or correct the path\n"
        );
        assert_eq!((output.status.code(), stderr(&output)), (Some(1), told));
    }
    for source in ["nodes.toml", "file:", "http://me:hunter2@host", "dns:db", "dns::1", "srv:", ""]
    {
        let output = run(&["nodes", "--source", source]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("as in file:nodes.toml") && !told.contains("hunter2"), "{told}");
    }
    for (source, says) in [
        ("etcd:me:hunter2@host/n/", "begins with its scheme"),
        ("etcd:http://me:hunter2@host", "has no prefix"),
        ("etcd:http://me:hun@ter2@host/n/", "tears it apart"),
        ("etcd:http://me:hunter2@host/n/?x=1", "a parameter that is not known"),
    ] {
        let output = run(&["nodes", "--source", source]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.starts_with("error: --source: the URL of etcd"), "{told}");
        assert!(told.contains(says) && !told.contains("ter2"), "{told}");
    }
}

// D-1, D-3
#[test]
fn watched_it_tells_what_would_be_done_as_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nodes.toml");
    let put = |text: &str| {
        let beside = folder.path().join("beside");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, &path).unwrap();
    };
    put(TWO);
    let source = format!("file:{}", path.display());
    let mut child = cenote()
        .args(["nodes", "--source", &source, "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = |end: &str| {
        let mut seen = Vec::new();
        loop {
            let line = lines.next().expect("it goes on").unwrap();
            let ends = line.starts_with(end);
            seen.push(line);
            if ends {
                return seen;
            }
        }
    };
    until("  + db-2");
    put(&TWO.replace("weight = 2", "weight = 3"));
    assert_eq!(until("  ~").last().unwrap(), "  ~ db-2, replica, weight 3, zone eu");
    put("nodes = [");
    let told = until("  !").pop().unwrap();
    assert!(
        told.contains("line 1: it is no TOML") && told.ends_with("the nodes stay as they are"),
        "{told}"
    );
    put("nodes = [{ key = 'db-9', address = 'x' }]");
    let told = until("  ! takes");
    assert!(told.contains(&"  + db-9, weight 1".to_owned()), "{told:?}");
    assert!(
        told.last().unwrap().starts_with("  ! takes away more than half of 2 nodes at once"),
        "{told:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
