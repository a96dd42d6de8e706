//! Options as text: set by name, from the environment and from a URL. What is written is read back; what is
//! wrong is refused with its name, its place and what to do, and never with a password.

use std::collections::BTreeSet;
use std::time::Duration;

use cenote::{
    Bound, Change, FreeSlot, OnConnectError, Options, Order, Origin, Preset, Settings,
    TestOnAcquire, Timeout,
};

fn said(result: Result<impl Sized, cenote::ConfigError>) -> String {
    result.err().expect("it is refused").to_string()
}

/// For each option a value that is not its default.
const OTHERS: &[(&str, &str)] = &[
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
    ("test_on_acquire", "if_idle_for 90s"),
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
];

// P-24
#[test]
fn the_reference_lists_every_field_with_its_default() {
    let defaults = Options::default();
    let fields = format!("{defaults:#?}");
    let fields: Vec<&str> = fields
        .lines()
        .filter_map(|line| {
            line.strip_prefix("    ").filter(|line| !line.starts_with([' ', '}', ')']))
        })
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let listed: Vec<&str> = Options::reference().iter().map(|info| info.name).collect();
    assert_eq!(listed, fields);
    for info in Options::reference() {
        assert_eq!(defaults.get(info.name).as_deref(), Some(info.default), "{}", info.name);
        let sentences = [info.what, info.why];
        assert!(sentences.iter().all(|s| s.ends_with('.') && !s.contains("  ")), "{info:?}");
        assert!(info.rule.starts_with("P-") && !info.accepts.is_empty(), "{info:?}");
    }
}

// P-24, P-22
#[test]
fn only_the_number_of_levels_is_fixed_at_build() {
    let fixed = Options::reference().iter().filter(|info| info.change == Change::AtBuild);
    assert_eq!(fixed.map(|info| info.name).collect::<Vec<_>>(), ["priorities"]);
}

// P-24
#[test]
fn every_option_is_set_from_text_and_read_back() {
    let names: BTreeSet<&str> = OTHERS.iter().map(|(name, _)| *name).collect();
    let listed: BTreeSet<&str> = Options::reference().iter().map(|info| info.name).collect();
    assert_eq!(names, listed);
    let mut all = Options::default();
    for (name, text) in OTHERS {
        let mut options = Options::default();
        options.set(name, text).unwrap();
        assert_eq!(options.get(name).as_deref(), Some(*text), "{name}");
        assert_ne!(options, Options::default(), "{name}");
        all.set(name, text).unwrap();
    }
    let mut again = Options::default();
    for info in Options::reference() {
        again.set(info.name, &all.get(info.name).unwrap()).unwrap();
    }
    assert_eq!(again, all);
}

// P-24
#[test]
fn values_have_the_text_form_that_the_guide_shows() {
    let time = |text: &str| match text.parse::<Timeout>() {
        Ok(Timeout::After(time)) => Some(time),
        _ => None,
    };
    let ms = Duration::from_millis;
    assert_eq!(time("100ms"), Some(ms(100)));
    assert_eq!(time("1.5s"), Some(ms(1500)));
    assert_eq!(time("0.5h"), Some(ms(1_800_000)));
    assert_eq!(time("10 min"), Some(ms(600_000)));
    assert_eq!(time("2us"), Some(Duration::from_micros(2)));
    assert_eq!(time("1d"), Some(Duration::from_secs(86_400)));
    for wrong in [
        "",
        "s",
        "30",
        "-1s",
        "+1s",
        ".5s",
        "1.s",
        "1..5s",
        "1.5.s",
        "30S",
        "30 seconds",
        "1h30min",
        "s30",
        "0.1ns",
        "1e3s",
        "99999999999999999999d",
        "0.0000000000000000001s",
        " 30s",
        "30s ",
        "٣s",
        "340282366920938463463374607431768211456s",
    ] {
        assert_eq!(time(wrong), None, "{wrong:?}");
    }
    assert_eq!("never".parse(), Ok(Timeout::Never));
    assert_eq!("unlimited".parse(), Ok(Bound::Unlimited));
    assert_eq!("7".parse(), Ok(Bound::At(7)));
    assert_eq!("fifo".parse(), Ok(Order::Fifo));
    assert_eq!("always".parse(), Ok(TestOnAcquire::Always));
    assert_eq!("if_idle_for 500ms".parse(), Ok(TestOnAcquire::IfIdleFor(ms(500))));
    assert_eq!("fail_first".parse(), Ok(OnConnectError::FailFirst));
    assert_eq!("at_close".parse(), Ok(FreeSlot::AtClose));
    assert_eq!(
        Timeout::After(Duration::MAX).to_string().parse(),
        Ok(Timeout::After(Duration::MAX))
    );
    assert_eq!(Timeout::After(ms(90_000)).to_string(), "90s");
    assert_eq!(said("Lifo".parse::<Order>()), "the value is \"Lifo\", but it must be lifo or fifo");
}

// P-24, S
#[test]
fn text_that_is_no_value_is_refused_and_changes_nothing() {
    let cases = [
        ("max_size", "ten", "max_size is \"ten\", but it must be a whole number, or unlimited"),
        ("max_size", "-1", "max_size is \"-1\", but it must be a whole number, or unlimited"),
        ("max_size", "+5", "max_size is \"+5\", but it must be a whole number, or unlimited"),
        ("max_size", "", "max_size is \"\", but it must be a whole number, or unlimited"),
        (
            "max_size",
            "0",
            "max_size is 0, but it must be at least 1: a pool of no connections lends none (for no limit say unlimited)",
        ),
        (
            "max_size",
            "99999999999999999999999",
            "max_size is \"99999999999999999999999\", but it must be below 4294967295",
        ),
        ("priorities", "300", "priorities is \"300\", but it must be from 1 to 32"),
        ("priorities", "33", "priorities is 33, but it must be from 1 to 32"),
        (
            "acquire_timeout",
            "30",
            "acquire_timeout is \"30\", but it must be a time with its unit, such as 30s or 100ms, or never",
        ),
        (
            "acquire_timeout",
            "0s",
            "acquire_timeout is 0s, but it must be longer than zero (to switch it off say never)",
        ),
        ("backoff_first", "0ms", "backoff_first is 0s, but it must be longer than zero"),
        ("ramp", "yes", "ramp is \"yes\", but it must be true or false"),
        ("order", "a\nb", "order is \"a\\nb\", but it must be lifo or fifo"),
    ];
    for (name, text, sentence) in cases {
        let mut options = Options::default();
        assert_eq!(said(options.set(name, text)), sentence);
        assert_eq!(options, Options::default());
    }
    let long = said(Options::default().set("order", &"x".repeat(10_000)));
    assert!(long.len() < 200, "{long}");
}

// P-24, S
#[test]
fn an_unknown_name_is_refused_with_the_nearest_known_one() {
    let refused = |name: &str| said(Options::default().set(name, "1"));
    assert_eq!(refused("maxsize"), "maxsize is no option of a pool: did you mean max_size?");
    assert_eq!(
        refused("accquire_timeot"),
        "accquire_timeot is no option of a pool: did you mean acquire_timeout?"
    );
    assert_eq!(
        refused("MAX_SIZE"),
        "MAX_SIZE is no option of a pool: see the list of options in the guide"
    );
    assert_eq!(refused(""), "\"\" is no option of a pool: see the list of options in the guide");
    assert!(refused("a\nb").starts_with("\"a\\nb\" is no option"));
    assert!(refused(&"x".repeat(10_000)).len() < 200);
}

// P-24
#[test]
fn environment_variables_set_options() {
    let vars = [
        ("PATH", "/bin"),
        ("CENOTE_MAX_SIZE", "20"),
        ("CENOTE_ACQUIRE_TIMEOUT", "3s"),
        ("CENOTES", "1"),
    ];
    for prefix in ["CENOTE_", "CENOTE"] {
        let mut options = Options::preset(Preset::NodeMysql);
        Settings::from_vars(prefix, vars).unwrap().apply(&mut options);
        let mut expected = Options::preset(Preset::NodeMysql);
        expected.max_size = 20.into();
        expected.acquire_timeout = Duration::from_secs(3).into();
        assert_eq!(options, expected);
    }
    assert!(Settings::from_vars("OTHER_", vars).unwrap().is_empty());
    assert_eq!(Options::from_env("CENOTE_TEST_OF_NOTHING_"), Ok(Options::default()));
}

// P-24, S
#[test]
fn a_wrong_environment_variable_is_named() {
    let refused = |name: &str, value: &str| {
        let error = Settings::from_vars("CENOTE_", [(name, value)]).unwrap_err();
        assert_eq!(error.origin(), &Origin::Variable(name.to_owned()));
        error.to_string()
    };
    assert_eq!(
        refused("CENOTE_MAX_SIZE", "0"),
        "max_size is 0 in the environment variable CENOTE_MAX_SIZE, but it must be at least 1: a pool of no connections lends none (for no limit say unlimited)"
    );
    assert_eq!(
        refused("CENOTE_MAX_SISE", "20"),
        "max_sise in the environment variable CENOTE_MAX_SISE is no option of a pool: did you mean CENOTE_MAX_SIZE?"
    );
    let secret = refused("CENOTE_PASSWORD", "hunter2");
    assert!(!secret.contains("hunter2"), "{secret}");
    let twice = Settings::from_vars("A", [("A_ORDER", "lifo"), ("A_order", "fifo")]);
    assert_eq!(
        said(twice),
        "order in the environment variable A_order is given a second time: keep one of the two"
    );
}

#[cfg(unix)]
// P-24, S
#[test]
fn a_variable_that_is_not_unicode_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let vars = [(OsStr::new("CENOTE_ORDER"), OsStr::from_bytes(b"\xff"))];
    let text = said(Settings::from_vars("CENOTE_", vars));
    assert!(text.starts_with("order is \"\u{fffd}\" in the environment variable"), "{text}");
}

// P-24
#[test]
fn options_ride_in_a_url_that_is_otherwise_untouched() {
    let cases = [
        (
            "postgres://u:p@h/db?sslmode=require&pool_max_size=20",
            "postgres://u:p@h/db?sslmode=require",
        ),
        (
            "postgres://u:p@h/db?pool_max_size=20&sslmode=require",
            "postgres://u:p@h/db?sslmode=require",
        ),
        (
            "postgres://u:p@h/db?a=%41&pool_max_size=20&b=x+y&c#f",
            "postgres://u:p@h/db?a=%41&b=x+y&c#f",
        ),
        ("postgres://u%40:p%3F@h/db?pool_max_size=20", "postgres://u%40:p%3F@h/db"),
        ("postgres://h/db?pool_max_size=20#f", "postgres://h/db#f"),
        ("sqlite:app.db?pool%5Fmax_size=%32%30", "sqlite:app.db"),
        ("x:?&&pool_max_size=20&", "x:?&&"),
    ];
    for (url, rest) in cases {
        let (options, left) = Options::from_url(url).unwrap();
        assert_eq!((options.max_size, left.as_str()), (Bound::At(20), rest), "{url}");
    }
    let untouched = [
        "",
        "?",
        "x:a?",
        "x:?&&",
        "x:a?b=%zz&c=@",
        "postgres://u:p@h/db?spool_size=1&Pool_x=2",
        "x:#?pool",
    ];
    for url in untouched {
        assert_eq!(Options::from_url(url).unwrap(), (Options::default(), url.to_owned()));
    }
    let url = "x:?pool_test_on_acquire=if_idle_for+2s&pool_order=fifo&pool_leak_after=1%2E5min";
    let (options, _) = Options::from_url(url).unwrap();
    assert_eq!(options.test_on_acquire, TestOnAcquire::IfIdleFor(Duration::from_secs(2)));
    assert_eq!((options.order, options.leak_after), (Order::Fifo, Duration::from_secs(90).into()));
}

// P-24, S
#[test]
fn a_wrong_parameter_of_a_url_is_named_with_its_position() {
    let cases = [
        (
            "postgres://h/db?pool_max_sise=20",
            17,
            "pool_max_sise at character 17 of the URL is no option of a pool: did you mean pool_max_size?",
        ),
        (
            "postgres://h/dé?a=1&pool_order=best",
            21,
            "order is \"best\" at character 21 of the URL, but it must be lifo or fifo",
        ),
        (
            "x:?pool_order=lifo&pool_order=lifo",
            20,
            "order at character 20 of the URL is given a second time: keep one of the two",
        ),
        (
            "x:?pool_min_size=11",
            4,
            "min_size is 11 at character 4 of the URL, but it must not exceed max_size, which is 10: raise max_size or lower min_size",
        ),
        (
            "x:?pool_=1",
            4,
            "pool_ at character 4 of the URL is no option of a pool: see the list of options in the guide",
        ),
        (
            "x:?pool_order",
            4,
            "order is \"\" at character 4 of the URL, but it must be lifo or fifo",
        ),
    ];
    for (url, at, sentence) in cases {
        let mut options = Options::default();
        let error = options.read_url(url).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.origin()), (sentence, &Origin::Url { at }));
        assert_eq!(options, Options::default());
    }
}

// P-24, S
#[test]
fn no_part_of_a_password_is_in_an_error() {
    for url in [
        "postgres://me:hunter2@h/db?pool_max_size=x",
        "postgres://me:hunter2@h/db?pool_maxsize=1",
        "postgres://h/db?user=me&password=hunter2&pool_order=x",
        // A password that is not encoded tears the URL apart.
        "postgres://me:a?pool_hunter2@h/db",
        "postgres://me:a?pool_max_size=hunter2@h/db",
        "postgres://me:a?pool_max_size=hunter2&b@h/db",
        "postgres://me:a?pool_order=hunter2#b@h/db",
    ] {
        let error = Options::from_url(url).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        assert!(!error.field().contains("hunter2"), "{error:?}");
    }
    let torn = said(Options::from_url("postgres://me:a?pool_order=hunter2@h/db"));
    assert_eq!(torn, "order is (hidden) at character 17 of the URL, but it must be lifo or fifo");
}

// P-24
#[test]
fn later_sources_win_and_what_they_do_not_name_stays() {
    let (url, _) = Settings::from_url("x:?pool_max_size=30&pool_min_size=20").unwrap();
    let vars = Settings::from_vars("P", [("P_MAX_SIZE", "40")]).unwrap();
    let mut options = Options::preset(Preset::GenericPool);
    url.apply(&mut options);
    vars.apply(&mut options);
    assert_eq!((options.max_size, options.min_size), (Bound::At(40), 20));
    assert_eq!(options.acquire_timeout, Timeout::Never);
    // A pair that no single source gives is refused when all is together.
    let vars = Settings::from_vars("P", [("P_MAX_SIZE", "10")]).unwrap();
    vars.apply(&mut options);
    assert!(
        said(options.validate()).starts_with("min_size is 20, but it must not exceed max_size")
    );
}
