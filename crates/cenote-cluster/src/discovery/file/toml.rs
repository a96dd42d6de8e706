//! A node file as TOML: `[[nodes]]`, with the line of everything.

use ::toml::de::{DeTable, DeValue};

use crate::discovery::entry::{Entry, Field, Lines, Mistake, Value, one_line, shown};

pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Mistake> {
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Mistake::at(lines.of(at), format!("it is no TOML: {}", one_line(error.message())))
    })?;
    let mut entries = None;
    for (name, value) in table.get_ref() {
        let line = lines.of(name.span().start);
        if name.get_ref() != "nodes" {
            let what = format!(
                "there is a \"{}\", but a node file has nothing but nodes",
                shown(name.get_ref())
            );
            return Err(Mistake::at(line, what));
        }
        let wrong = || Mistake::at(line, "nodes must be a list of nodes: [[nodes]] before each");
        let DeValue::Array(list) = value.get_ref() else { return Err(wrong()) };
        let read = list.iter().map(|entry| {
            let DeValue::Table(table) = entry.get_ref() else { return Err(wrong()) };
            let mut fields: Vec<Field> = table
                .iter()
                .map(|(name, value)| Field {
                    name: name.get_ref().clone().into_owned(),
                    line: lines.of(name.span().start),
                    value: self::value(value.get_ref()),
                })
                .collect();
            fields.sort_by_key(|field| field.line);
            Ok(Entry { line: lines.of(entry.span().start), fields })
        });
        entries = Some(read.collect::<Result<Vec<_>, _>>()?);
    }
    entries.ok_or_else(|| {
        Mistake::at(
            1,
            "it lists no nodes: begin with [[nodes]], or say nodes = [] if there are none",
        )
    })
}

fn value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => {
            Value::Number(number.as_str().to_owned())
        }
        DeValue::Array(list) => {
            Value::List(list.iter().map(|entry| self::value(entry.get_ref())).collect())
        }
        _ => Value::Other,
    }
}
