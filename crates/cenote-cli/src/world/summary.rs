//! What came of the play: what each scene cost, what held and what did not, for people and as one line of JSON.

use std::fmt::Write;

use console::style;
use serde_json::{Value, json};

use super::checks::Check;
use super::script::{Scene, Trouble};
use crate::units::{count, duration};

pub(crate) struct Summary {
    pub(crate) seconds: f64,
    pub(crate) scenes: Vec<Scene>,
    pub(crate) checks: Vec<Check>,
    /// Why it did not come to its end.
    pub(crate) trouble: Option<Trouble>,
    /// The first errors of the load.
    pub(crate) words: Vec<String>,
}

impl Summary {
    /// What did not hold, in a sentence.
    pub(crate) fn broken(&self) -> Option<String> {
        let broken = self.checks.iter().filter(|check| !check.holds());
        let mut broken: Vec<String> = broken
            .map(|check| {
                format!("{}: {}, and {} allowed", check.what, check.found(), check.bound())
            })
            .collect();
        broken.extend(self.trouble.clone());
        (!broken.is_empty()).then(|| format!("the world did not hold: {}", broken.join("; ")))
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("\n  {}\n\n", style("What happened, and what it cost").bold());
        let head = format!(
            "  {:<27} {:>7} {:>15} {:>15} {:>7} {:>9} {:>9}",
            "", "took", "reads, failed", "writes, failed", "shed", "no read", "no write"
        );
        let _ = writeln!(text, "{}", style(head).dim());
        for scene in &self.scenes {
            let Scene { name, took, reads, writes, gaps, told } = scene;
            let pair = |good, failed| format!("{}, {}", count(good), count(failed));
            let _ = writeln!(
                text,
                "  {:<27} {:>7} {:>15} {:>15} {:>7} {:>9} {:>9}\n    {}",
                name,
                duration(*took),
                pair(reads.good, reads.failed),
                pair(writes.good, writes.failed),
                count(reads.shed + writes.shed),
                duration(gaps[0]),
                duration(gaps[1]),
                style(told).dim()
            );
        }
        let _ = writeln!(text, "\n  {}\n", style("What must hold").bold());
        for check in &self.checks {
            let sign = match check.holds() {
                true => style("ok").green(),
                false => style("NO").red().bold(),
            };
            let (what, found) = (check.what, check.found());
            let bound = style(check.bound()).dim();
            let _ = writeln!(text, "  {sign}  {what:<62} {found:>9}   {bound}");
        }
        if let Some(trouble) = &self.trouble {
            let _ = writeln!(text, "  {}  {trouble}", style("NO").red().bold());
        }
        for word in &self.words {
            let _ = writeln!(text, "      {word}");
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let millis = |time: &std::time::Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
        let scenes = self.scenes.iter().map(|scene| {
            json!({
                "name": scene.name,
                "ms": millis(&scene.took),
                "told": scene.told,
                "reads": scene.reads.good,
                "reads_failed": scene.reads.failed,
                "reads_shed": scene.reads.shed,
                "writes": scene.writes.good,
                "writes_failed": scene.writes.failed,
                "writes_shed": scene.writes.shed,
                "longest_without_a_read_ms": millis(&scene.gaps[0]),
                "longest_without_a_write_ms": millis(&scene.gaps[1]),
            })
        });
        let sum = |of: fn(&Scene) -> u64| self.scenes.iter().map(of).sum::<u64>();
        json!({
            "ok": self.broken().is_none(),
            "seconds": (self.seconds * 100.0).round() / 100.0,
            "reads": sum(|scene| scene.reads.good),
            "writes": sum(|scene| scene.writes.good),
            "shed": sum(|scene| scene.reads.shed + scene.writes.shed),
            "scenes": scenes.collect::<Vec<_>>(),
            "checks": self.checks.iter().map(Check::json).collect::<Vec<_>>(),
            "trouble": self.trouble,
            "errors": self.words,
        })
    }
}
