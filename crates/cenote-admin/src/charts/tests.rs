//! What is in the pictures.

use super::*;

fn minute(n: u64, change: impl Fn(u64, &mut Sample)) -> Vec<Sample> {
    let sample = |second| {
        let mut sample = Sample { at: 1_000_000 + 1_000 * second, ..Sample::default() };
        change(second, &mut sample);
        sample
    };
    (0..60 * n).map(sample).collect()
}

fn count(svg: &str, part: &str) -> usize {
    svg.matches(part).count()
}

#[test]
fn connections_have_a_line_each_and_say_the_values_of_now() {
    let samples = minute(5, |second, sample| {
        *sample = Sample {
            size: 8,
            using: 6,
            available: 2,
            waiting: second as usize / 100,
            max: Some(10),
            ..sample.clone()
        };
    });
    let svg = Kind::Connections.draw("orders", &samples).unwrap();
    assert!(svg.starts_with("<svg role=\"img\" "), "{svg}");
    let title = "<title>Connections, orders, the last five minutes. Now: limit 10, size 8, idle 2, in use 6, waiting 2</title>";
    assert!(svg.contains(title), "{svg}");
    for class in ["size", "available", "using", "waiting", "limit"] {
        let line = format!("<polyline fill=\"none\" opacity=\"1\" class=\"{class}\"");
        assert_eq!(count(&svg, &line), 1, "{class} in {svg}");
    }
    for text in ["in use 6", "waiting 2", "−5\u{202f}min", "now"] {
        assert!(
            svg.contains(&format!("\n{text}\n")) || svg.contains(&format!(">\n{text}")),
            "{text} in {svg}"
        );
    }
}

#[test]
fn a_pool_without_a_limit_has_no_line_of_one() {
    let svg = Kind::Connections.draw("orders", &minute(1, |_, _| ())).unwrap();
    assert!(!svg.contains("limit"), "{svg}");
}

#[test]
fn a_second_without_acquires_is_a_gap() {
    let samples = minute(1, |second, sample| {
        sample.wait = (!(20..30).contains(&second)).then_some((0.05, 40.0));
    });
    let svg = Kind::Wait.draw("orders", &samples).unwrap();
    assert_eq!(count(&svg, "class=\"p99\" stroke="), 2, "{svg}");
    assert!(svg.contains("50 % 50\u{202f}µs, 99 % 40\u{202f}ms</title>"), "{svg}");
    for mark in ["≤\u{202f}100\u{202f}µs", "1\u{202f}ms", "10\u{202f}ms", "100\u{202f}ms"] {
        assert!(svg.contains(&format!("\n{mark}\n")), "{mark} in {svg}");
    }
}

#[test]
fn waits_that_nobody_feels_are_a_level_line() {
    let samples = minute(1, |second, sample| {
        sample.wait = Some((0.0, if second % 2 == 0 { 0.0 } else { 0.09 }));
    });
    let svg = Kind::Wait.draw("orders", &samples).unwrap();
    // And told as they are.
    assert!(svg.contains("50 % none, 99 % 90\u{202f}µs</title>"), "{svg}");
    let line = svg.split("class=\"p99\" stroke=").nth(1).unwrap();
    let points = line.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut heights: Vec<&str> =
        points.split_whitespace().map(|point| point.split_once(',').unwrap().1).collect();
    heights.dedup();
    assert_eq!(heights.len(), 1, "{points}");
}

#[test]
fn a_picture_reaches_back_as_far_as_there_is_something_to_see() {
    let short = |seconds: usize| {
        let svg = Kind::Connections.draw("orders", &minute(5, |_, _| ())[..seconds]).unwrap();
        let marks = ["−15\u{202f}s", "−90\u{202f}s", "−4\u{202f}min"];
        marks.map(|mark| svg.contains(&format!("\n{mark}\n")))
    };
    assert_eq!(short(5), [true, false, false]);
    assert_eq!(short(61), [true, false, false]);
    assert_eq!(short(62), [false, true, false]);
    assert_eq!(short(122), [false, false, true]);
}

#[test]
fn a_picture_of_nothing_says_that_it_is_one() {
    let svg = Kind::Wait.draw("orders", &minute(1, |_, _| ())).unwrap();
    assert!(svg.contains("\nNobody acquired in this time\n"), "{svg}");
    assert!(Kind::Connections.draw("orders", &[]).unwrap().contains("\nNo figures yet\n"));
}

#[test]
fn many_nodes_are_counted_and_long_names_keep_what_tells_them_apart() {
    let draw = |keys: &[String]| {
        let traffic = || keys.iter().map(|key| (Arc::from(key.as_str()), 0.02)).collect();
        Kind::Traffic.draw("shop", &minute(1, |_, sample| sample.traffic = traffic())).unwrap()
    };
    let keys: Vec<String> = (0..50).map(|n| format!("db-{n}.eu-west-1.example.com:5432")).collect();
    let svg = draw(&keys);
    assert!(svg.contains("\ndb-0 2\u{202f}%\n") && svg.contains("\nand 47 more\n"), "{svg}");
    assert!(svg.contains("\n10\u{202f}%\n") && !svg.contains("\n25\u{202f}%\n"), "{svg}");
    assert!(svg.contains("db-49 2\u{202f}%</title>"), "whoever hears it hears of all: {svg}");
    let svg = draw(&[
        "replica-of-the-orders-in-europe-1".into(),
        "replica-of-the-orders-in-europe-2".into(),
    ]);
    assert!(
        svg.contains("\nreplica-o…europe-1 2") && svg.contains("\nreplica-o…europe-2 2"),
        "{svg}"
    );
    // Short ones stay whole.
    let svg = draw(&["a:5432".into(), "b:5432".into()]);
    assert!(svg.contains("\na:5432 2\u{202f}%\n"), "{svg}");
}

#[test]
fn a_time_in_which_nobody_looked_is_a_gap() {
    let mut samples = minute(2, |_, _| ());
    samples.retain(|sample| !(1_030_000..1_050_000).contains(&sample.at));
    let svg = Kind::Connections.draw("orders", &samples).unwrap();
    assert_eq!(count(&svg, "class=\"size\" stroke="), 2, "{svg}");
}

#[test]
fn nodes_keep_their_colours_and_one_that_has_left_comes_last() {
    let key = |name: &str| Arc::<str>::from(name);
    let samples = minute(2, |second, sample| {
        sample.traffic = match second {
            0..60 => vec![(key("gone"), 0.5), (key("a"), 0.5)],
            _ => vec![(key("a"), 0.25), (key("b"), 0.75)],
        };
    });
    let svg = Kind::Traffic.draw("orders", &samples).unwrap();
    let now = "Now: a 25\u{202f}%, b 75\u{202f}%, gone –</title>";
    assert!(svg.contains(now), "{svg}");
    for class in ["node-0", "node-1", "node-2"] {
        assert_eq!(count(&svg, &format!("class=\"{class}\" stroke=")), 1, "{class} in {svg}");
    }
}

#[test]
fn names_are_text_whatever_they_say() {
    let hostile = "</title><script>alert(1)</script>\" onload=\"x";
    let samples = minute(1, |_, sample| sample.traffic = vec![(Arc::from(hostile), 1.0)]);
    for kind in Kind::ALL {
        let svg = kind.draw(hostile, &samples).unwrap();
        assert!(!svg.contains("<script") && !svg.contains(" onload=\"x"), "{svg}");
        assert_eq!(count(&svg, "<title>"), 1);
    }
}

#[test]
fn no_samples_and_strange_ones_are_pictures_too() {
    for kind in Kind::ALL {
        assert!(kind.draw("orders", &[]).unwrap().contains("<title>"));
    }
    let samples = minute(1, |_, sample| {
        sample.wait = Some((0.0, f64::INFINITY));
        sample.traffic = vec![(Arc::from("a"), f64::NAN)];
        sample.size = usize::MAX;
    });
    for kind in Kind::ALL {
        assert!(kind.draw("orders", &samples).unwrap().ends_with("</svg>\n"));
    }
}

#[test]
fn what_is_older_than_five_minutes_is_left_out() {
    let samples = minute(10, |second, sample| sample.waiting = if second < 200 { 900 } else { 3 });
    let svg = Kind::Connections.draw("orders", &samples).unwrap();
    assert!(!svg.contains("\n900\n") && !svg.contains("\n1000\n"), "{svg}");
}

#[test]
fn kinds_are_known_by_their_names() {
    for kind in Kind::ALL {
        assert_eq!(Kind::of(kind.name()), Some(kind));
    }
    assert_eq!(Kind::of("Wait"), None);
}
