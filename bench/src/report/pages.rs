//! Writes what was measured into the guide and the README: between `<!-- bench NAME -->` and `<!-- /bench -->` stands what
//! the command has made, and nothing else is touched. A block whose scenario was not measured stays as it is.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{picture, table};
use crate::figures::{Metric, Sheet};
use crate::pools;
use crate::scenarios::{Scenario, crowd, hit, queue};
use crate::versions;

const PAGES: &[&str] = &["README.md", "book/src/speed.md"];
const PICTURES: &str = "book/src/pictures";

/// Writes all of it below this folder; the names of what was written.
pub(crate) fn write(root: &Path, sheet: &Sheet) -> Result<Vec<String>, String> {
    let failed = |name: &str, error: io::Error| format!("{name} cannot be written: {error}");
    let mut written = Vec::new();
    for page in PAGES {
        let path = root.join(page);
        let text = fs::read_to_string(&path).map_err(|error| failed(page, error))?;
        let filled = fill(page, &text, &|block| make(block, sheet))?;
        if filled != text {
            fs::write(&path, filled).map_err(|error| failed(page, error))?;
            written.push((*page).to_owned());
        }
    }
    for picture in picture::ALL {
        let Some(svg) = picture.draw(sheet) else { continue };
        let name = format!("{PICTURES}/{}", picture.file);
        fs::create_dir_all(root.join(PICTURES)).map_err(|error| failed(PICTURES, error))?;
        fs::write(root.join(&name), svg + "\n").map_err(|error| failed(&name, error))?;
        written.push(name);
    }
    Ok(written)
}

/// What a block says.
enum Block {
    Made(String),
    NotMeasured,
    Unknown,
}

fn make(name: &str, sheet: &Sheet) -> Block {
    let measured = table::measured(sheet);
    let all = measured.len() == Scenario::ALL.len();
    let of_all = |made: String| if all { Block::Made(made) } else { Block::NotMeasured };
    match name {
        "about" => of_all(about()),
        "short" => of_all(short(sheet)),
        "targets" => of_all(table::of_targets(sheet)),
        _ => match Scenario::find(name) {
            Some(scenario) if measured.contains(&scenario) => {
                Block::Made(table::of_scenario(sheet, scenario))
            }
            Some(_) => Block::NotMeasured,
            None => Block::Unknown,
        },
    }
}

const BEGIN: &str = "<!-- bench ";
const END: &str = "<!-- /bench -->";

/// The text with its blocks made anew.
fn fill(page: &str, text: &str, make: &dyn Fn(&str) -> Block) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) =
            after.split_once(" -->").ok_or(format!("{page}: a block has no name"))?;
        let (old, after) =
            after.split_once(END).ok_or(format!("{page}: the block \"{name}\" has no end"))?;
        let new = match make(name) {
            Block::Made(new) => format!("\n\n{}\n\n", new.trim_end()),
            Block::NotMeasured => old.to_owned(),
            Block::Unknown => return Err(format!("{page}: nobody can make the block \"{name}\"")),
        };
        filled += &format!("{before}{BEGIN}{name} -->{new}{END}");
        rest = after;
    }
    Ok(filled + rest)
}

/// When, where, and which versions.
fn about() -> String {
    let versions: Vec<String> = pools::ALL
        .iter()
        .filter(|pool| !pool.package.is_empty())
        .map(|pool| format!("{} {}", pool.package, versions::of(pool.package)))
        .collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let system = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
    let processor = processor().unwrap_or_default();
    let versions = versions.join(", ");
    format!("Measured on {}: {system}, {cores} cores{processor}. {versions}.", today())
}

/// The processor's name, where the system tells it.
fn processor() -> Option<String> {
    let all = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = all.lines().find(|line| line.starts_with("model name"))?;
    Some(format!(" ({})", line.split_once(':')?.1.trim()))
}

/// The date in Greenwich, as 2026-01-31.
pub(crate) fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// Days since the first of January 1970, counted by years that begin with March, so that the odd day comes last.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day_of_month:02}", era * 400 + year + next)
}

/// The README's table: a few figures of each pool at its best settings.
fn short(sheet: &Sheet) -> String {
    const ROWS: [(Scenario, Metric, &str); 5] = [
        (Scenario::S1, hit::CYCLE, "hit, ns"),
        (Scenario::S1, hit::INSTRUCTIONS, "instructions"),
        (Scenario::S4, queue::CYCLE, "64 tasks over 8, ns"),
        (Scenario::S4, queue::TURNS, "turns of the last"),
        (Scenario::S5, crowd::P99, "10,000 tasks over 8, p99 in ms"),
    ];
    let mut text = String::from("| pool |");
    for (_, _, name) in ROWS {
        text += &format!(" {name} |");
    }
    text += "\n|---|---|---|---|---|---|\n";
    for pool in pools::ALL.iter().filter(|pool| pool.name != pools::NONE) {
        let Some(tuning) = pool.tunings.last() else { continue };
        text += &format!("| {} |", pool.name);
        for (scenario, metric, name) in ROWS {
            let settings =
                if pool.name == pools::OURS { scenario.judged().name() } else { tuning.name() };
            let cell = sheet.find(scenario, pool.name, settings, metric.name).map(|figure| {
                match name.ends_with("in ms") {
                    true => format!("{:.1}", figure.median() / 1e6),
                    false => table::number(metric.unit, figure.median()),
                }
            });
            text += &format!(" {} |", cell.as_deref().unwrap_or("–"));
        }
        text += "\n";
    }
    let tuned = "Cenote by default settings for a hit and the crowd, without deadline for the queue; the others tuned";
    format!("{text}\n{tuned}. {}", about())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<String, String> {
        fill("page.md", text, &|name| match name {
            "S1" => Block::Made("| new |\n".to_owned()),
            "S2" => Block::NotMeasured,
            _ => Block::Unknown,
        })
    }

    #[test]
    fn a_block_is_made_anew_and_nothing_else_is_touched() {
        let text = "a\n<!-- bench S1 -->\nold\n<!-- /bench -->\nb\n<!-- bench S2 -->\nkept\n<!-- /bench -->\nc\n";
        let new = "a\n<!-- bench S1 -->\n\n| new |\n\n<!-- /bench -->\nb\n<!-- bench S2 -->\nkept\n<!-- /bench -->\nc\n";
        assert_eq!(made(text).as_deref(), Ok(new));
        assert_eq!(made(new).as_deref(), Ok(new), "doing it twice changes nothing");
    }

    #[test]
    fn a_block_that_nobody_can_make_is_named() {
        let wrong = |text: &str| made(text).unwrap_err();
        assert!(wrong("<!-- bench S8 --><!-- /bench -->").contains("page.md: nobody can make"));
        assert!(wrong("<!-- bench S1 --> …").contains("\"S1\" has no end"));
    }

    #[test]
    fn the_blocks_of_the_pages_can_be_made() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for page in PAGES {
            let text = fs::read_to_string(root.join(page)).unwrap();
            let filled = fill(page, &text, &|name| make(name, &Sheet::default()));
            assert_eq!(filled.as_deref(), Ok(text.as_str()), "nothing was measured");
            assert!(text.contains(BEGIN), "{page} has no block");
        }
    }

    #[test]
    fn days_have_their_dates() {
        let days = [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_777, "2026-11-20")];
        for (day, text) in days {
            assert_eq!(date(day), text);
        }
    }
}
