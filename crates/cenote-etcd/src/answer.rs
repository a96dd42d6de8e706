//! What etcd's gateway answers: JSON in, facts out. What has a default is left out in these answers; numbers of 64 bits
//! come as text. Nothing that is written there can make this panic.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The longest answer, and the longest line of a watch, in bytes.
pub(crate) const LONGEST: usize = 4 << 20;

/// What is wrong with an answer: it is none of etcd's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Odd(pub(crate) &'static str);

/// A refusal in etcd's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    pub(crate) message: String,
}

/// A key with its value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// The revision of its last change.
    pub(crate) changed: i64,
}

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The revision of the whole store.
    pub(crate) revision: i64,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) more: bool,
    /// How many keys there are on all pages.
    pub(crate) count: u64,
}

/// A change that a watch tells of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put(Pair),
    /// The key, and the revision at which it went.
    Gone(Vec<u8>, i64),
}

/// A line of a watch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It stands.
    Created,
    /// Changes in their order; none, if it only says that it lives.
    Changes(Vec<Change>),
    /// It has ended: what it should begin with was compacted away.
    Compacted(i64),
    /// It has ended, with etcd's words.
    Canceled(String),
    Refused(Refusal),
}

pub(crate) fn json(bytes: &[u8]) -> Result<Value, Odd> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| Odd("is no JSON"))?;
    if value.is_object() { Ok(value) } else { Err(Odd("is no object")) }
}

/// The refusal in an answer, if it is one: alone, or in the place of a line of a stream.
pub(crate) fn refusal(value: &Value) -> Option<Refusal> {
    let inner = value.get("error")?;
    let (from, code) = match inner {
        Value::Object(_) => (inner, "grpc_code"),
        _ => (value, "code"),
    };
    let message =
        from.get("message").and_then(Value::as_str).or(inner.as_str()).unwrap_or_default();
    Some(Refusal { code: number(from.get(code)).unwrap_or(2), message: clean(message) })
}

/// Somebody else's words as a sentence of ours can hold them.
pub(crate) fn clean(words: &str) -> String {
    let mut line: String = words.chars().filter(|c| !c.is_control()).take(201).collect();
    if line.chars().count() > 200 {
        line.pop();
        line.push('…');
    }
    line
}

pub(crate) fn page(value: &Value) -> Result<Page, Odd> {
    let pairs = match value.get("kvs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(pairs)) => pairs.iter().map(pair).collect::<Result<_, _>>()?,
        Some(_) => return Err(Odd("has no list of keys")),
    };
    let more = value.get("more").is_some_and(|more| more == &Value::Bool(true));
    if more && pairs.is_empty() {
        return Err(Odd("has more keys, and shows none"));
    }
    let count = u64::try_from(number_or_zero(value.get("count"))?).unwrap_or(0);
    Ok(Page { revision: revision(value)?, pairs, more, count })
}

pub(crate) fn told(value: &Value) -> Result<Told, Odd> {
    if let Some(refusal) = refusal(value) {
        return Ok(Told::Refused(refusal));
    }
    let result = value.get("result").ok_or(Odd("has no result"))?;
    let flag = |name| result.get(name).is_some_and(|flag| flag == &Value::Bool(true));
    let compacted = number_or_zero(result.get("compact_revision"))?;
    if compacted > 0 {
        return Ok(Told::Compacted(compacted));
    }
    if flag("canceled") {
        let reason = result.get("cancel_reason").and_then(Value::as_str);
        return Ok(Told::Canceled(clean(reason.unwrap_or("no reason given"))));
    }
    let events = match result.get("events") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(events)) => events.iter().map(change).collect::<Result<_, _>>()?,
        Some(_) => return Err(Odd("has no list of events")),
    };
    if flag("created") && events.is_empty() { Ok(Told::Created) } else { Ok(Told::Changes(events)) }
}

fn change(event: &Value) -> Result<Change, Odd> {
    let pair = pair(event.get("kv").ok_or(Odd("has an event without a key"))?)?;
    match event.get("type").and_then(Value::as_str) {
        None | Some("PUT") => Ok(Change::Put(pair)),
        Some("DELETE") => Ok(Change::Gone(pair.key, pair.changed)),
        Some(_) => Err(Odd("has an event of a kind that is not known")),
    }
}

/// The token of a login.
pub(crate) fn token(value: &Value) -> Result<&str, Odd> {
    let token = value.get("token").and_then(Value::as_str).filter(|token| !token.is_empty());
    token.ok_or(Odd("has no token"))
}

/// A lease that was granted: its id, and for how many seconds.
pub(crate) fn granted(value: &Value) -> Result<(i64, u64), Odd> {
    let (id, seconds) = (number_or_zero(value.get("ID"))?, number_or_zero(value.get("TTL"))?);
    match u64::try_from(seconds) {
        Ok(seconds) if id != 0 && seconds > 0 => Ok((id, seconds)),
        _ => Err(Odd("has no lease")),
    }
}

/// For how many seconds more a lease lives: `None` if it does not.
pub(crate) fn lives(value: &Value) -> Result<Option<u64>, Odd> {
    let result = value.get("result").ok_or(Odd("has no result"))?;
    let seconds = number_or_zero(result.get("TTL"))?;
    Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0))
}

fn revision(value: &Value) -> Result<i64, Odd> {
    let revision = number(value.get("header").and_then(|header| header.get("revision")));
    revision.filter(|revision| *revision > 0).ok_or(Odd("has no revision"))
}

fn pair(value: &Value) -> Result<Pair, Odd> {
    Ok(Pair {
        key: bytes(value.get("key"))?,
        value: bytes(value.get("value"))?,
        changed: number_or_zero(value.get("mod_revision"))?,
    })
}

fn bytes(value: Option<&Value>) -> Result<Vec<u8>, Odd> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => {
            STANDARD.decode(text).map_err(|_| Odd("has a text that is no base64"))
        }
        Some(_) => Err(Odd("has a text that is none")),
    }
}

fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    }
}

fn number_or_zero(value: Option<&Value>) -> Result<i64, Odd> {
    match value {
        None | Some(Value::Null) => Ok(0),
        value => number(value).ok_or(Odd("has a number that is none")),
    }
}

#[cfg(test)]
mod tests;
