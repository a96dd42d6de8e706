//! A subscriber for `tracing` that keeps events and spans with their fields.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An event, or the beginning of a span: level, target, name and fields.
#[derive(Clone, Debug)]
pub struct Line {
    /// The level.
    pub level: Level,
    /// The target.
    pub target: String,
    /// The span's name.
    pub name: String,
    /// The fields, the message among them.
    pub fields: BTreeMap<String, String>,
}

impl Line {
    /// A field, or nothing.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn new(metadata: &Metadata<'_>, record: impl FnOnce(&mut dyn Visit)) -> Line {
        let mut fields = Fields::default();
        record(&mut fields);
        Line {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            name: metadata.name().to_owned(),
            fields: fields.0,
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

/// Spans that have ended, in that order.
pub type Spans = Arc<Mutex<Vec<Line>>>;

/// Keeps what it is given.
#[derive(Clone, Default)]
pub struct Lines {
    last: Arc<AtomicU64>,
    events: Arc<Mutex<Vec<Line>>>,
    open: Arc<Mutex<BTreeMap<u64, Line>>>,
    closed: Spans,
}

impl Lines {
    /// The events so far.
    pub fn events(&self) -> Vec<Line> {
        self.events.lock().unwrap().clone()
    }

    /// The spans that have ended.
    pub fn closed(&self) -> Vec<Line> {
        self.closed.lock().unwrap().clone()
    }

    /// The number of spans that have not ended.
    pub fn open(&self) -> usize {
        self.open.lock().unwrap().len()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let line = Line::new(span.metadata(), |visit| span.record(visit));
        self.open.lock().unwrap().insert(id, line);
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let line = Line::new(event.metadata(), |visit| event.record(visit));
        self.events.lock().unwrap().push(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, id: Id) -> bool {
        let line = self.open.lock().unwrap().remove(&id.into_u64());
        self.closed.lock().unwrap().extend(line);
        true
    }
}
