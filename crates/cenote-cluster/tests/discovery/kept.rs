//! A source that is remembered in a file.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cenote::env::Tokio;
use cenote::{Node, Role};
use cenote_cluster::discovery::{Discovery, NodeFile, Update, kept, push};

fn some() -> Vec<Node> {
    let first =
        Node::new("a", "postgres://me:pass\"word@x/y").role(Role::Primary).weight(3).backup(2);
    vec![first.zone("eu").group("g").tag("t1").tag("t2"), Node::new("b", "x").weight(0)]
}

// D-3
#[tokio::test]
async fn what_a_source_said_last_is_there_when_the_next_life_begins_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.json");
    let env = Tokio::current().unwrap();
    let (registry, pushed) = push();
    let mut source = kept(pushed, &path);
    registry.all(some());
    assert_eq!(source.next(&env).await, Some(Update::all(some())));
    assert_eq!(NodeFile::read(&path).unwrap().nodes, some());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds passwords");
    registry.change(["b".to_owned()], [Node::new("c", "z")]);
    source.next(&env).await.unwrap();
    // Nothing, and that nothing is known, is not worth remembering.
    registry.all([]);
    source.next(&env).await.unwrap();
    registry.failed("away");
    source.next(&env).await.unwrap();
    let last = vec![some().remove(0), Node::new("c", "z")];
    assert_eq!(NodeFile::read(&path).unwrap().nodes, last);

    let (registry, pushed) = push();
    let mut source = kept(pushed, &path);
    registry.failed("away");
    let remembered = source.next(&env).await.unwrap();
    assert_eq!(remembered.nodes(), Some(&last[..]));
    let remark = remembered.remarks().next().unwrap();
    assert_eq!(remark, format!("these nodes are from {}", path.display()));
    assert_eq!(source.next(&env).await, Some(Update::failed("away")));
    // Only once; and a change is one of what the source said, which was nothing.
    registry.failed("still away");
    assert_eq!(source.next(&env).await, Some(Update::failed("still away")));
    registry.change([], [Node::new("d", "d")]);
    assert_eq!(source.next(&env).await, Some(Update::all([Node::new("d", "d")])));
}

// D-3, S
#[tokio::test]
async fn what_a_crash_left_behind_opens_the_file_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.json");
    let beside = folder.path().join(format!("kept.json.{}", std::process::id()));
    fs::write(&beside, "half of").unwrap();
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
    let (registry, pushed) = push();
    registry.all(some());
    kept(pushed, &path).next(&Tokio::current().unwrap()).await.unwrap();
    assert_eq!(NodeFile::read(&path).unwrap().nodes, some());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

// D-3, S
#[tokio::test]
async fn a_file_that_cannot_be_used_or_written_is_no_reason_to_fail() {
    let folder = tempfile::tempdir().unwrap();
    let env = Tokio::current().unwrap();
    let (registry, pushed) = push();
    let mut source = kept(pushed, folder.path().join("no/such/folder.json"));
    registry.failed("away");
    assert_eq!(source.next(&env).await, Some(Update::failed("away")));
    registry.all(some());
    let update = source.next(&env).await.unwrap();
    assert_eq!(update.nodes(), Some(&some()[..]));
    let remark = update.remarks().next().unwrap();
    assert!(remark.contains("cannot be kept in") && remark.contains("No such file"), "{remark}");
    let broken = folder.path().join("kept.json");
    fs::write(&broken, "{\"nodes\": [").unwrap();
    let (registry, pushed) = push();
    registry.failed("away");
    let mut source = kept(pushed, broken);
    assert_eq!(source.next(&env).await, Some(Update::failed("away")));
}
