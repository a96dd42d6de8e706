//! What the tests of files have in common: options of every kind, and what TOML and JSON make of a text.

#![forbid(unsafe_code)]

use cenote::{ConfigError, Options};

/// Options that between them have every value far from its default, the largest numbers included.
pub fn samples() -> Vec<Options> {
    let with = |pairs: &[(&str, &str)]| {
        let mut options = Options::default();
        let set: Result<(), ConfigError> =
            pairs.iter().try_for_each(|(name, text)| options.set(name, text));
        set.expect("the samples can be read");
        options
    };
    vec![
        Options::default(),
        with(&[
            ("max_size", "unlimited"),
            ("min_size", "3"),
            ("min_idle", "2"),
            ("max_idle", "4"),
            ("max_waiting", "0"),
            ("priorities", "32"),
            ("order", "fifo"),
            ("acquire_timeout", "never"),
            ("slow_acquire", "1500ms"),
            ("max_sharers", "4096"),
            ("connect_timeout", "1h"),
            ("max_connecting", "1"),
            ("ramp", "false"),
            ("backoff_first", "1us"),
            ("backoff_max", "2d"),
            ("on_connect_error", "fail_all"),
            ("fail_fast", "true"),
            ("test_on_create", "true"),
            ("test_on_acquire", "always"),
            ("test_timeout", "1ns"),
            ("keepalive", "2min"),
            ("reset_timeout", "never"),
            ("idle_timeout", "never"),
            ("idle_timeout_hard", "36500d"),
            ("max_lifetime", "1000000001ns"),
            ("lifetime_jitter_percent", "0"),
            ("max_uses", "1"),
            ("upkeep_interval", "10ms"),
            ("close_timeout", "never"),
            ("free_slot", "when_closed"),
            ("measure_hold", "true"),
            ("leak_after", "1d"),
        ]),
        with(&[("on_connect_error", "fail_first"), ("test_on_acquire", "if_idle_for 90s")]),
        with(&[("test_on_acquire", "never"), ("max_uses", &usize::MAX.to_string())]),
    ]
}

/// Why TOML refuses this text as options.
pub fn toml_says(text: &str) -> String {
    toml::from_str::<Options>(text).expect_err(text).to_string()
}

/// Why JSON refuses this text as options.
pub fn json_says(text: &str) -> String {
    serde_json::from_str::<Options>(text).expect_err(text).to_string()
}
