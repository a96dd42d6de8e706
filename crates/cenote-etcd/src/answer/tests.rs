//! Answers as etcd 3.4 and later give them, and answers that are none.

use super::*;

fn value(text: &str) -> Value {
    json(text.as_bytes()).unwrap()
}

fn pair_of(key: &str, value: &str, changed: i64) -> Pair {
    Pair { key: key.into(), value: value.into(), changed }
}

// D-1
#[test]
fn a_list_has_its_revision_its_keys_and_how_many_there_are() {
    for (text, is) in [
        (
            r#"{"header":{"cluster_id":"1","member_id":"2","revision":"7","raft_term":"2"},
                "kvs":[{"key":"L2E=","create_revision":"3","mod_revision":"5","version":"1","value":"eA==","lease":"9"}],
                "more":true,"count":"12"}"#,
            Page { revision: 7, pairs: vec![pair_of("/a", "x", 5)], more: true, count: 12 },
        ),
        (
            r#"{"header":{"revision":"1"}}"#,
            Page { revision: 1, pairs: vec![], more: false, count: 0 },
        ),
        (
            // Numbers, and an empty value, which is left out.
            r#"{"header":{"revision":1},"kvs":[{"key":"L2E=","mod_revision":1}],"count":1}"#,
            Page { revision: 1, pairs: vec![pair_of("/a", "", 1)], more: false, count: 1 },
        ),
    ] {
        assert_eq!(page(&value(text)), Ok(is), "{text}");
    }
}

// D-1
#[test]
fn each_line_of_a_watch_says_one_thing() {
    let refused = |code, message: &str| Told::Refused(Refusal { code, message: message.into() });
    for (text, is) in [
        (r#"{"result":{"header":{"revision":"7"},"created":true}}"#, Told::Created),
        (r#"{"result":{"header":{"revision":"9"}}}"#, Told::Changes(vec![])),
        (
            r#"{"result":{"events":[{"kv":{"key":"L2E=","value":"eA==","mod_revision":"8"}},
                {"type":"PUT","kv":{"key":"L2I=","mod_revision":"9"}},
                {"type":"DELETE","kv":{"key":"L2E=","mod_revision":"10"}}]}}"#,
            Told::Changes(vec![
                Change::Put(pair_of("/a", "x", 8)),
                Change::Put(pair_of("/b", "", 9)),
                Change::Gone("/a".into(), 10),
            ]),
        ),
        (r#"{"result":{"canceled":true,"compact_revision":"9"}}"#, Told::Compacted(9)),
        (
            r#"{"result":{"created":true,"canceled":true,"cancel_reason":"etcdserver: permission denied"}}"#,
            Told::Canceled("etcdserver: permission denied".into()),
        ),
        (r#"{"result":{"canceled":true}}"#, Told::Canceled("no reason given".into())),
        (
            r#"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"x"}}"#,
            refused(14, "etcdserver: no leader"),
        ),
    ] {
        assert_eq!(told(&value(text)), Ok(is), "{text}");
    }
}

// D-1
#[test]
fn a_refusal_is_told_by_its_code_in_all_the_ways_that_gateways_write_it() {
    for (text, code, message) in [
        (r#"{"error":"e","message":"m","code":16}"#, 16, "m"),
        (
            r#"{"error":"etcdserver: user name is empty","code":3}"#,
            3,
            "etcdserver: user name is empty",
        ),
        (r#"{"error":{"grpc_code":7,"message":"m"}}"#, 7, "m"),
        (r#"{"error":"e","message":"m","code":"x"}"#, 2, "m"),
        (r#"{"error":7}"#, 2, ""),
        ("{\"error\":\"a\\u0007b\\nc\"}", 2, "abc"),
    ] {
        assert_eq!(
            refusal(&value(text)),
            Some(Refusal { code, message: message.into() }),
            "{text}"
        );
    }
    assert_eq!(refusal(&value(r#"{"kvs":[]}"#)), None);
    let long = "x".repeat(5_000);
    assert_eq!(clean(&long).chars().count(), 201);
}

// D-1
#[test]
fn leases_and_tokens() {
    assert_eq!(granted(&value(r#"{"ID":"7587","TTL":"10"}"#)), Ok((7587, 10)));
    assert_eq!(granted(&value(r#"{"ID":"-5","TTL":"10"}"#)), Ok((-5, 10)));
    assert_eq!(lives(&value(r#"{"result":{"ID":"7587","TTL":"9"}}"#)), Ok(Some(9)));
    assert_eq!(lives(&value(r#"{"result":{"ID":"7587"}}"#)), Ok(None), "it has run out");
    assert_eq!(lives(&value(r#"{"result":{"ID":"7587","TTL":"-1"}}"#)), Ok(None));
    assert_eq!(token(&value(r#"{"token":"abc.9"}"#)), Ok("abc.9"));
    for (text, why) in [
        (r#"{"TTL":"10"}"#, "has no lease"),
        (r#"{"ID":"1"}"#, "has no lease"),
        (r#"{"ID":[],"TTL":"10"}"#, "has a number that is none"),
    ] {
        assert_eq!(granted(&value(text)), Err(Odd(why)), "{text}");
    }
    assert_eq!(lives(&value("{}")), Err(Odd("has no result")));
    assert_eq!(token(&value(r#"{"token":""}"#)), Err(Odd("has no token")));
}

// S
#[test]
fn what_is_no_answer_of_etcds_is_named() {
    for (bytes, why) in [
        (&b"<html>404</html>"[..], "is no JSON"),
        (b"", "is no JSON"),
        (b"{\"header\":{\"revision\":\"7\"", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[]", "is no object"),
        (b"7", "is no object"),
    ] {
        assert_eq!(json(bytes), Err(Odd(why)), "{}", String::from_utf8_lossy(bytes));
    }
    let deep = "[".repeat(100_000);
    assert_eq!(json(deep.as_bytes()), Err(Odd("is no JSON")), "and the stack is left alone");
    for (text, why) in [
        ("{}", "has no revision"),
        (r#"{"header":{"revision":"0"}}"#, "has no revision"),
        (r#"{"header":{"revision":"many"}}"#, "has no revision"),
        (r#"{"header":{"revision":"99999999999999999999"}}"#, "has no revision"),
        (r#"{"header":{"revision":"1"},"kvs":{}}"#, "has no list of keys"),
        (r#"{"header":{"revision":"1"},"more":true}"#, "has more keys, and shows none"),
        (r#"{"header":{"revision":"1"},"kvs":[{"key":"?"}]}"#, "has a text that is no base64"),
        (r#"{"header":{"revision":"1"},"kvs":[{"key":7}]}"#, "has a text that is none"),
        (r#"{"header":{"revision":"1"},"count":"x"}"#, "has a number that is none"),
    ] {
        assert_eq!(page(&value(text)), Err(Odd(why)), "{text}");
    }
    for (text, why) in [
        ("{}", "has no result"),
        (r#"{"result":{"events":7}}"#, "has no list of events"),
        (r#"{"result":{"events":[{}]}}"#, "has an event without a key"),
        (
            r#"{"result":{"events":[{"type":"MOVE","kv":{}}]}}"#,
            "has an event of a kind that is not known",
        ),
        (r#"{"result":{"compact_revision":"x"}}"#, "has a number that is none"),
    ] {
        assert_eq!(told(&value(text)), Err(Odd(why)), "{text}");
    }
}

// S
#[test]
fn an_answer_that_is_cut_or_changed_anywhere_is_an_answer_or_an_error() {
    let list = r#"{"header":{"revision":"7"},"kvs":[{"key":"L2E=","mod_revision":"5","value":"eA=="}],"more":true,"count":"1"}"#;
    let line = r#"{"result":{"created":true,"canceled":true,"compact_revision":"9","events":[{"type":"DELETE","kv":{"key":"L2E="}}]}}"#;
    let other = r#"{"error":{"grpc_code":14,"message":"m"},"message":"m","code":3,"token":"t","ID":"1","TTL":"2"}"#;
    let mut read = 0;
    for text in [list, line, other] {
        for at in 0..text.len() {
            let cut = &text.as_bytes()[..at];
            assert_eq!(json(cut), Err(Odd("is no JSON")));
            for put in
                [b"\"", b"{", b"}", b"[", b":", b",", b"-", b"9", b"e", b"\\", b"\0", b"\xff", b""]
                    as [&[u8]; 13]
            {
                let changed = [cut, put, &text.as_bytes()[at + 1..]].concat();
                let Ok(value) = json(&changed) else { continue };
                let all = (page(&value).is_ok(), told(&value).is_ok(), granted(&value).is_ok());
                let more =
                    (lives(&value).is_ok(), token(&value).is_ok(), refusal(&value).is_some());
                read += usize::from(all != (false, false, false) || more != (false, false, false));
            }
        }
    }
    assert!(read > 500, "most changes leave something to read: {read}");
}
