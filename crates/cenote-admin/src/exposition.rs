//! Prometheus's text format, version 0.0.4: families with a head, samples with labels, and no series twice. What is written
//! here is read in the tests by a parser that others wrote.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use cenote::Distribution;

/// The type of the text.
pub(crate) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The bounds of histograms, in seconds.
const BOUNDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// What the text is written on.
#[derive(Default)]
pub(crate) struct Page {
    text: String,
    /// Of what follows, if anything does: not every reader likes a head without samples.
    head: String,
}

impl Page {
    pub(crate) fn text(self) -> String {
        self.text
    }

    /// A family begins.
    pub(crate) fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A sample. The values of its labels are escaped.
    pub(crate) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(&std::mem::take(&mut self.head));
        self.text.push_str(name);
        if !labels.is_empty() {
            self.text.push('{');
            for (n, (label, value)) in labels.iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                let _ = write!(self.text, "{comma}{label}=\"{value}\"");
            }
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// The samples of a histogram, for whoever the label names.
    pub(crate) fn histogram(&mut self, name: &str, of: (&str, &str), spread: &Distribution) {
        let all = spread.count();
        for bound in BOUNDS {
            let n = spread.at_most(Duration::from_secs_f64(bound));
            self.line(&format!("{name}_bucket"), &[of, ("le", &bound.to_string())], n as f64);
        }
        self.line(&format!("{name}_bucket"), &[of, ("le", "+Inf")], all as f64);
        self.line(&format!("{name}_sum"), &[of], spread.sum().as_secs_f64());
        self.line(&format!("{name}_count"), &[of], all as f64);
    }
}

/// Makes labels of names. Two pools may have one name, and two series may not, so the second is told with its number.
#[derive(Default)]
pub(crate) struct Names(HashMap<(String, String), usize>);

impl Names {
    /// A label, another each time, among those of this sort.
    pub(crate) fn label(&mut self, sort: &str, name: String) -> String {
        let seen = self.0.entry((sort.to_owned(), name.clone())).or_default();
        *seen += 1;
        let nth = *seen;
        if nth == 1 {
            return escaped(&name);
        }
        self.label(sort, format!("{name} ({nth})"))
    }
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_labels_of_a_sort_are_the_same() {
        let mut names = Names::default();
        let labels = ["a", "a", "a (2)", "b\"\\\n", "a"].map(|name| names.label("", name.into()));
        assert_eq!(labels, ["a", "a (2)", "a (2) (2)", "b\\\"\\\\\\n", "a (3)"]);
        assert_eq!(names.label("other", "a".into()), "a");
    }
}
