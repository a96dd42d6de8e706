//! A file as the source, on a real file system and in real time: whatever is done to it, the list that it ends with is
//! followed, and what cannot be used changes nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cenote::Node;
use cenote::env::Tokio;
use cenote_cluster::discovery::{Discovery, FileSource, Update, file};
use cenote_cluster::{Cluster, Route};
use cenote_testkit::Script;
use tempfile::TempDir;

/// A folder, and a source that reads `nodes.toml` in it quickly.
struct World {
    folder: TempDir,
    source: FileSource,
    env: Tokio,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let source = file(folder.path().join("nodes.toml")).every(Duration::from_millis(20));
        World { folder, source, env: Tokio::current().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, names: &str) {
        fs::write(self.path("nodes.toml"), listing(names)).unwrap();
    }

    async fn next(&mut self) -> Update {
        let next = tokio::time::timeout(Duration::from_secs(20), self.source.next(&self.env));
        next.await.expect("it says something").expect("it goes on")
    }

    /// The keys of the next list, or why there is none.
    async fn says(&mut self) -> String {
        let update = self.next().await;
        match update.nodes() {
            Some(nodes) => nodes.iter().map(Node::key).collect::<Vec<_>>().join(" "),
            None => told(&update, self.folder.path()),
        }
    }
}

/// A node file with these nodes.
fn listing(names: &str) -> String {
    let node = |name: &str| format!("[[nodes]]\nkey = '{name}'\naddress = '{name}'\n");
    let nodes: String = names.split_whitespace().map(node).collect();
    if nodes.is_empty() { "nodes = []\n".to_owned() } else { nodes }
}

/// Why it failed, without the name of the folder.
fn told(update: &Update, folder: &Path) -> String {
    update.error().unwrap().replace(&format!("{}/", folder.display()), "")
}

// D-1
#[tokio::test]
async fn written_renamed_or_behind_a_symlink_what_it_lists_in_the_end_is_said() {
    let mut world = World::new();
    world.write("a b");
    assert_eq!(world.says().await, "a b");
    world.write("a b c");
    assert_eq!(world.says().await, "a b c");
    fs::write(world.path("beside"), listing("a c")).unwrap();
    fs::rename(world.path("beside"), world.path("nodes.toml")).unwrap();
    assert_eq!(world.says().await, "a c");
    // As a mounted configuration does it: the file is a link through a link that is turned.
    for (folder, names) in [("one", "d"), ("two", "d e")] {
        fs::create_dir(world.path(folder)).unwrap();
        fs::write(world.path(folder).join("nodes.toml"), listing(names)).unwrap();
    }
    symlink("one", world.path("data")).unwrap();
    symlink("data/nodes.toml", world.path("link")).unwrap();
    fs::rename(world.path("link"), world.path("nodes.toml")).unwrap();
    assert_eq!(world.says().await, "d");
    symlink("two", world.path("data-new")).unwrap();
    fs::rename(world.path("data-new"), world.path("data")).unwrap();
    assert_eq!(world.says().await, "d e");
    // Written again with the same content, touched, replaced by its like: nothing is said, so what is said next is this.
    fs::write(world.path("two/nodes.toml"), listing("d e")).unwrap();
    fs::write(world.path("beside"), listing("d e")).unwrap();
    fs::rename(world.path("beside"), world.path("nodes.toml")).unwrap();
    fs::write(world.path("nodes.toml"), listing("d e f")).unwrap();
    assert_eq!(world.says().await, "d e f");
}

// D-1
#[tokio::test]
async fn events_and_the_look_each_second_find_a_change_by_themselves() {
    for (every, events) in [(3_600_000, true), (20, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nodes.toml");
        let source = file(&path).every(Duration::from_millis(every));
        let source = if events { source } else { source.without_events() };
        let mut world = World { folder, source, env: Tokio::current().unwrap() };
        world.write("a");
        assert_eq!(world.says().await, "a");
        world.write("a b");
        assert_eq!(world.says().await, "a b", "events: {events}");
    }
}

// D-3, S
#[tokio::test]
async fn what_cannot_be_used_is_told_with_file_line_and_rule_and_then_what_can() {
    let mut world = World::new();
    let path = world.path("nodes.toml");
    assert_eq!(
        world.says().await,
        "node file nodes.toml: it does not exist: create it, or correct the path"
    );
    world.write("a b");
    assert_eq!(world.says().await, "a b");
    let half = listing("a b");
    fs::write(&path, &half[..half.len() - 5]).unwrap();
    let broken = world.says().await;
    assert!(broken.starts_with("node file nodes.toml, line 6: it is no TOML: "), "{broken}");
    fs::write(&path, b"# caf\xe9\n").unwrap();
    assert_eq!(
        world.says().await,
        "node file nodes.toml, line 1: it is no UTF-8 text from here on: save it as UTF-8"
    );
    fs::write(&path, "").unwrap();
    assert_eq!(
        world.says().await,
        "node file nodes.toml, line 1: it lists no nodes: begin with [[nodes]], or say nodes = [] if there are none"
    );
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(
        world.says().await,
        "node file nodes.toml: it is larger than 4 MiB: it should list nodes and nothing else"
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(
        world.says().await,
        "node file nodes.toml: it is no regular file: name one that lists nodes"
    );
    fs::remove_dir(&path).unwrap();
    world.write("a b a");
    let twice = world.next().await;
    assert_eq!(twice.nodes().unwrap().len(), 2);
    let remark = twice.remarks().next().unwrap();
    assert!(
        remark.ends_with(
            "nodes.toml, line 7: node \"a\" is listed twice: the entry in line 1 counts"
        ),
        "{remark}"
    );
    world.write("");
    assert_eq!(world.says().await, "");
}

// D-3, S
#[tokio::test]
async fn a_file_that_may_not_be_read_and_a_pipe_hold_up_nobody() {
    let mut world = World::new();
    let path = world.path("nodes.toml");
    world.write("a");
    assert_eq!(world.says().await, "a");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever is root may read it all the same, and then nothing has changed.
    let may_read = fs::read(&path).is_ok();
    if !may_read {
        assert_eq!(
            world.says().await,
            "node file nodes.toml: it may not be read: give this process the right to, or correct the path"
        );
    }
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert_eq!(
        world.says().await,
        "node file nodes.toml: it is no regular file: name one that lists nodes"
    );
}

// D-1, D-2
#[tokio::test]
async fn a_cluster_follows_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nodes.json");
    let write = |names: &[&str]| {
        let node = |name: &&str| format!("{{\"key\": \"{name}\", \"address\": \"{name}\"}}");
        let nodes: Vec<String> = names.iter().map(node).collect();
        fs::write(&path, format!("{{\"nodes\": [{}]}}", nodes.join(", "))).unwrap();
    };
    write(&["a", "b", "c"]);
    let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
        .discover(file(&path))
        .build_ready()
        .await
        .unwrap();
    let becomes = async |wanted: &[&str]| {
        let there = || cluster.nodes().iter().map(|node| node.key().to_owned()).collect::<Vec<_>>();
        let turned = async {
            while there() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let turned = tokio::time::timeout(Duration::from_secs(2), turned).await;
        turned.unwrap_or_else(|_| panic!("{:?}, not {wanted:?}, after 2 s", there()));
    };
    becomes(&["a", "b", "c"]).await;
    write(&["a", "b", "c", "d"]);
    becomes(&["a", "b", "c", "d"]).await;
    write(&["b", "c", "d"]);
    becomes(&["b", "c", "d"]).await;
    drop(cluster.route(Route::any()).await.unwrap());
    assert_eq!(cluster.status().sources[0].reasons(), Vec::<String>::new());
}

// D-1, P-33
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_thread_that_reads_ends_with_the_source() {
    // Of this test alone: the name of a thread is that of its file, seen in the folder that it reads.
    let mut world = World::new();
    world.write("a");
    assert_eq!(world.says().await, "a");
    let folder = world.folder.path().to_path_buf();
    // Its watch of the folder is an open file of this process; with the thread it goes.
    let inode =
        fs::metadata(&folder).map(|meta| std::os::unix::fs::MetadataExt::ino(&meta)).unwrap();
    let watched = || {
        let infos = fs::read_dir("/proc/self/fdinfo").unwrap();
        let infos = infos.filter_map(|info| fs::read_to_string(info.ok()?.path()).ok());
        infos.into_iter().any(|info| info.contains(&format!("ino:{inode:x} ")))
    };
    assert!(watched());
    drop(world.source);
    let ended = async {
        while watched() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends");
}
