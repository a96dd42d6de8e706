//! Presets: the guide's tables and the code say the same, and nothing is set that a table does not list.

use std::collections::BTreeSet;

use crate::common::{Bench, ms};
use cenote::{Bound, Error, Fault, Options, Preset, Timeout};
use cenote_testkit::Step;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/presets.md");

/// The rows of a table that name one of our options: its name and value.
fn rows(section: &str) -> Vec<(String, String)> {
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "a row has five cells: {row}");
        let [theirs, default, ours, value, remark] = cells[..] else { unreachable!() };
        assert!(!theirs.is_empty() && !default.is_empty(), "{row}");
        assert_eq!(ours == "–", value == "–", "{row}");
        assert!(ours != "–" || !remark.is_empty(), "why there is no counterpart: {row}");
        (ours.to_owned(), value.to_owned())
    });
    let code = |cell: String| {
        let bare = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
        bare.unwrap_or_else(|| panic!("{cell} should stand in backticks")).to_owned()
    };
    cells.filter(|(ours, _)| ours != "–").map(|(ours, value)| (code(ours), code(value))).collect()
}

fn section<'a>(page: &'a str, preset: &str) -> &'a str {
    let marker = format!("`Preset::{preset}`");
    let sections: Vec<&str> = page.split("\n## ").filter(|text| text.contains(&marker)).collect();
    assert_eq!(sections.len(), 1, "one section for {preset}");
    sections[0]
}

/// What a preset sets, whatever was there before.
fn set_by(preset: Preset) -> BTreeSet<String> {
    let before = Options::default();
    let mut others = Options::default();
    let texts =
        ["77", "7", "77ms", "if_idle_for 77ms", "fail_all", "when_closed", "fifo", "true", "false"];
    for info in Options::reference() {
        let mut other = texts.iter().filter(|text| **text != info.default);
        assert!(other.any(|text| others.set(info.name, text).is_ok()), "{}", info.name);
    }
    let (mut one, mut other) = (before, others);
    preset.apply(&mut one);
    preset.apply(&mut other);
    let names = Options::reference().iter().map(|info| info.name);
    names.filter(|name| one.get(name) == other.get(name)).map(str::to_owned).collect()
}

// P-24
#[test]
fn the_guides_tables_and_the_presets_say_the_same() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    for preset in Preset::ALL {
        let options = Options::preset(preset);
        let rows = rows(section(&page, &format!("{preset:?}")));
        for (name, value) in &rows {
            assert_eq!(options.get(name).as_ref(), Some(value), "{preset:?}: {name}");
        }
        let listed: BTreeSet<String> = rows.into_iter().map(|(name, _)| name).collect();
        assert_eq!(listed, set_by(preset), "{preset:?}");
        for info in Options::reference().iter().filter(|info| !listed.contains(info.name)) {
            assert_eq!(options.get(info.name).as_deref(), Some(info.default), "{preset:?}");
        }
    }
}

// P-24
#[test]
fn every_preset_can_be_built_and_changed() {
    let bench = Bench::new(1);
    for preset in Preset::ALL {
        let pool = bench.builder().preset(preset).build().unwrap();
        assert_eq!(pool.options(), Options::preset(preset));
    }
    let pool = bench.builder().preset(Preset::GenericPool).max_size(4).build().unwrap();
    assert_eq!(pool.options().max_size, Bound::At(4));
    assert_eq!(pool.options().acquire_timeout, Timeout::Never);
    // What the preset says nothing about stays.
    let pool = bench.builder().max_sharers(5).preset(Preset::Hikari).build().unwrap();
    assert_eq!((pool.options().max_sharers, pool.options().min_idle), (5, 10));
}

// P-24, P-14
#[test]
fn with_a_node_preset_the_first_waiter_gets_the_error() {
    for preset in [Preset::GenericPool, Preset::SequelizePool, Preset::NodeMysql] {
        let bench = Bench::new(1);
        bench.script.connects([Step::SlowError(ms(10), Fault::Host), Step::Slow(ms(30))]);
        let pool = bench.builder().preset(preset).build().unwrap();
        let error = bench.sim.run(pool.acquire()).unwrap_err();
        assert!(matches!(error, Error::Connect { .. }), "{preset:?}: {error}");
        assert_eq!(bench.elapsed(), ms(10));
        assert!(bench.sim.run(pool.acquire()).is_ok(), "the next one tries again");
    }
}
