//! What must hold, as numbers with a bound: whoever reads the summary sees how near it came.

use serde_json::{Value, json};

/// A bound that nothing may pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// In words.
    pub(crate) what: &'static str,
    pub(crate) found: f64,
    pub(crate) bound: Bound,
    /// Of both; empty if they are counts.
    pub(crate) unit: &'static str,
}

impl Check {
    /// Something that must never happen.
    pub(crate) fn none(name: &'static str, what: &'static str, found: u64) -> Check {
        let bound = Bound::AtMost(0.0);
        Check { name, what, found: found as f64, bound, unit: "" }
    }

    pub(crate) fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.found <= bound,
            Bound::AtLeast(bound) => self.found >= bound,
        }
    }

    /// The bound in words.
    pub(crate) fn bound(&self) -> String {
        match self.bound {
            Bound::AtMost(0.0) => "none".to_owned(),
            Bound::AtMost(bound) => format!("at most {}", self.number(bound)),
            Bound::AtLeast(bound) => format!("at least {}", self.number(bound)),
        }
    }

    pub(crate) fn found(&self) -> String {
        self.number(self.found)
    }

    fn number(&self, number: f64) -> String {
        match self.unit {
            "" => format!("{number:.0}"),
            unit => format!("{number:.0} {unit}"),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let (key, bound) = match self.bound {
            Bound::AtMost(bound) => ("at_most", bound),
            Bound::AtLeast(bound) => ("at_least", bound),
        };
        let found = (self.found * 10.0).round() / 10.0;
        json!({ "name": self.name, "found": found, key: bound, "unit": self.unit, "holds": self.holds() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S
    #[test]
    fn a_bound_holds_up_to_itself() {
        let check = |found, bound| Check { name: "n", what: "w", found, bound, unit: "ms" };
        assert!(check(5.0, Bound::AtMost(5.0)).holds() && !check(5.1, Bound::AtMost(5.0)).holds());
        assert!(
            check(5.0, Bound::AtLeast(5.0)).holds() && !check(4.9, Bound::AtLeast(5.0)).holds()
        );
        assert!(Check::none("n", "w", 0).holds() && !Check::none("n", "w", 1).holds());
        assert_eq!(check(4.96, Bound::AtMost(5.0)).json()["found"], 5.0);
        assert_eq!(check(4.96, Bound::AtMost(5.0)).bound(), "at most 5 ms");
    }
}
