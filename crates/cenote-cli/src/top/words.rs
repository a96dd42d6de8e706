//! Numbers of the document as a narrow column shows them.

use std::time::Duration;

use crate::units::{count, duration};

/// Milliseconds: `840 µs`, `12.4 ms`. A server may say anything.
pub(crate) fn millis(ms: f64) -> String {
    match Duration::try_from_secs_f64(ms / 1e3) {
        Ok(time) if time < Duration::from_secs(10_000) => duration(time),
        Ok(_) => ">9999 s".to_owned(),
        Err(_) => "–".to_owned(),
    }
}

/// Per second: `0`, `0.3`, `12`, `1,234`, `56k`, `7.8M`.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        n if !n.is_finite() || n < 0.0 => "–".to_owned(),
        0.0 => "0".to_owned(),
        n if n < 9.95 => format!("{n:.1}"),
        n if n < 99_999.5 => count(n.round() as u64),
        n if n < 999_500.0 => format!("{:.0}k", n / 1e3),
        n if n < 1e12 => format!("{:.1}M", n / 1e6),
        _ => "a lot".to_owned(),
    }
}

/// A share as a whole number of percent.
pub(crate) fn percent(share: f64) -> String {
    if (0.0..=1.0).contains(&share) { format!("{:.0} %", share * 100.0) } else { "–".to_owned() }
}

/// How many of how many.
pub(crate) fn of(used: u64, max: Option<u64>) -> String {
    match max {
        Some(max) => format!("{used}/{max}"),
        None => format!("{used}/∞"),
    }
}

/// The time of the day, UTC, of a moment in milliseconds since 1970.
pub(crate) fn clock(at: u64) -> String {
    let seconds = at / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-26
    #[test]
    fn numbers_are_short_whatever_they_are() {
        for (ms, text) in [
            (0.0, "0 ns"),
            (0.84, "840 µs"),
            (12.44, "12.4 ms"),
            (3e6, "3000 s"),
            (3e9, ">9999 s"),
            (-1.0, "–"),
            (f64::NAN, "–"),
            (1e300, "–"),
        ] {
            assert_eq!(millis(ms), text);
        }
        for (n, text) in [
            (0.0, "0"),
            (0.34, "0.3"),
            (12.4, "12"),
            (1234.0, "1,234"),
            (99_999.0, "99,999"),
            (123_456.0, "123k"),
            (7.84e6, "7.8M"),
            (1e15, "a lot"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(rate(n), text);
        }
        assert_eq!(
            [percent(0.335), percent(1.0), percent(-1.0), percent(f64::NAN)],
            ["34 %", "100 %", "–", "–"]
        );
        assert_eq!([of(3, Some(10)), of(3, None)], ["3/10", "3/∞"]);
        assert_eq!(clock(1_764_309_723_456), "06:02:03");
    }
}
