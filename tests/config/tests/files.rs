//! Options in files: what is written is read back; what is wrong is refused with its line and column.

use std::collections::BTreeMap;
use std::time::Duration;

use cenote::{Bound, Options, Order, Preset, Settings, TestOnAcquire, Timeout};
use cenote_config_tests::{json_says, samples, toml_says};

// P-24
#[test]
fn options_are_read_from_toml_and_json_and_what_is_missing_has_its_default() {
    let mut expected = Options::default();
    expected.max_size = Bound::Unlimited;
    expected.min_size = 2;
    expected.acquire_timeout = Duration::from_secs(3).into();
    expected.keepalive = Timeout::Never;
    expected.order = Order::Fifo;
    expected.ramp = false;
    expected.test_on_acquire = TestOnAcquire::IfIdleFor(Duration::from_secs(5));
    let toml = r#"
        max_size = "unlimited"
        min_size = 2
        acquire_timeout = "3s"
        keepalive = "never"
        order = "fifo"
        ramp = false
        test_on_acquire = "if_idle_for 5s"
    "#;
    assert_eq!(toml::from_str::<Options>(toml).unwrap(), expected);
    let json = r#"{"max_size": "unlimited", "min_size": 2, "acquire_timeout": "3s", "keepalive": "never",
        "order": "fifo", "ramp": false, "test_on_acquire": "if_idle_for 5s"}"#;
    assert_eq!(serde_json::from_str::<Options>(json).unwrap(), expected);
    assert_eq!(toml::from_str::<Options>("").unwrap(), Options::default());
    assert_eq!(serde_json::from_str::<Options>("{}").unwrap(), Options::default());
    // Templates often know text only.
    assert_eq!(
        serde_json::from_str::<Options>(r#"{"max_size": "20"}"#).unwrap().max_size,
        20.into()
    );
}

// P-24
#[test]
fn every_option_round_trips_through_toml_and_json() {
    let presets = Preset::ALL.map(Options::preset);
    for options in samples().into_iter().chain(presets) {
        let toml = toml::to_string(&options).unwrap();
        assert_eq!(toml::from_str::<Options>(&toml).unwrap(), options, "{toml}");
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<Options>(&json).unwrap(), options, "{json}");
        for info in Options::reference() {
            assert!(json.contains(&format!("\"{}\":", info.name)), "{json}");
        }
    }
}

// P-24
#[test]
fn values_of_options_can_be_fields_of_a_services_own_file() {
    let json = r#"{"a": 5, "b": "unlimited"}"#;
    let bounds: BTreeMap<String, Bound> = serde_json::from_str(json).unwrap();
    assert_eq!((bounds["a"], bounds["b"]), (Bound::At(5), Bound::Unlimited));
    assert_eq!(serde_json::to_string(&bounds).unwrap(), r#"{"a":5,"b":"unlimited"}"#);
    let times: BTreeMap<String, Timeout> = toml::from_str("a = \"1.5s\"\nb = \"never\"").unwrap();
    assert_eq!((times["a"], times["b"]), (Duration::from_millis(1500).into(), Timeout::Never));
    assert_eq!(toml::to_string(&times).unwrap(), "a = \"1500ms\"\nb = \"never\"\n");
    let pools: BTreeMap<String, Options> =
        toml::from_str("[orders]\nmax_size = 4\n[reports]\norder = \"fifo\"").unwrap();
    assert_eq!((pools["orders"].max_size, pools["reports"].order), (4.into(), Order::Fifo));
}

// P-24
#[test]
fn a_files_settings_can_be_laid_over_a_preset() {
    let settings: Settings = toml::from_str("max_size = 20\nmin_size = 15").unwrap();
    let mut options = Options::preset(Preset::SequelizePool);
    settings.apply(&mut options);
    assert_eq!((options.max_size, options.min_size), (Bound::At(20), 15));
    assert_eq!(options.idle_timeout, Duration::from_secs(10).into());
}

// P-24, S
#[test]
fn an_unknown_key_is_refused_with_its_line_and_column() {
    let said = toml_says("min_size = 1\n  max_sise = 20\n");
    assert!(said.contains("line 2, column 3"), "{said}");
    assert!(said.contains("max_sise is no option of a pool: did you mean max_size?"), "{said}");

    let said = json_says("{\"min_size\": 1,\n  \"max_sise\": 20}");
    assert_eq!(said, "max_sise is no option of a pool: did you mean max_size? at line 2 column 12");
}

// P-24, S
#[test]
fn an_impossible_value_is_refused_with_its_line_and_column() {
    let said = toml_says("min_size = 0\nmax_size = 0\n");
    assert!(said.contains("line 2, column 12"), "{said}");
    assert!(said.contains("max_size is 0, but it must be at least 1"), "{said}");
    assert!(said.contains("(for no limit say unlimited)"), "{said}");

    let said = json_says("{\"min_size\": 0,\n  \"max_size\": 0}");
    assert!(said.starts_with("max_size is 0, but it must be at least 1"), "{said}");
    assert!(said.contains("at line 2 column "), "{said}");

    for (toml, json, rule) in [
        ("order = 3", r#"{"order": 3}"#, "order is \"3\", but it must be lifo or fifo"),
        ("ramp = 1", r#"{"ramp": 1}"#, "ramp is \"1\", but it must be true or false"),
        (
            "max_size = true",
            r#"{"max_size": true}"#,
            "max_size is \"true\", but it must be a whole number",
        ),
        (
            "max_size = -1",
            r#"{"max_size": -1}"#,
            "max_size is \"-1\", but it must be a whole number",
        ),
        ("max_size = 1.0", r#"{"max_size": 1.0}"#, "expected a whole number, or unlimited"),
        ("max_size = [1]", r#"{"max_size": [1]}"#, "expected a whole number, or unlimited"),
        (
            "acquire_timeout = 30",
            r#"{"acquire_timeout": 30}"#,
            "acquire_timeout is \"30\", but it must be a time with its unit",
        ),
    ] {
        let said = toml_says(toml);
        assert!(said.contains(rule) && said.contains("line 1, column "), "{said}");
        let said = json_says(json);
        assert!(said.contains(rule) && said.contains("at line 1 column "), "{said}");
    }
    assert!(json_says(r#"{"max_size": null}"#).contains("expected a whole number, or unlimited"));
    assert!(json_says("[]").contains("expected the options of a pool"));
}

// P-24, S
#[test]
fn an_impossible_pair_is_refused_with_the_field_the_value_and_the_rule() {
    let rule = "min_size is 20, but it must not exceed max_size, which is 10: raise max_size or lower min_size";
    assert!(toml_says("min_size = 20").contains(rule));
    assert!(json_says(r#"{"min_size": 20}"#).contains(rule));
    // In whatever order the two stand.
    assert!(toml::from_str::<Options>("min_size = 20\nmax_size = 30").is_ok());
    let within = "[pool]\nmin_size = 20\n";
    let said = toml::from_str::<BTreeMap<String, Options>>(within).unwrap_err().to_string();
    assert!(said.contains(rule) && said.contains("line 1"), "{said}");
}

// P-24, S
#[test]
fn a_key_that_is_given_twice_is_refused() {
    let said = json_says("{\"order\": \"lifo\",\n\"order\": \"fifo\"}");
    assert!(
        said.starts_with("order is given a second time: keep one of the two at line 2"),
        "{said}"
    );
    assert!(toml_says("order = \"lifo\"\norder = \"fifo\"").contains("line 2"));
}
