//! Numbers as people read them.

use std::time::Duration;

/// 1234567 as `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration with three digits: `840 ns`, `12.4 µs`, `1.24 ms`, `10.0 s`.
pub(crate) fn duration(d: Duration) -> String {
    let nanos = d.as_nanos() as f64;
    // What would be rounded up to 1000 belongs to the next unit.
    let (value, unit) = match nanos {
        n if n < 999.5 => return format!("{n:.0} ns"),
        n if n < 999.5e3 => (n / 1e3, "µs"),
        n if n < 999.5e6 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// How often something happens in a second, rounded.
pub(crate) fn per_second(n: u64, elapsed: Duration) -> u64 {
    (n as f64 / elapsed.as_secs_f64().max(1e-9)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), text);
        }
    }

    #[test]
    fn durations_have_three_digits_and_the_right_unit() {
        for (nanos, text) in [
            (0, "0 ns"),
            (840, "840 ns"),
            (1_000, "1.00 µs"),
            (12_440, "12.4 µs"),
            (999_600, "1.00 ms"),
            (9_996_000, "10.0 ms"),
            (140_000_000, "140 ms"),
            (10_000_000_000, "10.0 s"),
            (3_600_000_000_000, "3600 s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }
}
