//! The rules by which the page says what is wrong, and how it writes numbers, as tables. The page's own modules are asked, with
//! the document of a world in which all is well, and one thing in it changed.

use crate::visit::Visit;

/// What becomes of the document, with `pool`, `cluster` and its second `node` at hand, and what is said of it then.
const RULES: &[(&str, &str)] = &[
    ("", ""),
    ("pool.rate.failed = 2.5", "bad failing"),
    ("node.pool.rate.failed = 2.5", "warn failing"),
    ("pool.wait.recent = { count: 9, p50_ms: 0, p95_ms: 9, p99_ms: 99 }", ""),
    ("pool.wait.recent = { count: 9, p50_ms: 0, p95_ms: 9, p99_ms: 100 }", "warn slow"),
    ("pool.wait.recent = { count: 9, p50_ms: 0, p95_ms: 9, p99_ms: 1000 }", "bad slow"),
    ("cluster.wait.recent = { count: 9, p50_ms: 0, p95_ms: 9, p99_ms: 1000 }", "bad slow"),
    ("pool.status.waiting = 3", ""),
    ("pool.status.waiting = 3; pool.rate.acquired = 0", "bad stuck"),
    (
        "pool.status.waiting = 3; pool.rate.acquired = 0; pool.status.state = 'paused'",
        "warn paused",
    ),
    ("pool.status.state = 'draining'", "warn draining"),
    ("pool.status.state = 'closed'", "info closed"),
    ("pool.status.state = 'new_word'", "warn new word"),
    ("pool.error = 'no'", "bad connects"),
    ("pool.error = 'no'; pool.connect_failures.permanent += 1", "bad refused"),
    ("pool.connect_failures.overload += 1", "warn full"),
    ("pool.counts.leaked += 1", "warn leak"),
    ("pool.holders = [{ held_ms: 60000, location: 'a.rs:1:1', connection: 1 }]", ""),
    ("pool.holders = [{ held_ms: 60001, location: 'a.rs:1:1', connection: 1 }]", "warn held"),
    ("cluster.state = 'paused'", "warn paused"),
    ("cluster.no_primary = 'it left'", "bad no primary"),
    (
        "cluster.nodes.forEach((one) => { one.serves = false; one.condition = 'unreachable'; })",
        "bad down, bad unreachable, bad unreachable, bad unreachable",
    ),
    ("node.condition = 'suspect'", ""),
    ("node.condition = 'slow_start'; node.share = 0.1", ""),
    ("node.condition = 'new'; node.serves = false", ""),
    ("node.condition = 'ejected'; node.serves = false", "bad ejected"),
    ("node.condition = 'ejected'", "bad ejected"),
    ("node.condition = 'half_open'; node.serves = false", "warn out"),
    ("node.condition = 'half_open'", "warn trying again"),
    (
        "node.condition = 'unreachable'; node.serves = false; node.error = 'refused'",
        "bad unreachable",
    ),
    ("node.condition = 'not_known_here'", "warn not known here"),
    ("node.serves = false", "warn out"),
    ("node.lagging = true; node.lag_ms = 5000", "warn lagging"),
    ("node.by_hand = 'drained'; node.serves = false", "warn drained"),
    ("node.by_hand = 'ejected'; node.serves = false", "warn ejected"),
    // The worst comes first.
    ("pool.counts.leaked += 1; node.condition = 'ejected'", "bad ejected, warn leak"),
];

#[test]
fn what_is_wrong_is_said_and_nothing_else() {
    let visit = Visit::new();
    for (change, said) in RULES {
        let found = visit.value(&format!(
            "(async () => {{
                const {{ Judge }} = await import('/assets/verdict.js');
                const known = await (await fetch('status')).json();
                const calm = (one) => {{ one.rate = {{ acquired: 9, failed: 0 }}; one.wait.recent = null; one.holders = []; }};
                known.pools.forEach((one) => {{ calm(one); one.status.waiting = 0; }});
                known.clusters.forEach((one) => {{
                    one.wait.recent = null;
                    one.total.waiting = 0;
                    one.nodes.forEach((node) => {{ calm(node.pool); node.condition = 'online'; }});
                }});
                const judge = new Judge();
                const before = judge.problems(known);
                if (before.length) return 'before: ' + before.map((one) => one.text);
                const [pool, cluster] = [known.pools[0], known.clusters[0]];
                const node = cluster.nodes[1];
                {change};
                known.at += 1000;
                return judge.problems(known).map((one) => one.level + ' ' + one.word).join(', ');
            }})()"
        ));
        assert_eq!(found.unwrap(), *said, "{change}");
    }
    visit.leave(&[]);
}

#[test]
fn what_happened_once_is_said_for_half_a_minute() {
    let visit = Visit::new();
    let said = visit.value(
        "(async () => {
            const { Judge } = await import('/assets/verdict.js');
            const known = await (await fetch('status')).json();
            known.clusters = [];
            known.pools.length = 1;
            known.pools[0].wait.recent = null;
            known.pools[0].holders = [];
            const judge = new Judge();
            const words = () => judge.problems(known).map((one) => one.word).join();
            const said = [words()];
            known.pools[0].counts.leaked += 1;
            for (const later of [1_000, 29_000, 1_000, 1_000]) {
                known.at += later;
                said.push(words());
            }
            return said.join('|');
        })()",
    );
    assert_eq!(said.unwrap(), "|leak|leak||");
    visit.leave(&[]);
}

/// A call of `units.js`, and the text it gives; thin spaces are shown as spaces.
const TEXTS: &[(&str, &str)] = &[
    ("time(null)", "–"),
    ("time(undefined)", "–"),
    ("time(0)", "0 ms"),
    ("time(0.0123)", "12.3 µs"),
    ("time(0.9994)", "999 µs"),
    ("time(0.9996)", "1.00 ms"),
    ("time(9.996)", "10.0 ms"),
    ("time(99.96)", "100 ms"),
    ("time(999.4)", "999 ms"),
    ("time(999.6)", "1.00 s"),
    ("time(30000)", "30.0 s"),
    ("time(119960)", "2.00 min"),
    ("time(7200000)", "2.00 h"),
    ("ago(900)", "0 s"),
    ("ago(61900)", "61 s"),
    ("ago(180000)", "3.00 min"),
    ("rate(0)", "0 /s"),
    ("rate(0.001)", "< 0.01 /s"),
    ("rate(1234.5)", "1,235 /s"),
    ("percent(0)", "0 %"),
    ("percent(0.004)", "< 1 %"),
    ("percent(0.34)", "34 %"),
    ("percent(0.999)", "> 99 %"),
    ("percent(1)", "100 %"),
    ("of(3, null)", "3"),
    ("of(3, 8)", "3 of 8"),
    ("count(1234567)", "1,234,567"),
    ("words('slow_start')", "slow start"),
    ("some(1, 'node')", "1 node"),
    ("some(2, 'node')", "2 nodes"),
];

#[test]
fn numbers_are_written_as_people_read_them() {
    let visit = Visit::new();
    for (call, text) in TEXTS {
        let written =
            visit.value(&format!("import('/assets/units.js').then((units) => units.{call})"));
        let written = written.unwrap().as_str().unwrap().replace('\u{202f}', " ");
        assert_eq!(written, *text, "{call}");
    }
    visit.leave(&[]);
}
