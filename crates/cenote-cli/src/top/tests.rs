//! What is drawn, on a screen of cells: full, narrow, empty, and of hostile names; and what keys do.

use cenote_admin::document::{Document, Entry};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::feed::News;
use super::state::{App, Then};
use super::{clean, plain, screen};
use std::time::Duration;

fn status(using: u64, waiting: u64) -> Value {
    json!({"size": 5, "available": 2, "using": using, "waiting": waiting, "max": 20, "state": "running", "peak_waiting": 9})
}

fn pool(name: &str) -> Value {
    let times = json!({"count": 10, "p50_ms": 0.1, "p95_ms": 1.0, "p99_ms": 2.5, "max_ms": 7.0, "recent": {"count": 3, "p50_ms": 0.2, "p95_ms": 1.0, "p99_ms": 4.0}});
    json!({
        "name": name, "status": status(3, 4), "rate": {"acquired": 1234.4, "failed": 0.5},
        "counts": {"acquired": 100, "hits": 90, "timed_out": 2, "connects": 7, "connected": 6},
        "closes": {"idle_timeout": 3, "died": 1}, "connect_failures": {"overload": 1},
        "wait": times, "hold": {"count": 0}, "connect": times,
        "holders": [{"held_ms": 1250.0, "location": "src/orders.rs:10:5", "connection": 4}],
    })
}

/// A pool, and a cluster of two nodes.
fn world() -> Value {
    let node = |key: &str, role: &str, condition: &str, traffic: f64| {
        json!({
            "key": key, "role": role, "condition": condition, "serves": condition == "online", "weight": 2,
            "share": 1.0, "traffic": traffic, "pool": pool(key), "waiting": 0, "lag_ms": 12.0,
            "error": if condition == "ejected" { Some("connection refused") } else { None },
        })
    };
    json!({
        "version": 1, "at": 1_764_309_723_456_u64, "pools": [pool("reports")],
        "clusters": [{
            "name": "orders", "state": "running", "total": status(9, 0), "wait": {"count": 1, "p99_ms": 3.0},
            "nodes": [node("a:5432", "primary", "online", 0.34), node("b:5432", "replica", "ejected", 0.0)],
            "sources": [{"name": "file nodes.toml", "note": "lists 2 nodes"}],
        }],
        "log": [{"n": 3, "at": 1_764_309_722_000_u64, "level": "warn", "of": "orders", "text": "cluster \"orders\": node b:5432 is out"}],
    })
}

fn document(value: &Value) -> Box<Document> {
    Box::new(serde_json::from_value(clean::value(value.clone())).unwrap())
}

fn app(value: &Value) -> App {
    let mut app = App::new("http://127.0.0.1:7070".to_owned());
    hear(&mut app, value);
    app
}

fn hear(app: &mut App, value: &Value) {
    app.hear(News::Status(document(value), Value::Null));
}

/// The screen, a string for each line.
fn drawn(app: &mut App, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(frame, app)).unwrap();
    let cells = terminal.backend().buffer().content().chunks(width.into());
    cells.map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
}

fn press(app: &mut App, code: KeyCode) -> Then {
    app.press(KeyEvent::new(code, KeyModifiers::NONE))
}

/// The line that has this in it.
fn line<'a>(lines: &'a [String], part: &str) -> &'a str {
    lines
        .iter()
        .find(|line| line.contains(part))
        .unwrap_or_else(|| panic!("{part:?} in {lines:#?}"))
}

// P-26, C-17
#[test]
fn everything_fits_a_screen_of_80_by_24() {
    let mut app = app(&world());
    let lines = drawn(&mut app, 80, 24);
    assert!(lines[0].contains("http://127.0.0.1:7070  live, 06:02:03 UTC"), "{lines:#?}");
    let cells = |part| line(&lines, part).split_whitespace().collect::<Vec<_>>();
    assert_eq!(cells("NAME"), ["NAME", "STATE", "USED", "WAIT", "ACQ/S", "P99", "SHARE"]);
    assert_eq!(cells("reports"), ["▸reports", "running", "3/20", "4", "1,234", "4.00", "ms"]);
    assert_eq!(cells("orders  "), ["orders", "running", "9/20", "0", "2,469", "3.00", "ms"]);
    assert_eq!(
        cells("  a:5432"),
        ["a:5432", "primary", "3/20", "4", "1,234", "4.00", "ms", "34", "%"]
    );
    assert!(line(&lines, "  b:5432 ").contains("replica ejected"));
    assert!(line(&lines, "06:02:02").contains("! cluster \"orders\": node b:5432 is out"));
    assert!(lines[23].contains("q quit"));
    assert!(line(&drawn(&mut app, 86, 24), "NAME").contains(" IDLE "));
}

// P-26
#[test]
fn a_narrow_or_tiny_screen_shows_what_it_has_room_for() {
    let mut app = app(&world());
    for (width, height) in [(60, 20), (40, 10), (21, 6), (20, 5)] {
        let lines = drawn(&mut app, width, height);
        assert!(line(&lines, "reports").contains("3/20"), "{lines:#?}");
        assert_eq!(lines.iter().any(|line| line.contains("running")), width >= 52, "{lines:#?}");
        // Who is out is seen all the same.
        assert_eq!(lines.iter().any(|line| line.contains("‼ b:5432")), width < 52 && height > 6);
        assert!(!lines.iter().any(|line| line.contains("! a:5432")), "{lines:#?}");
    }
    for (width, height) in [(19, 24), (80, 4), (1, 1)] {
        let lines = drawn(&mut app, width, height);
        assert!("too small".starts_with(lines[0].trim()), "{lines:?}");
    }
    press(&mut app, KeyCode::Enter);
    press(&mut app, KeyCode::Char('?'));
    for (width, height) in [(80, 24), (40, 10), (20, 5), (300, 100)] {
        assert_eq!(drawn(&mut app, width, height).len(), height as usize);
    }
}

// C-13, C-17
#[test]
fn a_replica_that_is_too_far_behind_for_reads_says_so() {
    let mut world = world();
    world["clusters"][0]["nodes"][1]["condition"] = json!("online");
    world["clusters"][0]["nodes"][1]["lagging"] = json!(true);
    world["clusters"][0]["nodes"][1]["error"] = json!(null);
    world["clusters"][0]["nodes"][1]["serves"] = json!(true);
    let lines = drawn(&mut app(&world), 80, 24);
    assert!(line(&lines, "  b:5432 ").contains("replica lagging"), "{lines:#?}");
    let lines = drawn(&mut app(&world), 40, 24);
    assert!(lines.iter().any(|line| line.contains("! b:5432")), "{lines:#?}");
}

// P-26
#[test]
fn an_empty_registry_is_said_to_be_empty() {
    let nothing = json!({"version": 1});
    let mut app = app(&nothing);
    assert!(line(&drawn(&mut app, 80, 24), "no pool").contains("There is no pool and no cluster"));
    for code in [KeyCode::Down, KeyCode::Up, KeyCode::Enter, KeyCode::End, KeyCode::Esc] {
        assert_eq!(press(&mut app, code), Then::GoOn);
    }
    assert_eq!(app.opened, None);
    assert!(plain::table(&document(&nothing)).contains("There is no pool and no cluster"));
}

// P-26, S
#[test]
fn hostile_names_and_numbers_are_harmless() {
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\nx\u{202e}y";
    let mut world = world();
    world["pools"][0] = pool(evil);
    world["pools"][0]["status"] =
        json!({"using": u64::MAX, "size": u64::MAX, "waiting": u64::MAX, "max": 0, "state": evil});
    world["pools"][0]["rate"] = json!({"acquired": 1e308, "failed": -1.0});
    world["pools"][0]["wait"] = json!({"count": 1, "p99_ms": 1e308, "p50_ms": -5.0});
    world["pools"][0]["holders"] =
        json!([{"held_ms": 1e300, "location": evil, "connection": u64::MAX}]);
    world["pools"][0]["closes"] = json!({evil: 3});
    world["clusters"][0]["nodes"][0]["key"] = json!("宽".repeat(5_000));
    world["clusters"][0]["nodes"][1]["error"] = json!(format!("{evil}{}", "long ".repeat(1_000)));
    world["log"][0]["text"] = json!(evil);
    world["at"] = json!(u64::MAX);
    let mut app = app(&world);
    let harmless = |lines: &[String]| {
        for line in lines {
            assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
        }
    };
    // Every row, in the list and opened, scrolled to its end.
    for _ in 0..4 {
        harmless(&drawn(&mut app, 80, 24));
        press(&mut app, KeyCode::Enter);
        harmless(&drawn(&mut app, 80, 24));
        press(&mut app, KeyCode::End);
        harmless(&drawn(&mut app, 80, 24));
        harmless(&drawn(&mut app, 20, 5));
        press(&mut app, KeyCode::Esc);
        press(&mut app, KeyCode::Down);
    }
    let text = plain::table(&document(&world));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert!(text.lines().all(|line| console::measure_text_width(line) <= 80), "{text}");
}

// P-26
#[test]
fn keys_choose_open_scroll_and_quit() {
    let mut app = app(&world());
    let chosen = |app: &mut App| {
        line(&drawn(app, 80, 24), "▸").split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(chosen(&mut app), "▸reports");
    press(&mut app, KeyCode::Char('j'));
    assert_eq!(chosen(&mut app), "▸orders");
    press(&mut app, KeyCode::End);
    assert!(line(&drawn(&mut app, 80, 24), "▸").contains("b:5432"));
    press(&mut app, KeyCode::Down);
    press(&mut app, KeyCode::Up);
    assert!(line(&drawn(&mut app, 80, 24), "▸").contains("a:5432"));
    // What is chosen stays so when others come before it, and the next takes its place when it goes.
    let mut more = world();
    more["pools"].as_array_mut().unwrap().insert(0, pool("another"));
    hear(&mut app, &more);
    assert!(line(&drawn(&mut app, 80, 24), "▸").contains("a:5432"));
    more["clusters"][0]["nodes"].as_array_mut().unwrap().remove(0);
    hear(&mut app, &more);
    assert!(line(&drawn(&mut app, 80, 24), "▸").contains("b:5432"));

    press(&mut app, KeyCode::Home);
    press(&mut app, KeyCode::Down);
    press(&mut app, KeyCode::Enter);
    let opened = drawn(&mut app, 80, 24).join("\n");
    for part in [
        " pool reports ",
        "3/20 used, 2 idle",
        "4, at most 9 so far",
        "1,234 lent, 0.5 not",
        "100 lent, 90 at once, 2 timed out",
        "6 of 7, 1 refused by the server",
        "1 died, 3 idle_timeout",
        "100 µs   1.00 ms   2.50 ms   7.00 ms   200 µs, 4.00 ms",
    ] {
        assert!(opened.contains(part), "{part:?} in\n{opened}");
    }
    // It scrolls to its end, and not beyond.
    for _ in 0..50 {
        press(&mut app, KeyCode::Down);
        drawn(&mut app, 80, 15);
    }
    let end = drawn(&mut app, 80, 15);
    assert!(line(&end, "held").contains("for 1.25 s: connection 4, from src/orders.rs:10:5"));
    press(&mut app, KeyCode::Up);
    assert_ne!(drawn(&mut app, 80, 15), end);
    press(&mut app, KeyCode::Esc);
    press(&mut app, KeyCode::Down);
    press(&mut app, KeyCode::Enter);
    let opened = drawn(&mut app, 80, 24).join("\n");
    for part in [
        " cluster orders ",
        "file nodes.toml: lists 2 nodes",
        "b:5432: replica, ejected, weight 2",
        "connection refused",
    ] {
        assert!(opened.contains(part), "{part:?} in\n{opened}");
    }
    press(&mut app, KeyCode::Char('?'));
    assert!(drawn(&mut app, 80, 24).join("\n").contains("keys and columns"));
    press(&mut app, KeyCode::Char('j'));
    assert!(!drawn(&mut app, 80, 24).join("\n").contains("keys and columns"), "any key closes it");
    assert_eq!(press(&mut app, KeyCode::Char('q')), Then::Quit);
    assert_eq!(app.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Then::Quit);
    assert_eq!(press(&mut app, KeyCode::Char('c')), Then::GoOn);
}

// P-26
#[test]
fn a_display_that_rests_goes_on_where_the_service_is_by_then() {
    let mut app = app(&world());
    press(&mut app, KeyCode::Char('p'));
    assert!(line(&drawn(&mut app, 80, 24), "rests").contains("the display rests (p)"));
    let before = drawn(&mut app, 80, 24);
    let mut later = world();
    later["pools"][0]["status"] = status(17, 0);
    hear(&mut app, &later);
    app.hear(News::Log(entry(9, "something new")));
    assert_eq!(drawn(&mut app, 80, 24), before);
    press(&mut app, KeyCode::Char('p'));
    let after = drawn(&mut app, 80, 24);
    assert!(line(&after, "reports").contains("17/20"), "{after:#?}");
    assert!(after.iter().any(|line| line.contains("something new")), "{after:#?}");
}

fn entry(n: u64, text: &str) -> Entry {
    serde_json::from_value(json!({"n": n, "at": 0, "level": "info", "of": "orders", "text": text}))
        .unwrap()
}

// P-29
#[test]
fn what_happened_is_told_once_the_newest_last_and_not_kept_for_ever() {
    let mut app = app(&world());
    for n in [4, 5, 5, 4, 6] {
        app.hear(News::Log(entry(n, &format!("event {n}"))));
    }
    hear(&mut app, &world());
    let told: Vec<u64> = app.entries().map(|entry| entry.n).collect();
    assert_eq!(told, [6, 5, 4, 3]);
    let lines = drawn(&mut app, 80, 24);
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    assert!(at("event 4") < at("event 5") && at("event 5") < at("event 6"));
    // What is long has two lines.
    app.hear(News::Log(entry(7, &"word ".repeat(20))));
    let lines = drawn(&mut app, 80, 24);
    assert_eq!(lines.iter().filter(|line| line.contains("word word")).count(), 2, "{lines:#?}");
    for n in 8..2_000 {
        app.hear(News::Log(entry(n, "more")));
    }
    assert_eq!(app.entries().count(), 200);
    // What is routine is shown to whoever wants it, and pushes nothing out.
    for n in 2_000..4_000 {
        let mut routine = entry(n, "ready");
        "trace".clone_into(&mut routine.level);
        app.hear(News::Log(routine));
    }
    assert_eq!(app.entries().next().unwrap().text, "more");
    assert_eq!(app.entries().count(), 200);
    press(&mut app, KeyCode::Char('e'));
    assert_eq!(app.entries().next().unwrap().text, "ready");
    assert_eq!(app.entries().count(), 250);
    press(&mut app, KeyCode::Char('e'));
    // A service that was started anew counts from 1.
    let mut anew = world();
    anew["log"] = json!([entry(1, "began")]);
    app.hear(News::Lost("gone".to_owned(), Duration::ZERO));
    hear(&mut app, &anew);
    assert_eq!(app.entries().next().unwrap().text, "began");
    assert_eq!(app.entries().count(), 1);
}

// P-26
#[test]
fn a_lost_server_is_seen_with_the_reason_and_what_was_last_known() {
    let mut app = app(&world());
    app.hear(News::Lost(
        "http://127.0.0.1:7070: nothing listens there".to_owned(),
        Duration::from_secs(4),
    ));
    let lines = drawn(&mut app, 100, 24);
    assert!(
        lines[0].contains("lost 0 s ago, again in 4 s: http://127.0.0.1:7070: nothing listens"),
        "{lines:#?}"
    );
    assert!(line(&lines, "reports").contains("3/20"), "what was known stays");
    hear(&mut app, &world());
    assert!(drawn(&mut app, 80, 24)[0].contains("live"));
}

// P-26
#[test]
fn without_a_terminal_it_is_a_table_of_80_columns() {
    let text = plain::table(&document(&world()));
    let expected = "\
06:02:03 UTC
NAME                  STATE                   USED   WAIT   ACQ/S      P99 SHARE
reports               running                 3/20      4   1,234  4.00 ms
orders                running                 9/20      0   2,469  3.00 ms
  a:5432              primary                 3/20      4   1,234  4.00 ms  34 %
  b:5432              replica ejected         3/20      4   1,234  4.00 ms   0 %
";
    assert_eq!(text, expected);
}
