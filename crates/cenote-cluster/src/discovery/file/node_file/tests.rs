//! What a node file may say, in both formats, and what each mistake is told.

use std::path::Path;

use cenote::Role;

use super::*;

// S
#[test]
fn an_entry_with_a_hundred_thousand_fields_is_told_at_once() {
    let fields: Vec<String> = (0..100_000).map(|n| format!("\"{n}\": 1")).collect();
    let text = format!("{{\"nodes\": [{{{}}}]}}", fields.join(", "));
    let began = std::time::Instant::now();
    let told = NodeFile::from_json(&text).unwrap_err().to_string();
    assert!(told.contains("more than 32 fields"), "{told}");
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

// D-1, D-2
#[test]
fn both_formats_say_the_same() {
    let toml = r#"
[[nodes]]
key = "db-1"
address = "postgres://app@10.0.0.1/shop"
role = "primary"
weight = 2
backup = 1
zone = "eu-1"
group = "first"
tags = ["ssd", "big"]

[[nodes]]
key = "db-2"
address = "postgres://app@10.0.0.2/shop"
role = "replica"
"#;
    let json = r#"{"nodes": [
        {"key": "db-1", "address": "postgres://app@10.0.0.1/shop", "role": "primary", "weight": 2, "backup": 1,
         "zone": "eu-1", "group": "first", "tags": ["ssd", "big"]},
        {"key": "db-2", "address": "postgres:\/\/app@10.0.0.2/shop", "role": "replica"}
    ]}"#;
    let listed = NodeFile::from_toml(toml).unwrap();
    assert_eq!(NodeFile::from_json(json).unwrap(), listed);
    let first = Node::new("db-1", "postgres://app@10.0.0.1/shop")
        .role(Role::Primary)
        .weight(2)
        .backup(1)
        .zone("eu-1")
        .group("first")
        .tag("ssd")
        .tag("big");
    let second = Node::new("db-2", "postgres://app@10.0.0.2/shop").role(Role::Replica);
    assert_eq!(listed, NodeFile { nodes: vec![first, second], remarks: Vec::new() });
    for empty in ["nodes = []", "# none\nnodes = []\n"] {
        assert_eq!(NodeFile::from_toml(empty).unwrap().nodes, []);
    }
    assert_eq!(NodeFile::from_json(" {\"nodes\": []} ").unwrap().nodes, []);
}

// D-3, S
#[test]
fn an_entry_that_stands_there_twice_is_one_and_remarked_with_both_lines() {
    let toml = "[[nodes]]\nkey = 'a'\naddress = 'x'\n[[nodes]]\nkey = 'a'\naddress = 'y'\n";
    let json = "{\"nodes\": [\n{\"key\": \"a\", \"address\": \"x\"},\n{\"key\": \"a\", \"address\": \"y\"}]}";
    for (listed, lines) in
        [(NodeFile::from_toml(toml).unwrap(), [1, 4]), (NodeFile::from_json(json).unwrap(), [2, 3])]
    {
        assert_eq!(listed.nodes, [Node::new("a", "x")]);
        let [first, second] = lines;
        let remark =
            format!("line {second}: node \"a\" is listed twice: the entry in line {first} counts");
        assert_eq!(listed.remarks, [remark]);
    }
}

// S
#[test]
fn a_mistake_is_told_with_its_line_and_the_rule() {
    for (toml, told) in [
        (
            "",
            "line 1: it lists no nodes: begin with [[nodes]], or say nodes = [] if there are none",
        ),
        ("node = 1", "line 1: there is a \"node\", but a node file has nothing but nodes"),
        ("\nnodes = 3", "line 2: nodes must be a list of nodes: [[nodes]] before each"),
        ("nodes = ['a']", "line 1: nodes must be a list of nodes: [[nodes]] before each"),
        ("[[nodes]]\naddress = 'x'", "line 1: a node has no key: give each a key of its own"),
        ("[[nodes]]\nkey = 'a'", "line 1: node \"a\" has no address: give it one"),
        (
            "[[nodes]]\nkey = ''\naddress = 'x'",
            "line 2: its key must be a text of one line, with 1 to 200 letters",
        ),
        (
            "[[nodes]]\nkey = 'a'\naddress = 7",
            "line 3: node \"a\": its address must be a text of one line, with 1 to 4000 letters",
        ),
        (
            "[[nodes]]\nkey = 'a'\naddress = 'x'\nweight = -1",
            "line 4: node \"a\": its weight must be a whole number from 0 to 4294967295",
        ),
        (
            "[[nodes]]\nkey = 'a'\naddress = 'x'\nweight = 'much'",
            "line 4: node \"a\": its weight must be a whole number from 0 to 4294967295",
        ),
        (
            "[[nodes]]\naddress = 'x'\nkey = 'a'\n\nrole = 'master'",
            "line 5: node \"a\": its role must be \"primary\" or \"replica\"",
        ),
        (
            "[[nodes]]\nkey = 'a'\naddress = 'x'\ntags = 'ssd'",
            "line 4: node \"a\": its tags must be a list of texts",
        ),
        (
            "[[nodes]]\nkey = 'a'\naddress = 'x'\ntags = [1]",
            "line 4: node \"a\": its tags must be a list of texts",
        ),
        (
            "[[nodes]]\nkey = 'a'\nadress = 'x'",
            "line 3: node \"a\" has a field \"adress\", which no node has: these are key, address, role, weight, backup, zone, group and tags",
        ),
    ] {
        let mistake = NodeFile::from_toml(toml).unwrap_err();
        assert_eq!(mistake.to_string(), told, "{toml}");
    }
    for (json, told) in [
        ("[]", "line 1: it must be an object with a list of nodes"),
        ("{}", "line 1: it lists no nodes: say {\"nodes\": []} if there are none"),
        ("{\"nodes\":\n{}}", "line 2: nodes must be a list of nodes"),
        ("{\"nodes\": [\n1]}", "line 2: a node must be an object"),
        (
            "{\"nodes\": [], \"nodes\": []}",
            "line 1: nodes stands there twice: make one list of both",
        ),
        (
            "{\"nodes\": [{\"key\": \"a\",\n\"key\": \"b\"}]}",
            "line 2: a node has its \"key\" twice: say it once",
        ),
        (
            "{\"nodes\": [{\"key\": \"a\", \"address\": \"x\",\n\"weight\": 1.5}]}",
            "line 2: node \"a\": its weight must be a whole number from 0 to 4294967295",
        ),
        (
            "{\"nodes\": [{\"key\": \"a\", \"address\": \"x\", \"tags\": [[]]}]}",
            "line 1: node \"a\": its tags must be a list of texts",
        ),
    ] {
        let mistake = NodeFile::from_json(json).unwrap_err();
        assert_eq!(mistake.to_string(), told, "{json}");
    }
    let half = NodeFile::from_toml("[[nodes]]\nkey = 'a'\nadd").unwrap_err();
    assert!(half.to_string().starts_with("line 3: it is no TOML: "), "{half}");
    let half = NodeFile::from_json("{\"nodes\": [\n{\"key\": \"a\"").unwrap_err();
    assert!(half.to_string().starts_with("line 2: it is no JSON: "), "{half}");
}

// S
#[test]
fn the_name_of_the_file_says_what_it_is_and_stands_in_the_sentence() {
    let in_file = |name: &str, bytes: &[u8]| parse(Path::new(name), bytes);
    let json = b"{\"nodes\": [{\"key\": \"a\", \"address\": \"x\"}]}";
    for name in ["nodes.json", "NODES.JSON"] {
        assert_eq!(in_file(name, json).unwrap().nodes.len(), 1);
    }
    let mistake = in_file("conf/nodes.toml", json).unwrap_err().to_string();
    assert!(mistake.starts_with("node file conf/nodes.toml, line 1: it is no TOML: "), "{mistake}");
    let bytes = in_file("nodes.toml", b"# \nkey = '\xff'").unwrap_err();
    assert_eq!(
        bytes.to_string(),
        "node file nodes.toml, line 2: it is no UTF-8 text from here on: save it as UTF-8"
    );
    let marked = in_file("nodes.toml", b"\xef\xbb\xbfnodes = []").unwrap();
    assert_eq!(marked.nodes, []);
    let twice = b"nodes = [{key = 'a', address = 'x'}, {key = 'a', address = 'x'}]";
    let remarks = in_file("nodes.toml", twice).unwrap().remarks;
    assert_eq!(
        remarks,
        ["node file nodes.toml, line 1: node \"a\" is listed twice: the entry in line 1 counts"]
    );
}

// S
#[test]
fn no_address_is_shown_and_every_sentence_is_one() {
    let secret = "postgres://app:hunter2@10.0.0.1/shop";
    let sources = [
        format!("[[nodes]]\nkey = 'a'\naddress = '{secret}\n"),
        format!("[[nodes]]\nkey = 'a'\naddress = {secret}\n"),
        format!("[[nodes]]\nkey = 'a'\naddress = '{secret}'\nrole = '{secret}'"),
        format!("[[nodes]]\nkey = 'a'\naddress = ['{secret}']\n"),
        format!("[[nodes]]\nkey = 'a'\naddress = \"{secret}\\u202e\"\n"),
    ];
    for source in sources {
        let told = NodeFile::from_toml(&source).unwrap_err().to_string();
        assert!(!told.contains("hunter2") && told.lines().count() == 1, "{told}");
    }
    let sources = [
        format!("{{\"nodes\": [{{\"key\": \"a\", \"address\": \"{secret}}}]}}"),
        format!("{{\"nodes\": [{{\"key\": \"a\", \"address\": [\"{secret}\"]}}]}}"),
        format!("{{\"nodes\": \"{secret}\"}}"),
    ];
    for source in sources {
        let told = NodeFile::from_json(&source).unwrap_err().to_string();
        assert!(!told.contains("hunter2") && told.lines().count() == 1, "{told}");
    }
}
