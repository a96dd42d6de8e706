//! The answer as people read it: the number, the picture, the table and the reasons; and as JSON.

use console::style;
use serde_json::{Value, json};

use super::advice::{Advice, percent};
use super::budget::{Budget, From};
use super::curve::Point;
use super::knee::Verdict;
use super::{End, Findings, chart};
use crate::units::{count, duration};

/// How wide sentences are.
const WIDTH: usize = 78;

/// Without a database.
pub(crate) fn arithmetic(advice: &Advice) -> String {
    format!("\n{}\n{}", headline(advice), reasons(advice))
}

/// All that was found out.
pub(crate) fn text(advice: &Advice, findings: &Findings) -> String {
    let knee = match &findings.verdict {
        Verdict::Knee(knee) => Some(knee.at.size),
        _ => None,
    };
    let about = format!("{} tasks, {}", count(findings.tasks.into()), findings.target);
    let mut text = format!("\n  {}\n\n", style(about).bold());
    text += &format!("  {}\n", style("queries/s, by connections").dim());
    text += &chart::draw(&findings.points, knee);
    text += &format!("\n  {}\n", style(ROW).dim());
    for point in &findings.points {
        text += &row(point, knee == Some(point.size));
    }
    text + &format!("\n{}\n{}", headline(advice), reasons(advice))
}

const ROW: &str = "     size     queries/s    spread        p99       held";

fn row(point: &Point, is_knee: bool) -> String {
    let mark = if is_knee { "→" } else { " " };
    let spread =
        if point.repeats > 1 { format!("±{}", percent(point.spread)) } else { "–".to_owned() };
    // Where nothing was finished there is nothing to tell.
    let told = |time| if point.speed > 0.0 { duration(time) } else { "–".to_owned() };
    let line = format!(
        "  {mark} {:>6} {:>13} {:>9} {:>10} {:>10}",
        point.size,
        count(point.speed.round() as u64),
        spread,
        told(point.p99),
        told(point.held())
    );
    if is_knee { format!("{}\n", style(line).yellow()) } else { line + "\n" }
}

fn headline(advice: &Advice) -> String {
    match advice.max_size {
        Some(max_size) => format!("  {}\n", style(format!("max_size {max_size}")).bold().green()),
        None => format!("  {}\n", style("No max_size can be advised.").bold().red()),
    }
}

fn reasons(advice: &Advice) -> String {
    advice.reasons.iter().map(|reason| wrapped(reason)).collect()
}

/// A sentence in lines, with a dash before it.
fn wrapped(sentence: &str) -> String {
    let (mut text, mut line) = (String::new(), "  -".to_owned());
    for word in sentence.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text += &format!("{line}\n");
            line = "   ".to_owned();
        }
        line += &format!(" {word}");
    }
    text + &line + "\n"
}

/// One line.
pub(crate) fn json(advice: &Advice, budget: &Budget, findings: Option<&Findings>) -> String {
    let mut all = json!({
        "max_size": advice.max_size,
        "by": advice.by.name(),
        "share": budget.share(),
        "limit": limit(budget),
        "reserve": budget.reserve,
        "processes": budget.processes,
        "reasons": advice.reasons,
    });
    if let Some(findings) = findings {
        let (knee, tolerance) = match &findings.verdict {
            Verdict::Knee(knee) => (Some(knee.at.size), Some(rounded(knee.tolerance * 100.0))),
            _ => (None, None),
        };
        all["target"] = json!(findings.target);
        all["tasks"] = json!(findings.tasks);
        all["knee"] = json!(knee);
        all["tolerance_percent"] = json!(tolerance);
        all["sizes"] = findings.points.iter().map(sized).collect();
        all["queries"] = json!(findings.done.queries);
        all["errors"] = json!(findings.done.errors);
        all["first_error"] = json!(findings.done.first_error);
        all["seconds"] = json!(rounded(findings.done.elapsed.as_secs_f64()));
        all["complete"] = json!(findings.end == End::Whole);
    }
    format!("{all}\n")
}

fn limit(budget: &Budget) -> Value {
    match (&budget.from, budget.limit) {
        (From::Server(limit), left) => json!({
            "from": limit.name,
            "allows": limit.allows,
            "for_superusers": limit.kept,
            "in_use": limit.taken,
            "left": left,
        }),
        (From::Given, Some(left)) => json!({ "from": "--limit", "allows": left, "left": left }),
        _ => Value::Null,
    }
}

fn sized(point: &Point) -> Value {
    json!({
        "size": point.size,
        "queries_per_second": rounded(point.speed),
        "spread_percent": rounded(point.spread * 100.0),
        "p99_us": rounded(point.p99.as_secs_f64() * 1e6),
        "held_us": rounded(point.held().as_secs_f64() * 1e6),
        "repeats": point.repeats,
    })
}

/// Three decimals are enough.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-27
    #[test]
    fn sentences_are_broken_at_blanks_within_80_columns() {
        let text = wrapped(&"word ".repeat(60));
        assert_eq!(text.split_whitespace().count(), 61);
        assert!(text.lines().count() > 3 && text.lines().all(|line| line.len() <= 80));
        assert!(
            text.starts_with("  - word")
                && text.lines().skip(1).all(|line| line.starts_with("    word"))
        );
        assert_eq!(wrapped("short"), "  - short\n");
        assert!(wrapped(&"x".repeat(100)).contains(&"x".repeat(100)));
    }
}
