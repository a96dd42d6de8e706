//! Every option as text, the same in files, in the environment and in URLs: `20`, `unlimited`, `30s`, `never`,
//! `true`, `lifo`. What is written by `Display` is read back to the same value.
//!
//! A time is a number and its unit, without the unit it is refused: `500us`, `100ms`, `30s`, `10min`, `2h`,
//! `1d`, `1.5h`. It is written in the largest unit that divides it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::error::{ConfigError, Off, Origin};
use super::values::{Bound, FreeSlot, OnConnectError, Order, TestOnAcquire, Timeout};

/// A value without its type: what checks look at, and what files can hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain {
    Count(usize),
    Span(Duration),
    Flag(bool),
    Word(&'static str),
    /// A choice that carries a time.
    WordAndSpan(&'static str, Duration),
}

/// What an option can have as its value.
pub(crate) trait Value: Sized {
    /// What can be written for it, in a word or two.
    const KIND: &'static str;
    /// The same with an example; follows "it must be".
    const ACCEPTS: &'static str;
    /// How to have none, if that can be asked for.
    const OFF: Option<Off> = None;

    /// Reads the text form; `None` if it is not one.
    fn read(text: &str) -> Option<Self>;
    fn plain(&self) -> Plain;
}

/// Whether a number is written without a sign: the standard library reads `+5` as well.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Value for usize {
    const KIND: &'static str = "number";
    const ACCEPTS: &'static str = "a whole number";

    fn read(text: &str) -> Option<usize> {
        is_plain(text).then(|| text.parse().ok())?
    }

    fn plain(&self) -> Plain {
        Plain::Count(*self)
    }
}

impl Value for u8 {
    const KIND: &'static str = "number";
    const ACCEPTS: &'static str = "a whole number";

    fn read(text: &str) -> Option<u8> {
        is_plain(text).then(|| text.parse().ok())?
    }

    fn plain(&self) -> Plain {
        Plain::Count((*self).into())
    }
}

impl Value for bool {
    const KIND: &'static str = "true or false";
    const ACCEPTS: &'static str = "true or false";

    fn read(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn plain(&self) -> Plain {
        Plain::Flag(*self)
    }
}

impl Value for Duration {
    const KIND: &'static str = "time";
    const ACCEPTS: &'static str = "a time with its unit, such as 30s or 100ms";

    fn read(text: &str) -> Option<Duration> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = text.split_at(unit_at);
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        // No nanosecond needs more digits, and the products below fit.
        if part.is_empty() || part.len() > 15 {
            return None;
        }
        let whole = whole.parse::<u128>().ok()?.checked_mul(*unit)?;
        let divisor = 10u128.pow(part.len() as u32);
        let part = part.parse::<u128>().ok()? * unit;
        if part % divisor != 0 {
            return None;
        }
        let nanos = whole.checked_add(part / divisor)?;
        let seconds = u64::try_from(nanos / SECOND).ok()?;
        Some(Duration::new(seconds, (nanos % SECOND) as u32))
    }

    fn plain(&self) -> Plain {
        Plain::Span(*self)
    }
}

const SECOND: u128 = 1_000_000_000;

/// The units of time in nanoseconds, the largest first.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("min", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A duration in the form that options have.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        let (unit, size) =
            UNITS.into_iter().find(|(_, size)| nanos % size == 0).unwrap_or(("ns", 1));
        write!(f, "{}{unit}", nanos / size)
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plain::Count(n) => write!(f, "{n}"),
            Plain::Span(span) => Span(*span).fmt(f),
            Plain::Flag(flag) => write!(f, "{flag}"),
            Plain::Word(word) => f.write_str(word),
            Plain::WordAndSpan(word, span) => write!(f, "{word} {}", Span(*span)),
        }
    }
}

impl Value for Bound {
    const KIND: &'static str = "number or unlimited";
    const ACCEPTS: &'static str = "a whole number, or unlimited";
    const OFF: Option<Off> = Some(Off::Unlimited);

    fn read(text: &str) -> Option<Bound> {
        match text {
            "unlimited" => Some(Bound::Unlimited),
            _ => usize::read(text).map(Bound::At),
        }
    }

    fn plain(&self) -> Plain {
        match self {
            Bound::At(n) => Plain::Count(*n),
            Bound::Unlimited => Plain::Word("unlimited"),
        }
    }
}

impl Value for Timeout {
    const KIND: &'static str = "time or never";
    const ACCEPTS: &'static str = "a time with its unit, such as 30s or 100ms, or never";
    const OFF: Option<Off> = Some(Off::Never);

    fn read(text: &str) -> Option<Timeout> {
        match text {
            "never" => Some(Timeout::Never),
            _ => Duration::read(text).map(Timeout::After),
        }
    }

    fn plain(&self) -> Plain {
        match self {
            Timeout::After(span) => Plain::Span(*span),
            Timeout::Never => Plain::Word("never"),
        }
    }
}

impl Value for TestOnAcquire {
    const KIND: &'static str = "never, always or if_idle_for TIME";
    const ACCEPTS: &'static str = "never, always, or if_idle_for with a time, as in if_idle_for 1s";

    fn read(text: &str) -> Option<TestOnAcquire> {
        match text {
            "never" => Some(TestOnAcquire::Never),
            "always" => Some(TestOnAcquire::Always),
            _ => {
                let span = text.strip_prefix("if_idle_for ")?;
                Duration::read(span.trim_start()).map(TestOnAcquire::IfIdleFor)
            }
        }
    }

    fn plain(&self) -> Plain {
        match self {
            TestOnAcquire::Never => Plain::Word("never"),
            TestOnAcquire::Always => Plain::Word("always"),
            TestOnAcquire::IfIdleFor(span) => Plain::WordAndSpan("if_idle_for", *span),
        }
    }
}

/// A choice between words.
macro_rules! words {
    ($type:ident: $accepts:literal, $($variant:ident $word:literal),+) => {
        impl Value for $type {
            const KIND: &'static str = $accepts;
            const ACCEPTS: &'static str = $accepts;

            fn read(text: &str) -> Option<$type> {
                match text {
                    $($word => Some($type::$variant),)+
                    _ => None,
                }
            }

            fn plain(&self) -> Plain {
                Plain::Word(match self {
                    $($type::$variant => $word,)+
                })
            }
        }
    };
}

words!(Order: "lifo or fifo", Lifo "lifo", Fifo "fifo");
words!(OnConnectError: "retry, fail_first or fail_all",
    Retry "retry", FailFirst "fail_first", FailAll "fail_all");
words!(FreeSlot: "at_close or when_closed", AtClose "at_close", WhenClosed "when_closed");

/// The public face of the text form.
macro_rules! text_forms {
    ($($type:ident),+) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.plain().fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = ConfigError;

            fn from_str(text: &str) -> Result<$type, ConfigError> {
                $type::read(text).ok_or_else(|| {
                    let rule = format!("it must be {}", $type::ACCEPTS);
                    ConfigError::unreadable("the value", text, rule, Origin::Text)
                })
            }
        }
    )+};
}

text_forms!(Bound, Timeout, Order, TestOnAcquire, OnConnectError, FreeSlot);
