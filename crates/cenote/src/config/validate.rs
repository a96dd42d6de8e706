//! What cannot work is refused: first each option by itself, then those that contradict each other. The first
//! rule that is broken is reported.

use std::time::Duration;

use super::error::ConfigError;
use super::table::{OptionInfo, Options, TABLE};
use super::text::{Plain, Span, is_plain};

/// The most slots a pool can count.
const MOST: usize = u32::MAX as usize - 1;
/// The most borrowers that one connection can have at a time.
pub(crate) const MOST_SHARERS: usize = 4096;
/// The longest span that makes sense; arithmetic with it cannot overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
/// The shortest span between two looks of the upkeep: with a shorter one it would do nothing else.
const SHORTEST: Duration = Duration::from_millis(1);

/// How small and how large a number may be, and what to say below and above.
struct Limits(usize, usize, &'static str, &'static str);

fn limits(name: &str) -> Limits {
    let most = "it must be below 4294967295";
    let within = |least, most, rule| Limits(least, most, rule, rule);
    match name {
        "max_size" => {
            Limits(1, MOST, "it must be at least 1: a pool of no connections lends none", most)
        }
        "min_size" | "min_idle" => Limits(0, MOST, most, most),
        "priorities" => within(1, 32, "it must be from 1 to 32"),
        "max_sharers" => within(1, MOST_SHARERS, "it must be from 1 to 4096"),
        "max_connecting" => {
            let least = "it must be at least 1: otherwise no connection is ever made";
            Limits(1, usize::MAX, least, "it must be smaller")
        }
        "max_uses" => Limits(1, usize::MAX, "it must be at least 1", "it must be smaller"),
        "lifetime_jitter_percent" => within(0, 100, "it must be from 0 to 100"),
        _ => within(0, usize::MAX, "it must be smaller"),
    }
}

impl OptionInfo {
    /// Whether this option can have its value, whatever the others are.
    pub(crate) fn check(&self, options: &Options) -> Result<(), ConfigError> {
        let fail = |value: String, rule: &str, off| {
            Err(ConfigError::impossible(self.name, value, rule, off))
        };
        match (self.get)(options) {
            Plain::Count(n) => {
                let Limits(least, most, below, above) = limits(self.name);
                match n {
                    _ if n < least => fail(n.to_string(), below, self.off),
                    _ if n > most => fail(n.to_string(), above, None),
                    _ => Ok(()),
                }
            }
            plain @ (Plain::Span(span) | Plain::WordAndSpan(_, span)) if span > LONGEST => {
                fail(plain.to_string(), "it must not exceed 100 years", self.off)
            }
            plain @ Plain::WordAndSpan(_, Duration::ZERO) => {
                // A connection that has just passed its test would have rested long enough to be tested.
                let rule =
                    "its time must be longer than zero: to test before every lending say always";
                fail(plain.to_string(), rule, None)
            }
            Plain::Span(span) if span.is_zero() => {
                fail("0s".to_owned(), "it must be longer than zero", self.off)
            }
            Plain::Span(span) if span < SHORTEST && self.name == "upkeep_interval" => {
                let rule = "it must be at least 1ms: a pool that looks after itself all the time does nothing else";
                fail(Span(span).to_string(), rule, None)
            }
            _ => Ok(()),
        }
    }

    /// What is to be said of a text that is no value of this option.
    pub(crate) fn refusal(&self, text: &str) -> String {
        // Too large for its type: then the limit is the rule.
        match is_plain(text) {
            true if self.accepts.contains("number") => limits(self.name).3.to_owned(),
            _ => format!("it must be {}", self.accepts),
        }
    }
}

impl Options {
    /// Says whether these options can work together.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and what to do.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for info in TABLE {
            info.check(self)?;
        }
        let max = self.max_size;
        for (field, value) in [("min_size", self.min_size), ("min_idle", self.min_idle)] {
            if value > max.get() {
                let rule = format!(
                    "it must not exceed max_size, which is {max}: raise max_size or lower {field}"
                );
                return Err(ConfigError::impossible(field, value, rule, None));
            }
        }
        for (field, value) in [("min_idle", self.min_idle), ("min_size", self.min_size)] {
            if self.max_idle.get() < value {
                // Otherwise a pool at rest would make connections and close them for ever.
                let rule = format!(
                    "it must not be below {field}, which is {value}: raise max_idle or lower {field}"
                );
                return Err(ConfigError::impossible("max_idle", self.max_idle, rule, None));
            }
        }
        if self.backoff_first > self.backoff_max {
            let rule =
                format!("it must not exceed backoff_max, which is {}", Span(self.backoff_max));
            return Err(ConfigError::impossible(
                "backoff_first",
                Span(self.backoff_first),
                rule,
                None,
            ));
        }
        Ok(())
    }
}
