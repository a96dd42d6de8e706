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
    for mark in ["10\u{202f}µs", "100\u{202f}µs", "1\u{202f}ms", "10\u{202f}ms", "100\u{202f}ms"]
    {
        assert!(svg.contains(&format!("\n{mark}\n")), "{mark} in {svg}");
    }
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
