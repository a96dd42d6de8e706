//! What etcd's gateway is asked: its paths, and bodies in JSON. Bytes go as base64, numbers of 64 bits as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub(crate) const RANGE: &str = "/v3/kv/range";
pub(crate) const PUT: &str = "/v3/kv/put";
pub(crate) const WATCH: &str = "/v3/watch";
pub(crate) const AUTHENTICATE: &str = "/v3/auth/authenticate";
pub(crate) const GRANT: &str = "/v3/lease/grant";
pub(crate) const KEEP_ALIVE: &str = "/v3/lease/keepalive";
pub(crate) const REVOKE: &str = "/v3/lease/revoke";

/// The keys below a prefix, from this one on, at most so many: as they were at this revision, or as they are (0).
pub(crate) fn page(prefix: &[u8], from: &[u8], most: usize, revision: i64) -> Value {
    json!({
        "key": bytes(first(from)),
        "range_end": bytes(&end(prefix)),
        "limit": most.to_string(),
        "revision": revision.to_string(),
    })
}

/// Which key below a prefix was changed last, and how many there are; no values.
pub(crate) fn newest(prefix: &[u8]) -> Value {
    json!({
        "key": bytes(first(prefix)),
        "range_end": bytes(&end(prefix)),
        "limit": "1",
        "sort_target": "MOD",
        "sort_order": "DESCEND",
        "keys_only": true,
    })
}

/// Every change below a prefix from this revision on, and a word now and then when there is none.
pub(crate) fn watch(prefix: &[u8], from: i64) -> Value {
    json!({ "create_request": {
        "key": bytes(first(prefix)),
        "range_end": bytes(&end(prefix)),
        "start_revision": from.to_string(),
        "progress_notify": true,
    } })
}

pub(crate) fn login(user: &str, password: &str) -> Value {
    json!({ "name": user, "password": password })
}

pub(crate) fn grant(seconds: u64) -> Value {
    json!({ "TTL": seconds.to_string() })
}

pub(crate) fn put(key: &[u8], value: &str, lease: i64) -> Value {
    json!({
        "key": bytes(key),
        "value": bytes(value.as_bytes()),
        "lease": lease.to_string(),
    })
}

/// For what is done to a lease.
pub(crate) fn lease(id: i64) -> Value {
    json!({ "ID": id.to_string() })
}

fn bytes(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// etcd takes no empty key: the first that there can be is a zero byte.
fn first(key: &[u8]) -> &[u8] {
    if key.is_empty() { b"\0" } else { key }
}

/// The first key behind all that begin with this; a zero byte means that there is none.
fn end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    vec![0]
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-1
    #[test]
    fn a_prefix_ends_where_the_first_key_begins_that_has_another() {
        for (prefix, is) in [
            (&b"/shop/"[..], &b"/shop0"[..]),
            (b"a\xff", b"b"),
            (b"\xff\xff", b"\0"),
            (b"", b"\0"),
            (b"a\xfe", b"a\xff"),
        ] {
            assert_eq!(end(prefix), is);
        }
        assert_eq!(first(b""), b"\0");
        let asked = page(b"/shop/", b"/shop/x", 5, 7);
        assert_eq!(asked["key"], "L3Nob3AveA==");
        assert_eq!(asked["range_end"], "L3Nob3Aw");
        assert_eq!((&asked["limit"], &asked["revision"]), (&json!("5"), &json!("7")));
    }
}
