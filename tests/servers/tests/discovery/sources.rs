//! The source dies, empties, loses most of its nodes, lists one twice and is garbage; nothing healthy is lost.

use std::fs;

use crate::world::{Load, World, until};

const ALL: [&str; 3] = ["a", "b", "c"];

// D-3, S
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_file_nothing_healthy_is_lost_and_the_reason_is_told() {
    let world = World::start("a1 b1 c1").await;
    until("all are there", || world.nodes() == "a1 b1 c1").await;
    let load = Load::begin(&world.cluster);
    load.more(&ALL, 20).await;
    let closed = world.closed(&ALL);
    let shown = world.file().display().to_string();
    let well = fs::read_to_string(world.file()).unwrap();
    let reasons = || world.cluster.status().sources[0].reasons().join("; ");
    // The log says so a moment after the status.
    let told = async |reason: &str, line: &str| {
        until(reason, || reasons().contains(reason)).await;
        until(line, || world.log.lock().unwrap().join("\n").contains(line)).await;
        load.more(&ALL, 20).await;
        let log = std::mem::take(&mut *world.log.lock().unwrap()).join("\n");
        assert!(world.nodes().starts_with("a1 b1 c1"), "{}", world.nodes());
        log
    };
    let back = async || {
        world.write(&well);
        until("it is well again", || reasons().is_empty()).await;
    };

    fs::remove_file(world.file()).unwrap();
    let log = told(&format!("node file {shown}: it does not exist"), "it does not exist").await;
    assert!(log.contains("source \"file "), "{log}");
    back().await;

    world.write("nodes = []\n");
    let mistake = "lists no node, which is taken for a mistake";
    told(mistake, &format!("{mistake}: 3 stay")).await;
    back().await;

    world.list("b1");
    let half = "takes away more than half of 3 nodes at once: 2 that work stay";
    told("a is held for another", half).await;
    back().await;

    world.write(&format!("{well}\n[[nodes]]\nkey = \"b\"\naddress = \"postgres://elsewhere/x\"\n"));
    let line = well.lines().count() + 2;
    let twice = format!(
        "node file {shown}, line {line}: node \"b\" is listed twice: the entry in line 6 counts"
    );
    told(&twice, &twice).await;
    back().await;

    world.write(&well.replace("weight = 1", "weight = \"heavy\""));
    let wrong = format!("node file {shown}, line 4: node \"a\": its weight must be a whole number");
    let log = told(&wrong, &wrong).await;
    assert!(!log.contains("postgres://"), "{log}");
    fs::write(world.file(), b"\xff\xfe garbage").unwrap();
    let text = format!("node file {shown}, line 1: it is no UTF-8 text");
    told(&text, &text).await;
    back().await;

    // An address that is none, of a node that is there and of one that is not.
    let wrong = well.replacen("postgres://", "mysql://", 1);
    world.write(&format!("{wrong}\n[[nodes]]\nkey = \"d\"\naddress = \"nonsense\"\n"));
    let (a, d) =
        ("node \"a\" cannot be used: node \"a\": ", "node \"d\" cannot be used: node \"d\": ");
    told(a, d).await;
    back().await;

    assert_eq!(load.end().await, Vec::<String>::new(), "nobody failed in all this");
    assert_eq!(world.closed(&ALL), closed, "no connection was closed in all this");
    for key in ALL {
        assert!(world.sessions(key) > 0);
    }
    world.end().await;
}
