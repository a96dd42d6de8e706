//! The short form of the soak: a few seconds of load with debug assertions. It holds everything that the long form does
//! but the memory, which says nothing before a minute has gone; and each kind of leak is found.

use std::process::{Child, Command, Output, Stdio};

fn soak(words: &[&str]) -> Child {
    let mut soak = Command::new(env!("CARGO_BIN_EXE_cenote-soak"));
    soak.args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What it printed, and whether it ended well.
fn end(soak: Child) -> (String, bool) {
    let Output { status, stdout, stderr } = soak.wait_with_output().unwrap();
    let told = [stderr, stdout].map(|text| String::from_utf8(text).unwrap()).concat();
    (told, status.success())
}

// P-20, P-21, P-22, P-23, P-25, P-26, P-33
#[test]
fn after_full_load_with_faults_nothing_is_left_behind() {
    let (told, well) = end(soak(&["--seconds", "6", "--seed", "1"]));
    assert!(well, "{told}");
    assert_eq!(told.lines().last(), Some("verdict: nothing is left behind"), "{told}");
    assert!(told.contains("round 2 of 2: "), "{told}");
}

#[test]
fn a_leak_of_each_kind_is_found() {
    let mut kinds = vec![("connection", "lost connections"), ("task", " tasks are left")];
    if cfg!(target_os = "linux") {
        kinds.extend([("thread", " threads are left"), ("file", " file descriptors are left")]);
    }
    let begin = |(kind, found)| {
        let words = ["--seconds", "1", "--patience", "2", "--seed", "1", "--leak", kind];
        (kind, found, soak(&words))
    };
    let all: Vec<_> = kinds.into_iter().map(begin).collect();
    for (kind, found, soak) in all {
        let (told, well) = end(soak);
        assert!(!well, "{kind}: {told}");
        assert!(told.contains(found), "{kind}: {told}");
        assert!(told.contains("again: cargo xtask soak --seconds 1 --seed 1"), "{told}");
    }
}
