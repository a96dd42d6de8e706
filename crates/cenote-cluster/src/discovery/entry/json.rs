//! Nodes as JSON, one or `{"nodes": […]}`, with the line of everything. Each part is kept as the piece of text that it is,
//! so its place in the text is known.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Entry, Field, Lines, Mistake, Value, one_line, shown};

/// The most fields of an entry that are looked at; a node has eight. Each is compared with all before it.
const MOST_FIELDS: usize = 32;

/// One node.
pub(super) fn entry(text: &str) -> Result<Entry, Mistake> {
    let reader = Reader { text, lines: Lines::new(text) };
    reader.entry(reader.parts(text, "a node must be an object")?)
}

/// A file of them.
#[cfg(feature = "file")]
pub(in crate::discovery) fn entries(text: &str) -> Result<Vec<Entry>, Mistake> {
    let reader = Reader { text, lines: Lines::new(text) };
    let top: Pairs<'_> = reader.parts(text, "it must be an object with a list of nodes")?;
    let mut entries = None;
    for (name, list) in top.0 {
        let line = reader.line(list);
        if name != "nodes" {
            let what =
                format!("there is a \"{}\", but a node file has nothing but nodes", shown(&name));
            return Err(Mistake::at(line, what));
        }
        if entries.is_some() {
            return Err(Mistake::at(line, "nodes stands there twice: make one list of both"));
        }
        let list: Vec<&RawValue> = reader.parts(list.get(), "nodes must be a list of nodes")?;
        entries =
            Some(list.into_iter().map(|entry| reader.entry(entry)).collect::<Result<_, _>>()?);
    }
    entries
        .ok_or_else(|| Mistake::at(1, "it lists no nodes: say {\"nodes\": []} if there are none"))
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines,
}

impl<'a> Reader<'a> {
    /// Where in the text this piece of it begins.
    fn at(&self, piece: &str) -> usize {
        (piece.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    fn line(&self, piece: &RawValue) -> usize {
        self.lines.of(self.at(piece.get()))
    }

    /// Reads a piece of the text. `rule`: what it must be, where it is something else.
    fn parts<T: Deserialize<'a>>(&self, piece: &'a str, rule: &str) -> Result<T, Mistake> {
        serde_json::from_str(piece).map_err(|error| {
            let line = self.lines.of(self.at(piece)) + error.line().max(1) - 1;
            if error.is_data() {
                return Mistake::at(line, rule);
            }
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            Mistake::at(line, format!("it is no JSON: {}", one_line(said)))
        })
    }

    fn entry(&self, entry: &'a RawValue) -> Result<Entry, Mistake> {
        let fields: Pairs<'a> = self.parts(entry.get(), "a node must be an object")?;
        let mut read: Vec<Field> = Vec::new();
        for (name, value) in fields.0 {
            let line = self.line(value);
            if read.len() == MOST_FIELDS {
                let what =
                    format!("a node has more than {MOST_FIELDS} fields: it needs eight at most");
                return Err(Mistake::at(line, what));
            }
            if read.iter().any(|field| field.name == name) {
                let what = format!("a node has its \"{}\" twice: say it once", shown(&name));
                return Err(Mistake::at(line, what));
            }
            read.push(Field { name, line, value: self.value(value, true)? });
        }
        Ok(Entry { line: self.line(entry), fields: read })
    }

    fn value(&self, value: &'a RawValue, may_be_list: bool) -> Result<Value, Mistake> {
        let text = value.get();
        Ok(match text.bytes().next() {
            Some(b'"') => Value::Text(self.parts(text, "it must be a text")?),
            Some(b'-' | b'0'..=b'9') => Value::Number(text.to_owned()),
            Some(b'[') if may_be_list => {
                let list: Vec<&RawValue> = self.parts(text, "it must be a list")?;
                let list = list.into_iter().map(|entry| self.value(entry, false));
                Value::List(list.collect::<Result<_, _>>()?)
            }
            _ => Value::Other,
        })
    }
}

/// The fields of an object, in their order, each as it stands there.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}
